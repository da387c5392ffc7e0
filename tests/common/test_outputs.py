"""Where a command may write."""

import os
import subprocess
import sys

import numpy
import pytest
from safetensors.numpy import save_file

from minibert.common.outputs import MARKER, changes, check_output, own_folder


def test_own_folder_is_new_empty_or_ours(tmp_path):
    folder = tmp_path / "a" / "run"
    with own_folder(folder):
        assert (folder / MARKER).is_file()
    assert not folder.exists()  # nothing was put into it
    for _ in range(2):
        with own_folder(folder):
            (folder / "result").write_text("1")
    assert sorted(os.listdir(folder)) == [MARKER, "result"]
    (folder / MARKER).unlink()
    with pytest.raises(ValueError, match="minibert did not make it"), own_folder(folder):
        pass
    with own_folder(folder, older=["result"]):
        pass
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(KeyError), own_folder(empty):
        raise KeyError
    assert os.listdir(empty) == []  # a folder that the user made stays
    parts = tmp_path / "v.npy.parts"  # a kill came before the marker
    parts.mkdir()
    with own_folder(parts):
        pass
    assert not parts.exists()
    (tmp_path / "file").write_text("x")
    with pytest.raises(ValueError, match="minibert did not make it"), own_folder(tmp_path / "file"):
        pass


def test_a_second_run_in_the_same_folder_is_refused(tmp_path):
    code = (
        "import sys; from pathlib import Path; from minibert.common.outputs import own_folder\n"
        "with own_folder(Path(sys.argv[1])): pass"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "run")]
    with own_folder(tmp_path / "run"):
        second = subprocess.run(command, capture_output=True, text=True)
        assert "another run writes in" in second.stderr
        assert (tmp_path / "run" / MARKER).is_file()
    assert subprocess.run(command).returncode == 0


def test_an_output_is_never_an_input(tmp_path):
    source = tmp_path / "a.npy"
    numpy.save(source, numpy.zeros((2, 2), "f4"))
    os.link(source, tmp_path / "b.npy")
    os.symlink(source, tmp_path / "c.npy")
    os.symlink(tmp_path, tmp_path / "folder")
    for out in ("a.npy", "b.npy", "c.npy", "folder/a.npy"):
        with pytest.raises(ValueError, match="is the input"):
            check_output(tmp_path / out, [source], overwrite=True)


def test_what_may_be_overwritten(tmp_path):
    theirs, ours = tmp_path / "theirs.npy", tmp_path / "ours.npy"
    numpy.save(theirs, numpy.zeros(3, "i8"))
    numpy.save(ours, numpy.zeros((3, 4), "f4"))
    save_file({"x": numpy.zeros(3)}, tmp_path / "theirs.safetensors")
    save_file({"vectors": numpy.zeros(3)}, tmp_path / "ours.safetensors")
    (tmp_path / "theirs.png").write_bytes(b"\x89PNG")
    (tmp_path / "folder.npy").mkdir()
    (tmp_path / "link.npy").symlink_to(tmp_path / "nowhere")
    for name in ("theirs.npy", "theirs.safetensors", "theirs.png", "folder.npy", "link.npy"):
        with pytest.raises(ValueError, match="minibert did not write it"):
            check_output(tmp_path / name, [], overwrite=True)
    for name in ("ours.npy", "ours.safetensors"):
        with pytest.raises(ValueError, match="--overwrite"):
            check_output(tmp_path / name, [], overwrite=False)
        check_output(tmp_path / name, [], overwrite=True)
    with pytest.raises(ValueError, match="there is no folder"):
        check_output(tmp_path / "none" / "v.npy", [], overwrite=True)
    (tmp_path / "empty.npy").touch()
    check_output(tmp_path / "empty.npy", [], overwrite=False)


def test_changes_name_what_differs():
    assert changes({"a": 1, "b": [2]}, {"a": 1, "b": (2,)}) == ""
    assert changes({"a": 1}, {"a": 2, "b": "x"}) == "a 1, not 2, b None, not 'x'"

"""A reader sees the old file or the new one, whatever happens between."""

import os
import subprocess
import sys

import pytest

from minibert.common.files import replacing, replacing_in_folder

KILLED = """
import os, signal, sys
from pathlib import Path
from minibert.common.files import replacing, replacing_in_folder
with {name}(Path(sys.argv[1])) as temporary:
    (temporary / "a" if temporary.is_dir() else temporary).write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def content(folder):
    return {file.name: file.read_text() for file in folder.iterdir() if file.is_file()}


def fail_after_half(file):
    file.write_text("half")
    raise OSError("the disk is full")


def test_a_file_appears_when_the_block_ends(tmp_path):
    target = tmp_path / "a.txt"
    for text in ("one", "two"):
        before = content(tmp_path)
        with replacing(target) as temporary:
            temporary.write_text(text)
            assert content(tmp_path) == {**before, temporary.name: text}
        assert content(tmp_path) == {"a.txt": text}


def test_after_an_error_the_old_file_is_there_and_nothing_else(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(OSError, match="full"), replacing(target) as temporary:
        fail_after_half(temporary)
    assert content(tmp_path) == {"a.txt": "old"}
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "no" / "a.txt") as temporary:
        temporary.write_text("half")
    with pytest.raises(FileNotFoundError), replacing(target):
        pass  # nothing was written
    assert content(tmp_path) == {"a.txt": "old"}


def test_after_a_kill_the_old_file_is_there_and_the_next_write_clears_up(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    program = KILLED.format(name="replacing")
    assert subprocess.run([sys.executable, "-c", program, str(target)]).returncode == -9
    assert target.read_text() == "old"
    assert len(os.listdir(tmp_path)) == 2
    with replacing(target) as temporary:
        temporary.write_text("new")
    assert content(tmp_path) == {"a.txt": "new"}


def test_a_folder_appears_whole(tmp_path):
    target = tmp_path / "deep" / "model"
    with replacing_in_folder(target) as temporary:
        (temporary / "a").write_text("1")
        assert not target.exists()
        (temporary / "b").write_text("2")
    assert content(target) == {"a": "1", "b": "2"}
    assert os.listdir(target.parent) == ["model"]


def test_in_a_folder_that_is_there_other_files_stay(tmp_path):
    target = tmp_path / "model"
    target.mkdir()
    (target / "mine").write_text("mine")
    (target / "a").write_text("old")
    with pytest.raises(OSError, match="full"), replacing_in_folder(target) as temporary:
        fail_after_half(temporary / "a")
    assert content(target) == {"mine": "mine", "a": "old"}
    program = KILLED.format(name="replacing_in_folder")
    assert subprocess.run([sys.executable, "-c", program, str(target)]).returncode == -9
    assert content(target) == {"mine": "mine", "a": "old"}
    with replacing_in_folder(target) as temporary:
        (temporary / "a").write_text("new")
    assert content(target) == {"mine": "mine", "a": "new"}
    assert os.listdir(tmp_path) == ["model"]

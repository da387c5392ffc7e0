import gzip
import lzma

import pytest

from minibert.pretraining.reading import corpus_lines


def test_lines_of_all_kinds_of_files(tmp_path):
    content = "one\r\ntwo \n\n  three 中\n".encode()
    (tmp_path / "a.txt").write_bytes(content)
    (tmp_path / "b.gz").write_bytes(gzip.compress(content))
    (tmp_path / "c.xz").write_bytes(lzma.compress(content))
    files = [tmp_path / name for name in ("a.txt", "b.gz", "c.xz")]
    assert list(corpus_lines(files)) == ["one", "two", "", "three 中", ""] * 3


def test_a_byte_order_mark_is_no_text(tmp_path):
    file = tmp_path / "windows.txt"
    file.write_text("one\ntwo", encoding="utf-8-sig")
    assert list(corpus_lines([file])) == ["one", "two", ""]


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".xz", lzma.compress)])
def test_a_broken_archive(tmp_path, suffix, pack):
    whole = pack(b"a line of text\n" * 10_000)
    for content in (whole[: len(whole) // 2], b"no archive at all"):
        file = tmp_path / f"text{suffix}"
        file.write_bytes(content)
        with pytest.raises(ValueError, match="the archive is broken or cut short"):
            list(corpus_lines([file]))

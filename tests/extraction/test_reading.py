import gzip
import lzma

import pytest

from minibert.common.lines import Line, blocks, count_lines
from minibert.extraction.reading import read_source


def file(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    return path


def test_lists_and_iterators():
    assert list(read_source(iter(["a", ""]))) == [Line(1, "a"), Line(2, "")]
    assert list(read_source(["a", None])) == [Line(1, "a"), Line(2, "", "not a text but NoneType")]


def test_one_text_a_line(tmp_path):
    path = file(tmp_path, "t.txt", "a\r\n\nb\u2028c\x0bd\nlast".encode())
    assert [line.text for line in read_source(path)] == ["a", "", "b\u2028c\x0bd", "last"]
    assert count_lines(path) == 4
    assert count_lines(file(tmp_path, "u.txt", b"a\nb\n")) == 2
    assert count_lines(file(tmp_path, "v.txt", b"")) == 0


def test_jsonl(tmp_path):
    path = file(tmp_path, "t.jsonl", b'{"s": "a\\nb"}\n{"t": 1}\n[1]\n{"s": 2}\n{\n')
    lines = list(read_source(path, field="s"))
    assert lines[0] == Line(1, "a\nb")
    assert [line.error for line in lines[1:4]] == [
        "no object with a field 's'",
        "no object with a field 's'",
        "not a text but int",
    ]
    assert lines[4].error.startswith("not JSON: ")


def test_tsv(tmp_path):
    path = file(tmp_path, "t.tsv", b"a\tb\nc\n")
    assert list(read_source(path, column=1)) == [Line(1, "b"), Line(2, "", "no column 1")]


def test_csv(tmp_path):
    content = 'id,text\n1,"a, ""b""\nc"\n2,d\n3,"e\n\n4,f\n'
    path = file(tmp_path, "t.csv", content.encode())
    never_closed = Line(7, "", "not a row: unexpected end of data")
    expected = [Line(3, 'a, "b"\nc'), Line(4, "d"), never_closed]
    assert list(read_source(path, column="text")) == expected
    assert list(read_source(path, column=1, header=True)) == expected
    assert next(read_source(path, column=1)) == Line(1, "text")
    path = file(tmp_path, "t.csv.gz", gzip.compress(b"a,b\n\nc\n\xff,d\ne,f\n"))
    found = [line.error or line.text for line in read_source(path, column=1)]
    assert found == ["b", "no column 1", "no column 1", "not UTF-8 at byte 0", "f"]
    for column in ("x", "a"):
        with pytest.raises(ValueError, match=f"line 1 has not one column '{column}', but a, a"):
            list(read_source(file(tmp_path, "u.csv", b"a,a\n"), column=column))


def test_invalid_utf8_is_told_with_its_place(tmp_path):
    path = file(tmp_path, "t.txt", b"good\nab\xffc\ngood\n")
    lines = list(read_source(path))
    assert lines[1] == Line(2, "", "not UTF-8 at byte 2")
    assert lines[2] == Line(3, "good")


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("t.jsonl", {}, "a .jsonl file needs a field"),
        ("t.txt", {"field": "s"}, "a .jsonl file needs a field"),
        ("t.tsv", {}, ".tsv files need a column"),
        ("t.txt", {"column": 0}, ".tsv files need a column"),
        ("t.txt", {"header": True}, "only .csv and .tsv files have a header"),
        ("t.tsv", {"column": -1}, "column must be a name or a number from 0, not -1"),
        ("t.parquet", {}, "what is in a .parquet file"),
    ],
)
def test_files_and_their_options(tmp_path, name, options, message):
    with pytest.raises(ValueError, match=message):
        read_source(file(tmp_path, name, b"a\n"), **options)


def test_what_cannot_be_read(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file"):
        read_source(tmp_path / "nowhere.txt")
    with pytest.raises(ValueError, match="field, column and header belong to files"):
        read_source(["a"], field="s")


def test_blocks():
    assert [len(block) for block in blocks(read_source(["a"] * 7), 3)] == [3, 3, 1]
    assert list(blocks(read_source([]), 3)) == []


def test_packed_files_and_a_byte_order_mark(tmp_path):
    content = b'\xef\xbb\xbf{"s": "a"}\n{"s": "b\xc3\xa9"}\n'
    for name, pack in (
        ("t.jsonl", bytes),
        ("t.jsonl.gz", gzip.compress),
        ("t.jsonl.xz", lzma.compress),
    ):
        path = file(tmp_path, name, pack(content))
        assert list(read_source(path, field="s")) == [Line(1, "a"), Line(2, "bé")]
        assert count_lines(path) == (2 if name == "t.jsonl" else None)
    with pytest.raises(ValueError, match=r"a .jsonl file needs a field"):
        read_source(tmp_path / "t.jsonl.gz")
    assert [line.text for line in read_source(file(tmp_path, "t.xz", lzma.compress(b"a\nb")))] == [
        "a",
        "b",
    ]

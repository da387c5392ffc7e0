import gzip

import pytest

from minibert import summarize
from minibert.cli import main

TEXT = (
    "The river flows into the sea. It is the longest river of the country. Boats go on it.\n"
    "\n"
    "In 1950 a bridge was built over the river.\tIt was the first bridge over the river. "
    "The bridge was closed in 1990. Nobody knows why!\n"
)


@pytest.mark.parametrize("choices", [{}, {"method": "lexrank"}, {"balance": 0.3, "layers": "-1"}])
def test_sentences_are_printed(capsys, tmp_path, choices):
    file = tmp_path / "text.txt.gz"
    file.write_bytes(gzip.compress(TEXT.encode()))
    options = [part for name, value in choices.items() for part in (f"--{name}", str(value))]
    assert main(["summarize", str(file), "--sentences", "2", *options]) == 0
    captured = capsys.readouterr()
    assert captured.out.splitlines() == summarize(TEXT, 2, **choices)
    assert captured.err == ""


def test_a_short_text_is_printed_whole(capsys, tmp_path):
    file = tmp_path / "text.txt"
    file.write_text("One. Two?\nThree")
    assert main(["summarize", str(file)]) == 0
    assert capsys.readouterr().out == "One.\nTwo?\nThree\n"


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (b"", [], "has no text"),
        (b"\xff", [], "line 1: not UTF-8 at byte 0"),
        (b"A. B. C.", ["--sentences", "0"], "sentences must be a whole number from 1"),
        (b"A. B. C. D.", ["--layers", "99"], "there is no layer '99'"),
        (b"A. B. C. D.", ["--balance", "2"], "balance is from 0 to 1"),
        (None, [], "there is no file"),
    ],
)
def test_one_line_errors(capsys, tmp_path, content, options, message):
    file = tmp_path / "text.txt"
    if content is not None:
        file.write_bytes(content)
    assert main(["summarize", str(file), *options]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert captured.err.count("\n") == 1

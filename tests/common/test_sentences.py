import pytest

from minibert.common.sentences import split_sentences


@pytest.mark.parametrize(
    ("paragraph", "sentences"),
    [
        ("One. Two? Three! four.", ["One.", "Two?", "Three! four."]),
        ('He said "No." Then he left.', ['He said "No." Then he left.']),
        ("A cost of 3.5 was paid. (Twice.) ", ["A cost of 3.5 was paid.", "(Twice.) "]),
        ("第一句。第二句！ 第三句？", ["第一句。", "第二句！", "第三句？"]),
        ("", [""]),
    ],
)
def test_sentences(paragraph, sentences):
    assert split_sentences(paragraph) == sentences

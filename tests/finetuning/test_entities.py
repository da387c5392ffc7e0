import random

import pytest
from seqeval.metrics.sequence_labeling import get_entities

from minibert.finetuning.entities import (
    Span,
    Tagged,
    check_tagged,
    check_tags,
    read_tagged,
    spans,
    tag_names,
    to_iob2,
)
from tests.shared import shared


def file(tmp_path, content):
    path = tmp_path / "a.conll"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_iob1_and_iob2_tell_the_same(tmp_path):
    iob1 = ["I-PER", "I-PER", "B-PER", "O", "I-LOC", "I-ORG", "I-ORG", "B-ORG"]
    iob2 = ["B-PER", "I-PER", "B-PER", "O", "B-LOC", "B-ORG", "I-ORG", "B-ORG"]
    assert to_iob2(iob1) == to_iob2(iob2) == iob2
    assert spans(iob1) == spans(iob2)
    lines = "".join(f"w{number} x {tag}\n" for number, tag in enumerate(iob1))
    (sentence,) = read_tagged(file(tmp_path, lines))
    assert sentence.tags == iob2


def test_an_end_is_the_word_behind_the_entity():
    assert spans(["O", "B-a-b", "I-a-b", "O"]) == [Span("a-b", 1, 3)]
    assert spans(["B-x", "I-x"]) == [Span("x", 0, 2)]
    assert spans(["B-x", "B-x"]) == [Span("x", 0, 1), Span("x", 1, 2)]
    assert spans(["I-x", "I-y", "O", "I-y"]) == [Span("x", 0, 1), Span("y", 1, 2), Span("y", 3, 4)]
    assert spans([]) == spans(["O"]) == []


def test_spans_are_those_of_seqeval_in_any_order_of_tags():
    draw = random.Random(1)
    for _ in range(500):
        tags = draw.choices(["O", "B-a", "I-a", "B-b-c", "I-b-c"], k=draw.randrange(12))
        expected = [Span(name, start, last + 1) for name, start, last in get_entities(tags)]
        assert spans(tags) == expected
        assert spans(to_iob2(tags)) == expected
        for tag, before in zip(to_iob2(tags), ["O", *to_iob2(tags)], strict=False):
            assert not tag.startswith("I-") or before[2:] == tag[2:]


def test_columns_blank_lines_and_docstart(tmp_path):
    content = (
        "-DOCSTART- -X- O O\n\nU.N.  NNP I-NP  B-ORG \r\nrests VB I-VP O\n \n\nOn IN O O\n"
        "-DOCSTART- -X- O O\nOff IN O I-LOC"
    )
    path = file(tmp_path, content)
    assert read_tagged(path) == [
        Tagged(["U.N.", "rests"], ["B-ORG", "O"], 3, str(path)),
        Tagged(["On"], ["O"], 7, str(path)),
        Tagged(["Off"], ["B-LOC"], 9, str(path)),
    ]
    path = file(tmp_path, "\ufeffSan Juan\tB-LOC\n\u2028\u00a0\tO\n\t\nb\tO\n")
    assert [one.words for one in read_tagged(path)] == [["San Juan", "\u2028\u00a0"], ["b"]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "has no sentences"),
        ("\n-DOCSTART- O\n\n", "has no sentences"),
        ("a O\nb S-PER\n", "line 2: tags are O, B-TYPE and I-TYPE .* not 'S-PER'"),
        ("a B-PER\nb E-PER\n", "line 2: .* not 'E-PER'"),
        ("a O\nb L-PER\n", "line 2: .* not 'L-PER'"),
        ("a O\nb PER\n", "line 2: .* not 'PER'"),
        ("a O\n\nb B\n", "line 3: .* not 'B'"),
        ("a O\nb B-\n", "line 2: .* not 'B-'"),
        ("a o\n", "line 1: .* not 'o'"),
        ("a\n", "line 1: 1 columns, not 2"),
        ("a O\nb x O\n", "line 2: 3 columns, not 2"),
        ("a\tO\nb\n", "line 2: 1 columns, not 2"),
        ("a\tO\n\tO\n", "line 2: 1 columns, not 2"),
        (b"a O\n\xff O\n", "line 2: not UTF-8 at byte 0"),
        (b"\xff\n", "line 1: not UTF-8 at byte 0"),
    ],
)
def test_wrong_files_are_told_by_line(tmp_path, content, message):
    path = file(tmp_path, content)
    with pytest.raises(ValueError, match=f"^{path}:? {message}"):
        read_tagged(path)


def test_tags_that_a_model_knows():
    train = [Tagged(["a", "b"], ["B-x", "O"], 1, "train"), Tagged(["c"], ["B-b"], 4, "train")]
    assert tag_names(train) == ["O", "B-b", "I-b", "B-x", "I-x"]
    check_tagged(train, [Tagged(["a", "b"], ["B-x", "I-x"], 1, "dev")])
    with pytest.raises(
        ValueError, match=r"^dev: line 6: label 'B-y', where the model knows O, B-b"
    ):
        check_tagged(train, [Tagged(["a", "b"], ["O", "B-y"], 5, "dev")])
    with pytest.raises(ValueError, match=r"^dev: line 1: label 'O'"):
        check_tags([Tagged(["a"], ["O"], 1, "dev")], ["B-x"])
    with pytest.raises(ValueError, match=r"^dev: each label is 'O'; they must differ"):
        check_tagged([Tagged(["a", "b"], ["O", "O"], 1, "dev")], train)


def test_wnut17():
    sentences = read_tagged(shared("data/wnut17/train.conll"))
    dev = read_tagged(shared("data/wnut17/dev.conll"))
    assert (len(sentences), len(dev)) == (3394, 1009)
    assert sum(len(spans(one.tags)) for one in sentences) == 1975
    assert len(tag_names(sentences)) == 13
    check_tagged(sentences, dev)
    lines = shared("data/wnut17/dev.conll").read_text(encoding="utf-8").split("\n")
    for one in dev:
        assert lines[one.line - 1 :][: len(one.words)] == list(
            map("\t".join, zip(one.words, one.tags, strict=True))
        )

import gzip

import pytest

from minibert.finetuning.examples import (
    Example,
    check_examples,
    check_labels,
    label_names,
    read_examples,
)
from tests.shared import shared


def file(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_columns_by_name_or_number(tmp_path):
    path = file(tmp_path, "a.tsv", 'label\ttext\tb\n1\tGood "film\t7\n0\tBad\t8\n')
    assert read_examples(path) == [
        Example('Good "film', None, "1", 2, str(path)),
        Example("Bad", None, "0", 3, str(path)),
    ]
    (first, _) = read_examples(path, pair="b", label=None)
    assert (first.text, first.pair, first.label) == ('Good "film', "7", None)
    found = read_examples(
        file(tmp_path, "b.csv", 'x,"y\n,z",4.5\nu,v,1\n'), text=0, pair=1, label=2
    )
    assert [(one.text, one.pair, one.label, one.line) for one in found] == [
        ("x", "y\n,z", "4.5", 2),
        ("u", "v", "1", 3),
    ]


def test_json_lines_and_plain_texts(tmp_path):
    content = (
        '{"text": "a", "label": 1}\n{"text": "b", "label": true}\n{"label": "x", "text": ""}\n'
    )
    found = read_examples(file(tmp_path, "a.jsonl.gz", gzip.compress(content.encode())))
    assert [(one.text, one.label, one.line) for one in found] == [
        ("a", "1", 1),
        ("b", "true", 2),
        ("", "x", 3),
    ]
    found = read_examples(file(tmp_path, "a.txt", "one\ntwo\n"), label=None)
    assert [one.text for one in found] == ["one", "two"]
    assert read_examples(file(tmp_path, "b.txt", ""), label=None) == []


def test_numbers(tmp_path):
    content = '{"text": "a", "label": 1}\n{"text": "b", "label": "2.5"}\n'
    found = read_examples(file(tmp_path, "a.jsonl", content), is_number=True)
    assert [one.label for one in found] == [1.0, 2.5]
    assert all(type(one.label) is float for one in found)


ROWS = "text\tlabel\na\t1\n"


@pytest.mark.parametrize(
    ("name", "content", "options", "message"),
    [
        (
            "a.tsv",
            "sentence\tlabel\na\t1\n",
            {},
            "line 1 has not one column 'text', but sentence, ",
        ),
        ("a.tsv", ROWS, {"pair": "b"}, "line 1 has not one column 'b', but text, label"),
        ("a.tsv", "", {}, " has no examples"),
        ("a.tsv", "text\tlabel\n", {}, " has no examples"),
        ("a.tsv", ROWS + "b\n", {}, "line 3: 1 columns, where the first row has 2"),
        ("a.tsv", ROWS + "b\t1\t2\n", {}, "line 3: 3 columns, where the first row has 2"),
        ("a.tsv", ROWS + "\n", {}, "line 3: 0 columns, where the first row has 2"),
        ("a.csv", "a,1\nb,0\n", {"text": 0, "label": 2}, "line 1: no column 2"),
        ("a.csv", 'text,label\n"a,1\n', {}, "line 2: not a row: unexpected end of data"),
        ("a.tsv", ROWS + "b\t\n", {}, 'line 3: "" is no label'),
        ("a.tsv", ROWS.encode() + b"\xff\t1\n", {}, "line 3: not UTF-8 at byte 0"),
        ("a.tsv", ROWS + "b\tnan\n", {"is_number": True}, 'line 3: "nan" is no number'),
        ("a.tsv", ROWS + "b\t-inf\n", {"is_number": True}, 'line 3: "-inf" is no number'),
        ("a.tsv", ROWS + "b\t1,5\n", {"is_number": True}, 'line 3: "1,5" is no number'),
        (
            "a.jsonl",
            '{"text": "a", "label": true}',
            {"is_number": True},
            "line 1: true is no number",
        ),
        ("a.jsonl", '{"text": "a", "label": NaN}', {"is_number": True}, "line 1: NaN is no number"),
        ("a.jsonl", '{"text": "a", "label": null}', {}, "line 1: null is no label"),
        ("a.jsonl", '{"text": "a", "label": [1]}', {}, r"line 1: \[1\] is no label"),
        ("a.jsonl", '{"text": 3, "label": 1}', {}, "line 1: not a text but int"),
        ("a.jsonl", '{"text": "a"}', {}, "line 1: no object with a field 'label'"),
        ("a.jsonl", "[1]", {}, "line 1: no object with a field 'text'"),
        ("a.jsonl", "text\tlabel", {}, "line 1: not JSON: "),
        ("a.jsonl", "{}", {"text": 0}, "fields of a .jsonl file have names, not 0"),
        ("a.csv", ROWS, {"text": -1}, "column must be a name or a number from 0, not -1"),
        ("a.txt", "a\n", {}, "has one text a line; columns are in .tsv"),
        ("a.json", "[]", {}, "what is in a .json file"),
    ],
)
def test_wrong_files_are_told_by_file_and_line(tmp_path, name, content, options, message):
    path = file(tmp_path, name, content)
    with pytest.raises(ValueError, match=message) as told:
        read_examples(path, **options)
    assert "\n" not in str(told.value)
    assert "column must be" in message or name in str(told.value)


def labelled(labels, name="train.tsv"):
    return [Example("a", label=label, line=line, file=name) for line, label in enumerate(labels, 2)]


def test_labels_in_order():
    assert label_names(labelled(["10", "9", "1", "9"])) == ["1", "9", "10"]
    assert label_names(labelled(["10", "9", "b", "B"])) == ["10", "9", "B", "b"]


def test_what_a_model_cannot_learn_from():
    train = labelled(["a", "b"])
    check_examples(train, labelled(["b", "b"], "dev.tsv"))
    check_examples(train, labelled(["c"], "dev.tsv"), known=["a", "b", "c"])
    with pytest.raises(
        ValueError, match=r"^dev.tsv: line 3: label 'c', where the model knows a, b$"
    ):
        check_examples(train, labelled(["a", "c"], "dev.tsv"))
    with pytest.raises(ValueError, match=r"^train.tsv: each label is 'a'; they must differ"):
        check_examples(labelled(["a", "a"]), train)
    with pytest.raises(ValueError, match="none to judge"):
        check_examples(train, [])
    with pytest.raises(ValueError, match="no examples to learn from"):
        check_examples([], train)
    with pytest.raises(ValueError, match=r"knows 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, …$"):
        check_labels(train, [str(number) for number in range(20)])
    numbers = labelled([1.0, 2.0])
    check_examples(numbers, labelled([3.0, 0.5]))
    with pytest.raises(ValueError, match=r"^dev.tsv: each label is 2.0"):
        check_examples(numbers, labelled([2.0, 2.0], "dev.tsv"))


def test_sst2_and_stsb():
    found = read_examples(shared("data/sst2/dev.tsv"), text="sentence")
    assert len(found) == 872
    assert label_names(found) == ["0", "1"]
    assert (found[0].text, found[0].label) == ("one long string of cliches .", "0")
    options = {"text": 0, "pair": 1, "label": 2, "is_number": True}
    train = read_examples(shared("data/stsb/stsb-en-train.csv"), **options)
    dev = read_examples(shared("data/stsb/stsb-en-dev.csv"), **options)
    assert (len(train), len(dev)) == (5749, 1500)
    assert dev[1].pair == "A child is riding a horse."
    assert (min(one.label for one in train), max(one.label for one in train)) == (0, 5)
    check_examples(train, dev)
    chinese = read_examples(shared("data/chnsenticorp/dev.tsv"), text="text_a")
    assert len(chinese) == 1200

import json
import lzma

import pytest

from minibert.finetuning.questions import Answer, Question, read_questions
from tests.shared import shared

CONTEXT = "It rained in Rome. 罗马下雨了。"


def entry(*answers, name="q1", **more):
    found = [{"answer_start": start, "text": text} for start, text in answers]
    return {"id": name, "question": "Where?", "answers": found, **more}


def file(tmp_path, *entries, context=CONTEXT):
    data = {"version": "2.0", "data": [{"paragraphs": [{"context": context, "qas": entries}]}]}
    path = tmp_path / "a.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


def test_questions_with_and_without_an_answer(tmp_path):
    path = file(
        tmp_path,
        entry((13, "Rome"), (10, "in Rome"), (19, "罗马"), is_impossible=False),
        entry(name="q2", is_impossible=True, plausible_answers=[{"text": "x", "answer_start": 0}]),
    )
    answers = [Answer(13, "Rome"), Answer(10, "in Rome"), Answer(19, "罗马")]
    expected = [
        Question("q1", "Where?", CONTEXT, answers, str(path)),
        Question("q2", "Where?", CONTEXT, [], str(path)),
    ]
    assert read_questions(path) == expected
    packed = tmp_path / "a.json.xz"
    packed.write_bytes(lzma.compress(b"\xef\xbb\xbf" + path.read_bytes()))
    assert [one.answers for one in read_questions(packed)] == [answers, []]
    path = file(tmp_path, {"id": "q", "question": "?"})
    assert read_questions(path, answers=False) == [Question("q", "?", CONTEXT, [], str(path))]


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([entry((12, "Rome"))], "question q1: 'Rome' is not at 12 of its context"),
        ([entry((13, "rome"))], "'rome' is not at 13"),
        (
            [entry((13, "Rome")), entry((13, "Rome"), (20, "罗马"), name="q2")],
            "question q2: '罗马'",
        ),
        ([entry((13, ""))], "'' is not at 13"),
        ([entry((-2, "了。"))], "'了。' is not at -2"),
        ([entry((99, "x"))], "'x' is not at 99"),
        ([entry(("13", "Rome"))], r"question q1 has no 'answer_start' \(int\)"),
        ([entry((True, "t"))], r"has no 'answer_start' \(int\)"),
        ([entry((13, None))], r"question q1 has no 'text' \(str\)"),
        ([entry()], "question q1 has 0 answers; is_impossible is true for 0 only"),
        ([entry((13, "Rome"), is_impossible=True)], "question q1 has 1 answers; is_impossible"),
        ([{"id": "q1", "question": "?"}], r"question q1 has no 'answers' \(list\)"),
        ([{"id": "q1", "answers": []}], r"question q1 has no 'question' \(str\)"),
        ([{"question": "?"}], r"data\[0\].paragraphs\[0\].qas\[0\] has no 'id' \(str\)"),
        (["?"], r"qas\[0\] has no 'id'"),
        ([], "has no questions"),
    ],
)
def test_wrong_questions_are_told_by_their_id(tmp_path, entries, message):
    path = file(tmp_path, *entries)
    with pytest.raises(ValueError, match=message) as told:
        read_questions(path)
    assert str(told.value).startswith(str(path))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not JSON: .*line 1 column 1"),
        (b'{"data": [\n}', "not JSON: .*line 2 column 1"),
        (b"[" * 200000, "not JSON: "),
        (b'{"data": "\xff"}', "not UTF-8 at byte 10"),
        (b"[]", r"has no 'data' \(list\) as SQuAD's format wants"),
        (b'{"data": {}}', r"has no 'data' \(list\)"),
        (b'{"data": [3]}', r"data\[0\] has no 'paragraphs' \(list\)"),
        (
            b'{"data": [{"paragraphs": [{"qas": []}]}]}',
            r"data\[0\].paragraphs\[0\] has no 'context' \(str\)",
        ),
        (
            b'{"data": [{"paragraphs": [{"context": ""}]}]}',
            r"data\[0\].paragraphs\[0\] has no 'qas' \(list\)",
        ),
        (b'{"data": []}', "has no questions"),
    ],
)
def test_other_files(tmp_path, content, message):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"^{path}:? ?{message}"):
        read_questions(path)


def test_squad_and_xquad():
    found = read_questions(shared("data/squad/squad-dev-v1.1-rebuilt.json.xz"))
    assert len(found) == 10570
    assert found[0].answers[0] == Answer(29, "October 1973")
    chinese = read_questions(shared("data/squad/xquad.zh.json"))
    assert len(chinese) == 1190
    assert (chinese[0].question, chinese[0].answers) == (
        "黑豹队的防守丢了多少分？",
        [Answer(10, "308")],
    )

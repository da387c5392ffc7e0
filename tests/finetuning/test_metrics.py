"""Each measure beside the library that people use, on random and on degenerate input."""

import random
import re
import string
from collections import Counter

import numpy
import pytest
import scipy.stats
import sklearn.metrics
import torch
from seqeval.metrics.sequence_labeling import precision_recall_fscore_support

from minibert.finetuning.metrics import (
    accuracy,
    answer_scores,
    confusion,
    entity_scores,
    f1,
    matthews,
    normalise,
    pearson,
    spearman,
    squad_scores,
)
from minibert.finetuning.questions import read_questions
from tests.shared import shared

pytestmark = pytest.mark.filterwarnings("ignore")  # theirs: something is not defined


def label_lists():
    """Wanted and predicted labels: random ones, one class only, constant predictions, …"""
    draw = random.Random(1)
    for names in ("ab", "abc", "abcdefg"):
        for size in (1, 2, 3, 10, 200):
            wanted = draw.choices(names, k=size)
            noisy = [one if draw.random() < 0.7 else draw.choice(names) for one in wanted]
            for predicted in (noisy, draw.choices(names, k=size), ["a"] * size, wanted):
                yield wanted, predicted
                yield predicted, wanted
            yield ["a"] * size, ["b"] * size


@pytest.mark.slow
def test_measures_of_labels_are_scikit_learns():
    for wanted, predicted in label_lists():
        near = pytest.approx(sklearn.metrics.accuracy_score(wanted, predicted), abs=1e-12)
        assert accuracy(wanted, predicted) == near
        near = pytest.approx(sklearn.metrics.matthews_corrcoef(wanted, predicted), abs=1e-12)
        assert matthews(wanted, predicted) == near
        macro = sklearn.metrics.f1_score(wanted, predicted, average="macro")
        assert f1(wanted, predicted) == pytest.approx(macro, abs=1e-12)
        each = sklearn.metrics.f1_score(wanted, predicted, labels=[*"abz"], average=None)
        assert [f1(wanted, predicted, one) for one in "abz"] == pytest.approx(each, abs=1e-12)
        expected = sklearn.metrics.confusion_matrix(wanted, predicted)
        assert (confusion(wanted, predicted) == expected).all()
        expected = sklearn.metrics.confusion_matrix(wanted, predicted, labels=[*"gfedcba"])
        assert (confusion(wanted, predicted, [*"gfedcba"]) == expected).all()


def test_labels_by_hand():
    wanted, predicted = [1, 1, 1, 0], [1, 0, 1, 1]
    assert accuracy(wanted, predicted) == 0.5
    assert f1(wanted, predicted, 1) == pytest.approx(2 / 3)
    assert f1(wanted, predicted) == pytest.approx(1 / 3)
    assert confusion(wanted, predicted).tolist() == [[0, 1], [1, 2]]
    assert matthews(wanted, predicted) == pytest.approx(-1 / 3)
    assert f1(torch.tensor(wanted), numpy.array(predicted), 1) == pytest.approx(2 / 3)


def test_other_names_for_the_labels_change_no_bit():
    """Text has another hash in each process, so a set of labels has another order."""
    draw = random.Random(1)
    wanted, predicted = (draw.choices(range(9), k=100) for _ in range(2))
    found = set()
    for _ in range(50):
        names = draw.sample(range(1000), 9)
        found.add(f1([names[one] for one in wanted], [names[one] for one in predicted]))
    assert len(found) == 1


def number_lists():
    draw = numpy.random.default_rng(1)
    for size in (2, 3, 5, 300):
        x = draw.normal(size=size)
        for y in (draw.normal(size=size), x + draw.normal(size=size), -x, 2 * x + 1, x**3):
            yield x, y
            yield numpy.round(x), numpy.round(y, 1)  # ties
            yield 1e200 * x, 1e-200 * y
            yield (1e8 + x).astype(numpy.float32), y
        yield x, numpy.full(size, 0.1)
        yield numpy.zeros(size), numpy.ones(size)


def test_correlations_are_scipys():
    for x, y in number_lists():
        expected = scipy.stats.pearsonr(numpy.float64(x), numpy.float64(y)).statistic
        assert pearson(x, y) == pytest.approx(expected, abs=1e-9, nan_ok=True)
        expected = scipy.stats.spearmanr(x, y).statistic
        assert spearman(x, y) == pytest.approx(expected, abs=1e-9, nan_ok=True)
    assert spearman([1, 2, 2, 4], [10, 30, 20, 40]) == pytest.approx(0.9486832980505138)
    assert numpy.isnan(pearson([1, 2, 3], [0.5, 0.5, 0.5]))
    assert pearson([1, 2, 3], [2, 4, 6]) <= 1


@pytest.mark.parametrize("measure", [accuracy, f1, matthews, confusion, pearson, spearman])
def test_what_cannot_be_scored(measure):
    for empty_or_not, other in (([], []), ([1.0], [1.0, 2.0]), ([1.0, 2.0], [1.0])):
        with pytest.raises(ValueError, match="predictions for"):
            measure(empty_or_not, other)
    for one, other in (([1.0, float("nan")], [1.0, 2.0]), ([1.0, 2.0], [float("nan"), 2.0])):
        with pytest.raises(ValueError, match="NaN cannot be scored"):
            measure(one, other)


def test_what_has_no_correlation_and_no_row():
    with pytest.raises(ValueError, match="at least two numbers, all finite"):
        pearson([1.0], [1.0])
    with pytest.raises(ValueError, match="at least two numbers, all finite"):
        pearson([1.0, float("inf")], [1.0, 2.0])
    with pytest.raises(ValueError, match=r"the labels are \['a'\], without \['b'\]"):
        confusion(["a"], ["b"], ["a"])


def tag_lists():
    """Sentences of random tags, out of order too, some predicted right."""
    draw = random.Random(2)
    for names in (["O"], ["O", "B-a", "I-a"], ["O", "O", "B-a", "I-a", "B-b-c", "I-b-c", "I-d"]):
        for size in (1, 2, 30):
            wanted = [draw.choices(names, k=draw.randrange(1, 9)) for _ in range(size)]
            near = [[one if draw.random() < 0.8 else "O" for one in tags] for tags in wanted]
            for predicted in (near, [draw.choices(names, k=len(tags)) for tags in wanted], wanted):
                yield wanted, predicted
                yield predicted, wanted


def test_scores_of_entities_are_seqevals():
    for wanted, predicted in tag_lists():
        micro, types = entity_scores(wanted, predicted)
        score = precision_recall_fscore_support
        precision, recall, both, _ = score(wanted, predicted, average="micro")
        assert micro[:3] == pytest.approx((precision, recall, both), abs=1e-12)
        expected = list(zip(*score(wanted, predicted, average=None), strict=True))
        assert [types[name] for name in sorted(types)] == [
            pytest.approx(one, abs=1e-12) for one in expected
        ]
        assert micro.wanted == sum(one[3] for one in expected)


def test_entities_by_hand():
    # A wrong end and a wrong type are no hits.
    wanted = [["B-x", "I-x", "O", "B-y"], ["B-x"]]
    predicted = [["B-x", "O", "O", "B-x"], ["I-x"]]
    micro, types = entity_scores(wanted, predicted)
    assert micro == pytest.approx((1 / 3, 1 / 3, 1 / 3, 3))
    assert types == {"x": pytest.approx((1 / 3, 1 / 2, 0.4, 2)), "y": (0, 0, 0, 1)}
    for other in ([["O"]], [["O"] * 4, ["O", "O"]]):
        with pytest.raises(ValueError, match="as many predicted tags as wanted"):
            entity_scores(wanted, other)
    with pytest.raises(ValueError, match="as many predicted tags"):
        entity_scores([], [])
    with pytest.raises(ValueError, match="not 'E-x'"):
        entity_scores([["B-x", "E-x"]], [["O", "O"]])


# SQuAD's rules once more, in the steps of its two scripts.


def plain(text):
    text = text.lower()
    text = "".join(sign for sign in text if sign not in string.punctuation)
    return " ".join(word for word in re.sub(r"\b(a|an|the)\b", " ", text).split())


def overlap(gold, said):
    return sum((Counter(gold) & Counter(said)).values())


def f1_of_version_1(gold, said):
    gold, said = plain(gold).split(), plain(said).split()
    same = overlap(gold, said)
    if same == 0:
        return 0
    precision, recall = same / len(said), same / len(gold)
    return 2 * precision * recall / (precision + recall)


def f1_of_version_2(gold, said):
    if not plain(gold).split() or not plain(said).split():
        return int(plain(gold).split() == plain(said).split())
    return f1_of_version_1(gold, said)


def by_the_script(golds, said, version):
    if version == 2:
        golds = [gold for gold in golds if plain(gold)] or [""]
    measure = {1: f1_of_version_1, 2: f1_of_version_2}[version]
    exact = max(int(plain(gold) == plain(said)) for gold in golds)
    return exact, max(measure(gold, said) for gold in golds)


def answers_at_random(draw, *, with_none):
    words = [
        "The",
        "the",
        "a",
        "an",
        "cat",
        "Cat.",
        "cat,dog",
        "dog",
        "3.5",
        ".",
        "中国",
        " ",
        "“x”",
    ]

    def text():
        return " ".join(draw.choices(words, k=draw.randrange(5)))

    golds = [text() for _ in range(draw.randrange(1 - with_none, 4))]
    return golds, draw.choice([text(), "", *golds])


def test_answers_are_scored_as_by_squads_scripts():
    draw = random.Random(3)
    for version in (1, 2):
        pairs = [answers_at_random(draw, with_none=version == 2) for _ in range(3000)]
        expected = [by_the_script(golds, said, version) for golds, said in pairs]
        for (golds, said), one in zip(pairs, expected, strict=True):
            assert answer_scores(golds, said, version == 2) == pytest.approx(one, abs=1e-12)
        scores = squad_scores(*zip(*pairs, strict=True))
        exact, mean = numpy.mean(expected, axis=0)
        assert (scores["exact"], scores["f1"]) == pytest.approx((exact, mean), abs=1e-12)
        if version == 2:
            has = numpy.array([bool(golds) for golds, _ in pairs])
            found = [
                scores[kind + name] for kind in ("HasAns_", "NoAns_") for name in ("exact", "f1")
            ]
            each = numpy.array(expected)
            means = [*each[has].mean(axis=0), *each[~has].mean(axis=0)]
            assert found == pytest.approx(means, abs=1e-12)
        else:
            assert [*scores] == ["exact", "f1"]


def test_answers_by_hand():
    assert normalise(" The  U.S.A.'s\tan\napple, a pie") == "usas apple pie"
    assert normalise("Then another theatre") == "then another theatre"
    assert normalise("“Zürich” – naïve") == "“zürich” – naïve"  # not ASCII: it stays
    assert normalise("the") == normalise("?!") == ""
    assert answer_scores(["Denver Broncos"], "The Broncos") == (0, pytest.approx(2 / 3))
    assert answer_scores(["to to be"], "to to to") == (0, pytest.approx(2 / 3))
    assert answer_scores(["no", "in 1973", "1973"], "1973.") == (1, 1)
    assert answer_scores([], "") == (1, 1)
    assert answer_scores([], "something") == (0, 0)
    assert answer_scores(["something"], "") == (0, 0)
    assert answer_scores(["the"], "a") == (1, 0)  # as version 1.1's script has it
    assert answer_scores(["the"], "a", with_none=True) == (1, 1)
    assert squad_scores([["a cat"], []], ["cat", "dog"]) == {
        "exact": 0.5,
        "f1": 0.5,
        "HasAns_exact": 1,
        "HasAns_f1": 1,
        "NoAns_exact": 0,
        "NoAns_f1": 0,
    }
    assert squad_scores([[]], [""]) == {"exact": 1, "f1": 1, "NoAns_exact": 1, "NoAns_f1": 1}
    for wanted, predicted in (([], []), ([["a"]], [])):
        with pytest.raises(ValueError, match="0 predictions for"):
            squad_scores(wanted, predicted)


def test_a_chinese_answer_is_one_token():
    assert answer_scores(["罗马帝国"], "罗马帝国") == (1, 1)
    assert answer_scores(["罗马帝国"], "罗马") == (0, 0)  # half right, but no token is shared
    assert answer_scores(["罗马。"], "罗马") == (0, 0)  # 。 is no ASCII punctuation


@pytest.mark.parametrize("name", ["squad-dev-v1.1-rebuilt.json.xz", "xquad.zh.json"])
def test_real_answers(name):
    questions = read_questions(shared(f"data/squad/{name}"))
    wanted = [[answer.text for answer in one.answers] for one in questions]
    said = [golds[-1] if number % 3 else golds[0][3:] for number, golds in enumerate(wanted)]
    expected = numpy.mean(
        [by_the_script(*one, 1) for one in zip(wanted, said, strict=True)], axis=0
    )
    scores = squad_scores(wanted, said)
    assert (scores["exact"], scores["f1"]) == pytest.approx(tuple(expected), abs=1e-12)
    assert squad_scores(wanted, [golds[0] for golds in wanted])["exact"] == 1

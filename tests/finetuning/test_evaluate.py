"""Scores and worst errors, beside predictions taken one by one."""

import random

import pytest
import torch

from minibert.finetuning import metrics
from minibert.finetuning.entities import Tagged
from minibert.finetuning.evaluate import MAIN, evaluate, measure, read_labelled
from minibert.finetuning.examples import Example
from minibert.finetuning.predict import predict
from minibert.finetuning.predictor import Predictor
from minibert.finetuning.questions import Answer, Question
from minibert.task_heads import BertForSequenceClassification
from tests.finetuning.models import CONFIG, TAGS, small, texts
from tests.tiny import randomise, tokenizer

TOKENIZER = tokenizer()
FIRST, SECOND = texts(random.Random(1), 40, 3), texts(random.Random(2), 40, 3)


def test_labels():
    model = small("classify")
    draw = random.Random(0)
    examples = [Example(text, None, draw.choice("pqr")) for text in FIRST]
    found = evaluate(model, TOKENIZER, examples, worst=7)
    said = predict(model, TOKENIZER, FIRST)
    wanted, got = [one.label for one in examples], [one["label"] for one in said]
    assert found["scores"] == {
        "accuracy": metrics.accuracy(wanted, got),
        "f1_macro": metrics.f1(wanted, got),
        "matthews": metrics.matthews(wanted, got),
    }
    assert found["scores"] == measure(model, TOKENIZER, examples)
    assert (found["kind"], found["main"], found["examples"]) == ("classify", "accuracy", 40)
    assert found["labels"] == ["p", "q", "r"]
    for row, one in zip(found["confusion"], "pqr", strict=True):
        pairs = [*zip(wanted, got, strict=True)]
        assert row == [pairs.count((one, other)) for other in "pqr"]
    wrong = [
        (one["probability"], one["text"], label)
        for one, label in zip(said, wanted, strict=True)
        if one["label"] != label
    ]
    wrong.sort(key=lambda one: -one[0])
    assert [(one["text"], one["wanted"]) for one in found["worst"]] == [w[1:] for w in wrong[:7]]
    with pytest.raises(ValueError, match="line 5: label 'z', where the model knows p, q, r"):
        evaluate(model, TOKENIZER, [Example("a", None, "z", 5)])
    with pytest.raises(ValueError, match="there are no examples to judge the model by"):
        evaluate(model, TOKENIZER, [])


def test_two_labels_and_labels_without_names():
    """The second label is the positive one; 1 is LABEL_1 of a model that has no better name."""
    model = randomise(BertForSequenceClassification(CONFIG).double(), 1)
    draw = random.Random(0)
    examples = [Example(text, None, draw.choice("01")) for text in FIRST]
    found = evaluate(model, TOKENIZER, examples)
    got = [one["label"][-1] for one in predict(model, TOKENIZER, FIRST)]
    wanted = [one.label for one in examples]
    assert found["scores"]["f1"] == metrics.f1(wanted, got, positive="1")
    assert found["scores"]["accuracy"] == metrics.accuracy(wanted, got)


def test_numbers_and_cosines():
    draw = random.Random(0)
    examples = [Example(a, b, draw.uniform(0, 5)) for a, b in zip(FIRST, SECOND, strict=True)]
    for model in (small("number"), small("tag").bert):
        found = evaluate(model, TOKENIZER, examples)
        got = [one["score"] for one in Predictor(model, TOKENIZER)(examples)]
        wanted = [one.label for one in examples]
        assert found["scores"] == {
            "pearson": metrics.pearson(wanted, got),
            "spearman": metrics.spearman(wanted, got),
        }
        assert found["main"] == "spearman"
        assert len(found["worst"]) == 20
        assert {*found["worst"][0]} == {"text", "pair", "wanted", "got"}
    # The worst is the one that is the farthest off, in each side's own spread.
    examples = [Example(text, None, float(text == FIRST[7])) for text in FIRST]
    assert evaluate(small("number"), TOKENIZER, examples)["worst"][0]["text"] == FIRST[7]


def test_tags():
    model = small("tag")
    draw = random.Random(0)
    sentences = [Tagged(text.split(), ["O"] * len(text.split())) for text in FIRST]
    sentences += [Tagged(["a", "b"], ["B-PER", "I-PER"]), Tagged(["c"], ["B-LOC"])]
    found = evaluate(model, TOKENIZER, sentences, worst=1000)
    got = [tags for tags, _, _ in Predictor(model, TOKENIZER).tags(sentences)]
    wanted = [one.tags for one in sentences]
    micro, types = metrics.entity_scores(wanted, got)
    assert found["scores"]["f1"] == micro.f1
    assert found["types"]["PER"] == types["PER"]._asdict()
    words = [[tag for tags in some for tag in tags] for some in (wanted, got)]
    wrong = sum(a != b for a, b in zip(*words, strict=True))
    assert len(found["worst"]) == wrong
    sure = [one["probability"] for one in found["worst"]]
    assert sure == sorted(sure, reverse=True)
    assert found["main"] == "f1"
    with pytest.raises(ValueError, match="label 'B-XYZ', where the model knows O, B-LOC"):
        evaluate(model, TOKENIZER, [Tagged(["a"], ["B-XYZ"], draw.randint(1, 9))])
    assert TAGS[0] == "O"


@pytest.mark.parametrize("with_none", [False, True])
def test_answers(with_none):
    model = small("answer")
    questions = []
    for number, (first, second) in enumerate(zip(FIRST, SECOND, strict=True)):
        word = second.split()[0]
        answers = [] if with_none and number % 3 == 0 else [Answer(0, word)]
        questions.append(Question(str(number), first, second, answers))
    found = evaluate(model, TOKENIZER, questions, no_answer=with_none, worst=1000)
    predictor = Predictor(model, TOKENIZER, no_answer=with_none)
    got = [one["answer"] for one in predictor(questions)]
    wanted = [[answer.text for answer in one.answers] for one in questions]
    assert found["scores"] == metrics.squad_scores(wanted, got)
    exact = round(found["scores"]["exact"] * len(questions))
    assert len(found["worst"]) == len(questions) - exact
    assert ("NoAns_f1" in found["scores"]) == with_none
    assert {*found["worst"][0]} == {"question", "wanted", "got", "probability"}


def test_texts_are_cut_to_a_line():
    model = small("classify")
    text = "ab\n\tcd  " * 100
    said = Predictor(model, TOKENIZER)([Example(text)])[0]["label"]
    other = next(label for label in "pqr" if label != said)
    (error,) = evaluate(model, TOKENIZER, [Example(text, None, other)])["worst"]
    assert error["text"].startswith("ab cd ab cd ")
    assert len(error["text"]) == 100
    assert error["text"].endswith("…")
    assert (error["wanted"], error["got"]) == (other, said)


def test_a_model_in_training_stays_as_it_is():
    """No dropout in the scores, none switched off in the model; no gradient, no random number."""
    examples = [Example(text, None, "p") for text in FIRST]
    model = small("classify")
    wanted = measure(model, TOKENIZER, examples)
    model.bert.encoder.layers[0].eval()
    model.train()
    model.classifier.weight.grad = torch.ones_like(model.classifier.weight)
    model.bert.embeddings.token.weight.requires_grad_(False)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    assert measure(model, TOKENIZER, examples) == wanted
    assert torch.equal(torch.get_rng_state(), state)
    assert all(module.training for module in model.modules())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert model.classifier.weight.grad.eq(1).all()
    assert not model.bert.embeddings.token.weight.requires_grad
    model(torch.tensor([[2, 5, 3]])).logits.sum().backward()  # it still learns
    assert torch.is_grad_enabled()


def test_the_main_score_is_one_of_the_scores():
    cases = {
        "classify": [Example("a", None, "p"), Example("b", None, "q")],
        "number": [Example("a", None, 1.0), Example("b c", None, 2.0)],
        "tag": [Tagged(["a"], ["B-PER"])],
        "answer": [Question("1", "a", "b c", [Answer(0, "b")])],
    }
    for kind, examples in cases.items():
        assert MAIN[kind] in measure(small(kind), TOKENIZER, examples)


def test_reading(tmp_path):
    predictor = Predictor(small("classify"), TOKENIZER)
    file = tmp_path / "x.tsv"
    file.write_text("text\tlabel\na\tp\n")
    assert read_labelled(predictor, file)[0].label == "p"
    file.write_text("text\ttext_pair\tscore\na\tb\t2.5\n")
    (one,) = read_labelled(Predictor(small("tag").bert, TOKENIZER), file)
    assert (one.text, one.pair, one.label) == ("a", "b", 2.5)
    (one,) = read_labelled(Predictor(small("number"), TOKENIZER), file)
    assert (one.pair, one.label) == (None, 2.5)
    file = tmp_path / "x.csv"
    file.write_text("a,b,p\n")
    (one,) = read_labelled(predictor, file, 0, 1, 2)
    assert (one.text, one.pair, one.label) == ("a", "b", "p")
    with pytest.raises(ValueError, match="columns belong to files of texts with labels"):
        read_labelled(Predictor(small("tag"), TOKENIZER), file, 0)

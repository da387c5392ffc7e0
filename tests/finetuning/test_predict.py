"""What models say: beside transformers on padded rows, and beside all spans one by one."""

import math
import random

import numpy
import pytest
import torch
import transformers

from minibert import BertTokenizer, load_bert
from minibert.finetuning import predictor as module
from minibert.finetuning.entities import Tagged
from minibert.finetuning.examples import Example
from minibert.finetuning.predict import predict
from minibert.finetuning.predictor import Predictor, as_iob
from minibert.finetuning.questions import Question
from minibert.finetuning.rows import rows_of_questions, rows_of_texts, rows_of_words
from minibert.task_heads import BertForTokenClassification
from tests.finetuning.models import CONFIG, TAGS, padded, small, texts, theirs
from tests.tiny import tokenizer

TOKENIZER = tokenizer()
LIMIT = CONFIG.max_position_embeddings


def softmax(values):
    powers = [math.exp(value - max(values)) for value in values]
    return [power / sum(powers) for power in powers]


def close(found, wanted, bound=1e-10):
    assert len(found) == len(wanted)
    assert max(abs(a - b) for a, b in zip(found, wanted, strict=True)) <= bound


@torch.no_grad()
def their_logits(model, folder, rows):
    """Of each row, without what belongs to its padding."""
    output = theirs(model, folder)(**padded(rows))
    if hasattr(output, "logits"):
        logits = output.logits
    else:
        logits = torch.stack([output.start_logits, output.end_logits], dim=-1)
    is_sequence = logits.dim() == 3
    return [
        one[: len(row.ids)] if is_sequence else one
        for one, row in zip(logits.numpy(), rows, strict=True)
    ]


def test_labels_and_numbers(tmp_path):
    first, second = texts(random.Random(1), 20), texts(random.Random(2), 20)
    examples = [Example(*two) for two in zip(first, second, strict=True)]
    rows = rows_of_texts(TOKENIZER, examples, LIMIT)
    model = small("classify")
    logits = their_logits(model, tmp_path / "a", rows)
    with pytest.warns(UserWarning, match="over the limit of 13 tokens; their ends were cut"):
        found = predict(model, TOKENIZER, first, pairs=second, top=3)
    for one, scores, example in zip(found, logits, examples, strict=True):
        assert (one["text"], one["pair"]) == (example.text, example.pair)
        wanted = dict(zip("pqr", softmax(scores), strict=True))
        assert one["label"] == max(wanted, key=wanted.get) == one["best"][0]["label"]
        assert one["probability"] == one["best"][0]["probability"]
        ranked = sorted(wanted, key=wanted.get, reverse=True)
        assert [each["label"] for each in one["best"]] == ranked
        close([each["probability"] for each in one["best"]], [wanted[name] for name in ranked])
    model = small("number")
    logits = their_logits(model, tmp_path / "b", rows)
    found = Predictor(model, TOKENIZER)(examples)
    close([one["score"] for one in found], [float(one[0]) for one in logits])
    assert {*found[0]} == {"text", "pair", "score"}


def test_cosines(tmp_path):
    """Of the means of the last states over all real tokens, as sentence-transformers has them."""
    bert = small("tag").bert
    first, second = texts(random.Random(1), 9, 5), texts(random.Random(2), 9, 5)
    found = Predictor(bert, TOKENIZER)([Example(*two) for two in zip(first, second, strict=True)])
    vectors = []
    for some in (first, second):
        inputs = TOKENIZER(some, truncation=True, max_length=LIMIT)
        mask = inputs["attention_mask"][:, :, None]
        with torch.no_grad():
            states = bert(**inputs).last_hidden_state
        vectors.append((states * mask).sum(dim=1) / mask.sum(dim=1))
    wanted = torch.nn.functional.cosine_similarity(*vectors)
    close([one["score"] for one in found], wanted.tolist())


def test_all_layers():
    """The engine reads the learned mixture as the model does."""
    for kind in ("classify", "tag", "answer"):
        model = small(kind, all_layers=True)
        rows = rows_of_texts(TOKENIZER, [Example("ab c d"), Example("e")], LIMIT)
        with torch.no_grad():
            output = model(**padded(rows))
        found = Predictor(model, TOKENIZER).logits(rows)  # the longer row first
        for number, (one, row) in enumerate(zip(found, rows, strict=True)):
            if kind == "answer":
                close(one[:, 0], output.start_logits[number, : len(row.ids)].tolist())
                close(one[:, 1], output.end_logits[number, : len(row.ids)].tolist())
            else:
                wanted = output.logits[number]
                wanted = wanted[: len(row.ids)] if kind == "tag" else wanted
                close(one.ravel(), wanted.flatten().tolist())


def test_tags(tmp_path):
    """The label of each word's first piece, in the one row that asks about it."""
    draw = random.Random(3)
    sentences = [Tagged(text.split(), []) for text in texts(draw, 12, 20)]
    rows = rows_of_words(TOKENIZER, sentences, LIMIT)
    model = small("tag")
    logits = their_logits(model, tmp_path, rows)
    found = Predictor(model, TOKENIZER).tags(sentences)
    asked = 0
    for row, scores in zip(rows, logits, strict=True):
        tags, certain, _ = found[row.source]
        for token, word in enumerate(row.places):
            if word >= 0:
                wanted = softmax(scores[token])
                assert tags[word] == TAGS[wanted.index(max(wanted))]
                close([certain[word]], [max(wanted)])
                asked += 1
    assert asked == sum(len(one.words) for one in sentences)
    assert len(rows) > 2 * len(sentences)


def brute_force(question, rows, logits, longest, no_answer):
    """All spans of all windows, one by one: [(score, start, end)], the best first."""
    pieces = TOKENIZER.pieces(question.context)
    spans, nothing = {}, []
    for row, scores in zip(rows, logits, strict=True):
        nothing.append(scores[0, 0] + scores[0, 1])
        first = row.segments.index(1)  # behind the question's [SEP]
        for i in range(first, len(row.ids) - 1):
            for j in range(i, min(i + longest, len(row.ids) - 1)):
                key = (int(row.places[i]), int(row.places[j]))
                spans[key] = max(spans.get(key, -math.inf), scores[i, 0] + scores[j, 1])
    ranked = [(score, pieces[i].start, pieces[j].end) for (i, j), score in spans.items()]
    if no_answer or not ranked:
        ranked.append((min(nothing), None, None))
    return sorted(ranked, key=lambda one: -one[0])


@pytest.mark.parametrize(("longest", "no_answer"), [(30, False), (3, False), (30, True), (1, True)])
def test_the_best_answers(tmp_path, longest, no_answer):
    draw = random.Random(longest)
    contexts, asked = texts(draw, 15, 14), texts(draw, 15, 4)
    questions = [Question("", *two) for two in zip(asked, contexts, strict=True)]
    rows = rows_of_questions(TOKENIZER, questions, LIMIT)
    model = small("answer")
    logits = their_logits(model, tmp_path, rows)
    top = 500 if no_answer else 5  # all of them, so that no answer is among them
    predictor = Predictor(model, TOKENIZER, longest=longest, no_answer=no_answer, top=top)
    found = predictor(questions)
    nones = 0
    for number, (one, question) in enumerate(zip(found, questions, strict=True)):
        own = [i for i, row in enumerate(rows) if row.source == number]
        ranked = brute_force(
            question, [rows[i] for i in own], [logits[i] for i in own], longest, no_answer
        )
        shares = softmax([score for score, _, _ in ranked])
        best = one["best"]
        assert [(a["start"], a["end"]) for a in best] == [one[1:] for one in ranked[:top]]
        close([a["score"] for a in best], shares[: len(best)])
        nones += None in [answer["start"] for answer in best]
        for answer in best:
            typed = question.context[answer["start"] : answer["end"]]
            assert answer["answer"] == ("" if answer["start"] is None else typed)
        assert {name: one[name] for name in best[0]} == best[0]
    assert bool(nones) == no_answer
    assert len(rows) > len(questions)


def test_no_answer_is_what_the_model_learned():
    model = small("answer")
    for learned in (True, False):
        model.task = {"task": "answer", "no_answer": learned}
        best = predict(model, TOKENIZER, "a", contexts="b c", top=20)["best"]
        assert ("" in [one["answer"] for one in best]) == learned
    found = predict(model, TOKENIZER, "a", contexts=" \x00 ")  # nothing to find an answer in
    assert (found["answer"], found["start"], found["score"]) == ("", None, 1.0)


def test_a_text_that_fits_is_one_window():
    """Whatever the stride."""
    draw = random.Random(5)
    tagger, answerer = small("tag"), small("answer")
    short = texts(draw, 10, 3)
    for stride in (0, 2, 4):
        assert predict(tagger, TOKENIZER, short, stride=stride) == predict(tagger, TOKENIZER, short)
        some = predict(answerer, TOKENIZER, ["a"] * 10, contexts=short, stride=stride)
        assert some == predict(answerer, TOKENIZER, ["a"] * 10, contexts=short)


def test_windows_say_what_one_window_says():
    """Of a model that looks at no other token, all windows say the same as one long row."""
    model = small("answer")
    for layer in model.bert.encoder.layers:
        torch.nn.init.zeros_(layer.attention.output.weight)
    torch.nn.init.zeros_(model.bert.embeddings.position.table)
    tagger = small("tag")
    tagger.bert.load_state_dict(model.bert.state_dict())
    draw = random.Random(6)
    contexts = texts(draw, 8, 16)
    long = {"answer": Predictor(model, TOKENIZER), "tag": Predictor(tagger, TOKENIZER)}
    one = {"answer": Predictor(model, TOKENIZER, longest=4)}
    # The engine's table of positions is all equal: any length will do.
    for predictor in (*long.values(), *one.values()):
        predictor.engine.position = predictor.engine.position[:, :1].expand(-1, 99, -1)
    cut = Predictor(model, TOKENIZER, longest=4, stride=5)
    one["answer"].limit = long["tag"].limit = 99
    questions = [Question("", "a", context) for context in contexts]
    for a, b in zip(one["answer"](questions), cut(questions), strict=True):
        assert (a["answer"], a["start"], a["end"]) == (b["answer"], b["start"], b["end"])
        assert abs(a["score"] - b["score"]) < 1e-10
    assert long["tag"](contexts) == predict(tagger, TOKENIZER, contexts)


SIGNS = {"a": "B-PER", "b": "I-PER", "c": "B-LOC", "d": "I-LOC", "北": "B-LOC", "京": "I-LOC"}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Á zz b  c", [("PER", "Á"), ("PER", "b"), ("LOC", "c")]),
        ("a b, c", [("PER", "a b"), ("LOC", "c")]),
        ("a\x00 \u200bb\tb\nz", [("PER", "a\x00 \u200bb\tb")]),
        ("az bz a", [("PER", "az bz"), ("PER", "a")]),  # words in pieces: only the first counts
        ("北京z", [("LOC", "北京")]),
        ("z北 京", [("LOC", "北 京")]),
        ("d b", [("LOC", "d"), ("PER", "b")]),  # an I- of another type begins anew
        ("(a-b)", [("PER", "a"), ("PER", "b")]),
        ("\ufeffA\u0301\u0301zz.", [("PER", "A\u0301\u0301zz")]),
        ("Az" * 20 + " b", [("PER", "b")]),  # 40 letters in windows; the first piece is "a"
        ("\U0001d400 z", []),
        ("", []),
    ],
)
def test_entities_are_characters_as_typed(monkeypatch, text, wanted):
    vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdz北京,.()-", "##z", "##a"]
    wordpieces = BertTokenizer(vocab)
    model = small("tag")

    def logits(self, rows):
        tags = [[TAGS.index(SIGNS.get(vocab[index], "O")) for index in row.ids] for row in rows]
        return [numpy.eye(len(TAGS))[tag] for tag in tags]

    monkeypatch.setattr(module.Predictor, "logits", logits)
    found = predict(model, wordpieces, text)
    if text.startswith("AzAz"):
        wanted = [("PER", text)]
    assert [(one["type"], one["text"]) for one in found["entities"]] == wanted
    for one in found["entities"]:
        assert text[one["start"] : one["end"]] == one["text"]
    assert found["text"] == text
    words = predict(model, wordpieces, [Tagged(["a", "b.", "\x00", "c"], [])])[0]
    assert words["text"] == "a b. \x00 c"
    assert [one["text"] for one in words["entities"]] == ["a b.", "c"]


def test_other_schemes_of_tags():
    wanted = {"S-PER": "B-PER", "E-PER": "I-PER", "NOUN": "B-NOUN", "O": "O", "I-X": "I-X"}
    assert {tag: as_iob(tag) for tag in wanted} == wanted
    model = BertForTokenClassification(CONFIG, ["NOUN", "VERB"])
    found = predict(model.eval(), TOKENIZER, "a bc d")
    assert [one["text"] for one in found["entities"]] == ["a", "bc", "d"]


def test_a_published_checkpoint(tmp_path):
    """Made by transformers; nothing in it says what minibert calls its task."""
    sizes = CONFIG.to_dict()
    names = {"id2label": {0: "no", 1: "yes"}, "label2id": {"no": 0, "yes": 1}}
    for kind in ("SequenceClassification", "TokenClassification", "QuestionAnswering"):
        config = transformers.BertConfig(**{**sizes, **({} if kind[0] == "Q" else names)})
        model = getattr(transformers, f"BertFor{kind}")(config).eval()
        model.save_pretrained(tmp_path / kind)
        for name, content in TOKENIZER.files().items():
            (tmp_path / kind / name).write_text(content)
    found = predict(tmp_path / "SequenceClassification", None, "a bc")
    assert found["label"] in ("no", "yes")
    found = predict(tmp_path / "TokenClassification", None, "a bc")
    assert {one["type"] for one in found["entities"]} <= {"no", "yes"}
    found = predict(tmp_path / "QuestionAnswering", None, "a", contexts="b c d")
    assert found["answer"]
    assert predict(None, None, "a cat", pairs="a dog")["score"] > 0.3  # the bundled BERT


def test_one_text_and_many_calls():
    model = small("classify")
    predictor = Predictor(model, TOKENIZER)
    found = predict(predictor, None, ["a", "b"])
    assert found == predict(model, TOKENIZER, ["a", "b"])
    one = predict(predictor, None, "b")
    assert one["label"] == found[1]["label"]
    close([one["probability"]], [found[1]["probability"]])
    assert predict(predictor, None, []) == []
    assert {*found[0]} == {"text", "label", "probability"}


def test_blocks_are_alike(monkeypatch):
    """A text's prediction does not depend on where a block ends, up to rounding."""
    some = texts(random.Random(1), 30, 4)
    model = small("classify")
    whole = predict(model, TOKENIZER, some)
    monkeypatch.setattr(module, "BLOCK", 7)
    parts = predict(model, TOKENIZER, some)
    close([one["probability"] for one in parts], [one["probability"] for one in whole])
    assert [one["text"] for one in parts] == some


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        ("classify", {"texts": ["a", 3]}, "text 1: a text must be a str, not int"),
        ("classify", {"texts": "a", "contexts": "b"}, "'classify' takes no contexts"),
        ("classify", {"texts": ["a"], "pairs": ["b", "c"]}, "1 texts, but 2 second ones"),
        ("classify", {"texts": [Tagged(["a"], ["O"])]}, "a text must be a str, not Tagged"),
        ("classify", {"texts": "a", "top": 0}, "top must be a whole number of at least 1"),
        ("classify", {"texts": "a", "device": "cpu"}, "needs its tokenizer, and no device"),
        (
            "tag",
            {"texts": "a", "pairs": "b"},
            "text 0: a model for 'tag' takes one text, not pairs",
        ),
        ("tag", {"texts": "a", "stride": -1}, "stride must be a whole number of at least 0"),
        (
            "answer",
            {"texts": "a"},
            "text 0: a model for 'answer' takes a question with its context",
        ),
        ("answer", {"texts": "a", "pairs": "b"}, "'answer' takes no pairs"),
        ("answer", {"texts": "a", "contexts": "b", "longest": 1.5}, "longest must be a whole"),
    ],
)
def test_bad_input(kind, arguments, message):
    with pytest.raises(ValueError, match=message):
        predict(small(kind), TOKENIZER, **arguments)


def test_a_model_that_learned_pairs_wants_two_texts():
    model = small("classify")
    model.task = {"task": "pairs"}
    assert predict(model, TOKENIZER, "a", pairs="b")["pair"] == "b"
    with pytest.raises(ValueError, match=r"give second texts, too \(pairs=, --pair\)"):
        predict(model, TOKENIZER, ["a", "b"])


def test_bad_models():
    bert, own = load_bert()
    with pytest.raises(ValueError, match="a model without a head compares two texts"):
        predict(bert, own, "a")
    with pytest.raises(ValueError, match="needs its tokenizer, and no device"):
        predict(bert, None, "a")
    with pytest.raises(ValueError, match=r"model must be one of BertForSeq.*, not Linear"):
        predict(torch.nn.Linear(1, 1), own, "a")
    with pytest.raises(ValueError, match="it is another model's"):
        predict(small("tag"), own, "a")
    with pytest.raises(ValueError, match="a Predictor has its tokenizer and its choices"):
        predict(Predictor(bert, own), None, "a", top=3)

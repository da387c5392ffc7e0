"""minibert-tiny, the model that comes along: trained, small, and as its card says."""

import json

import numpy
import pytest
import torch
import transformers
from safetensors import safe_open

from minibert.loading.finding import BUNDLED
from minibert.pretraining.batches import Batches
from minibert.pretraining.corpus import open_corpus
from minibert.pretraining.losses import PretrainingLoss
from minibert.pretraining.masking import Masking
from minibert.pretraining.predict import fill_mask, next_sentence
from minibert.pretraining.sentence_pairs import SentencePairs
from tests.shared import shared
from weights_loader import load_bert


def test_files():
    size = sum(file.stat().st_size for file in BUNDLED.iterdir())
    assert size < 12_000_000
    assert (BUNDLED / "README.md").read_text(encoding="utf-8").startswith("# minibert-tiny")
    with safe_open(BUNDLED / "model.safetensors", "pt") as file:
        assert {file.get_slice(name).get_dtype() for name in file.keys()} == {"F16"}  # noqa: SIM118
    model, tokenizer = load_bert(head="pretraining")
    assert not model.account.note
    assert set(model.account.model.values()) == {"filled"}
    assert len(tokenizer) == 8192


def test_its_tokenizer_knows_the_limit_here_and_in_transformers():
    model, tokenizer = load_bert()
    text = "the cat sat on the mat " * 50
    inputs = tokenizer(text, truncation=True)
    assert inputs["input_ids"].shape == (1, model.config.max_position_embeddings)
    assert model(**inputs).last_hidden_state.shape == (1, 128, 256)
    theirs = transformers.BertTokenizer.from_pretrained(BUNDLED)
    assert theirs.model_max_length == 128
    assert theirs(text, truncation=True)["input_ids"] == inputs["input_ids"][0].tolist()


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("He was born in [MASK] 1950.", "january"),
        ("It is one of the largest cities in the united [MASK].", "states"),
        ("The king and his [MASK] were buried there.", "sons"),
        ("The film was directed [MASK] him.", "by"),
        ("I have been to [MASK] and Germany.", "france"),
        ("He went [MASK] the house.", "to"),
        ("Water is made of hydrogen and [MASK].", "oxygen"),
    ],
)
def test_sensible_words(text, word):
    model, tokenizer = load_bert(head="mlm")
    (guesses,) = fill_mask(model, tokenizer, text, top=5)
    assert word in [guess.token for guess in guesses]


def test_what_follows():
    model, tokenizer = load_bert(head="nsp")
    river, born = "The river flows through the city.", "He was born in London in 1920."
    for first, second in (
        (river, "Its water is used by the farmers."),
        (born, "He studied physics at Cambridge."),
    ):
        assert next_sentence(model, tokenizer, first, second) > 0.5
    for first, second in (
        (river, "He was elected president in 1960."),
        (born, "The species is found in tropical forests."),
    ):
        assert next_sentence(model, tokenizer, first, second) < 0.5


def test_it_guesses_far_better_than_by_frequency(tmp_path):
    """On Wikipedia paragraphs from another collection: masked pieces, and what follows."""
    content = json.loads(shared("data/squad/xquad.en.json").read_text(encoding="utf-8"))
    paragraphs = [
        [paragraph["context"] for paragraph in article["paragraphs"]] for article in content["data"]
    ]
    file = tmp_path / "text.txt"
    file.write_text("\n\n".join("\n".join(article) for article in paragraphs), encoding="utf-8")
    model, tokenizer = load_bert(head="pretraining")
    corpus = open_corpus([file], tokenizer, tmp_path / "corpus")
    pairs = SentencePairs(corpus, numpy.arange(len(corpus.documents) - 1))
    batches = Batches(pairs, Masking(tokenizer), tokenizer, length=64, seed=1)
    rows, *_ = batches.take(0, 0, 256)
    batch = batches.make(rows)
    with torch.no_grad():
        sums = PretrainingLoss(model, dropout=0.0)(batch)
    asked = len(batch.mlm_labels)
    most_frequent = batch.mlm_labels.bincount().max().item()
    assert sums["mlm_correct"] > 3 * most_frequent
    assert sums["mlm_correct"] / asked > 0.3
    assert sums["nsp_correct"] / len(rows) > 0.65


def test_it_is_float32_in_transformers():
    """The file has float16, which is slow on a CPU and gives NaN in training."""
    assert transformers.BertModel.from_pretrained(BUNDLED).dtype == torch.float32

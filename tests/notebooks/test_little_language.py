"""The language of notebook 11, and its oracle: the floor under the loss curve must be the floor."""

import math
import random

import numpy
import pytest

from minibert import BertTokenizer
from notebooks.little_language import LENGTH, TOPICS, Oracle, all_sentences, document

WORDS = sorted({word for text in all_sentences() for word in text.split()})
TOKENIZER = BertTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS])
VOCAB = TOKENIZER.vocab


@pytest.fixture(scope="module")
def oracle():
    return Oracle(TOKENIZER)


def ids(*sentences: str) -> numpy.ndarray:
    return numpy.array([[VOCAB[word] for word in sentence.split()] for sentence in sentences])


def test_each_topics_sentences_have_the_probability_1():
    total = numpy.zeros(len(TOPICS))
    for text, given in all_sentences().items():
        assert len(text.split()) == LENGTH
        total[list(given)] += list(given.values())
    numpy.testing.assert_allclose(total, 1.0, atol=1e-12)


def test_documents_are_made_of_the_languages_sentences():
    known = all_sentences()
    for sentence in document(random.Random(3), sentences=50):
        assert sentence in known


def test_next_sentences_of_another_person_are_random(oracle):
    anna = ids("anna is a tailor from rome in italy", "the old dogs of anna bark at night")
    again = ids("on monday anna goes to rome by car", "she sells coats at the market in rome")
    hugo = ids("hugo is a baker from lima in peru", "the old dogs of hugo bark at night")
    assert oracle.guess(anna, again, [])[1] > 0.99
    assert oracle.guess(anna, hugo, [])[1] < 0.01


def by_definition(rows: list[str], asked: tuple[int, int]) -> dict[str, float]:
    """P(word at the asked place | row) from the joint probability, with plain loops.

    Half of the rows are about one topic, in half of them B (rows 2 and 3) is about another.
    """
    ordinary = len(WORDS)  # what a random piece may be; 15 % of the places are asked, 10 % of these
    unequal = 0.15 * 0.1 / ordinary
    equal = 1 - 0.15 * 0.9 + unequal
    shown = [row.split() for row in rows]
    likely = numpy.zeros((4, len(TOPICS)))  # P(what is seen of a sentence | topic)
    words: dict[str, numpy.ndarray] = {}  # the same for the asked one, split by its hidden word
    for text, given in all_sentences().items():
        topics, shares = list(given), numpy.array(list(given.values()))
        for number, row in enumerate(shown):
            pairs = zip(row, text.split(), strict=True)
            seen = math.prod(equal if a == b else unequal for a, b in pairs if a != "[MASK]")
            likely[number, topics] += seen * shares
            if number == asked[0]:
                word = words.setdefault(text.split()[asked[1]], numpy.zeros(len(TOPICS)))
                word[topics] += seen * shares
    joint = {}
    for word, of_asked in words.items():
        here = likely.copy()
        here[asked[0]] = of_asked
        a, b = here[0] * here[1], here[2] * here[3]
        joint[word] = (a * b).mean() / 2 + a.mean() * b.mean() / 2
    return {word: share / sum(joint.values()) for word, share in joint.items()}


@pytest.mark.slow
@pytest.mark.parametrize("asked", [(1, 3), (3, 0)])
def test_its_probabilities_are_those_of_the_definition(oracle, asked):
    """On a row with words that do not fit: the bread and the needle, and B's other town."""
    rows = [
        "the old dogs of anna bark at night",
        "every monday she bakes bread with her needle",
        "on monday anna goes to oslo by car",
        "she sells coats at the market in rome",
    ]
    words = rows[asked[0]].split()
    words[asked[1]] = "[MASK]"
    rows[asked[0]] = " ".join(words)
    expected = by_definition(rows, asked)
    (guess,), _ = oracle.guess(ids(*rows[:2]), ids(*rows[2:]), [asked])
    found = {word: guess[VOCAB[word]] for word in expected}
    assert found == pytest.approx(expected, rel=1e-4, abs=1e-12)


@pytest.mark.slow
def test_its_probabilities_are_those_of_the_language(oracle):
    """Calibrated: over rows of the language, the loss is the entropy that the oracle itself states.

    A guesser with a wrong probability anywhere loses more than it says, or less.
    """
    rng = random.Random(0)
    excess = []  # −log P(the word that stood there) − entropy: 0 on average
    for _ in range(400):
        row = document(rng, sentences=4)
        other = document(rng, sentences=2)
        second = row[2:] if rng.random() < 0.5 else other
        rows = ids(*row[:2], *second)
        place = rng.randrange(4), rng.randrange(LENGTH)
        label, rows[place] = rows[place], TOKENIZER.mask_token_id
        (guess,), is_next = oracle.guess(rows[:2], rows[2:], [place])
        positive = guess[guess > 0]
        excess.append(-math.log(guess[label]) + float(positive @ numpy.log(positive)))
        entropy = -sum(p * math.log(p) for p in (is_next, 1 - is_next) if p > 0)
        excess.append(-math.log(1 - is_next if second is other else is_next) - entropy)
    standard_error = numpy.std(excess) / math.sqrt(len(excess))
    assert standard_error < 0.03
    assert abs(numpy.mean(excess)) < 3 * standard_error

"""A language of eight kinds of sentences, for notebook 11: what can be known in it, is known.

A document is about one person, who has a trade and a town: 16 · 8 · 8 = 1,024 kinds of documents,
all equally likely. Each sentence is of a kind drawn at random, and has eight words. A name decides
between "she" and "he", a trade its verb, product and tool, a town its country and language. All
else (the day, the animal, …) is drawn for each sentence anew.

So a guesser who has the grammar can work out, with Bayes' rule, how likely each word is at a hidden
place: `Oracle`. No model can have a smaller loss than that, on average.
"""

import itertools
import random
from dataclasses import dataclass

import numpy

from minibert.heads import IS_NEXT
from minibert.pretraining.batches import Batch
from minibert.tokenizer import BertTokenizer

WOMEN = ("anna", "clara", "emma", "julia", "laura", "maria", "nina", "sara")
MEN = ("adam", "bruno", "david", "felix", "hugo", "martin", "oscar", "peter")
TRADES = {  # trade: what it does, what it makes, with what
    "baker": ("bakes", "bread", "oven"),
    "farmer": ("grows", "corn", "tractor"),
    "fisher": ("catches", "fish", "boat"),
    "painter": ("paints", "pictures", "brush"),
    "potter": ("shapes", "bowls", "wheel"),
    "smith": ("forges", "nails", "hammer"),
    "tailor": ("sews", "coats", "needle"),
    "writer": ("writes", "books", "pen"),
}
TOWNS = {  # town: its country, its language
    "berlin": ("germany", "german"),
    "cairo": ("egypt", "arabic"),
    "delhi": ("india", "hindi"),
    "lima": ("peru", "spanish"),
    "lisbon": ("portugal", "portuguese"),
    "oslo": ("norway", "norwegian"),
    "rome": ("italy", "italian"),
    "tokyo": ("japan", "japanese"),
}
ANIMALS = {  # one of it, many of it: what it does, what they do
    "dog": "barks",
    "dogs": "bark",
    "cat": "purrs",
    "cats": "purr",
    "bird": "sings",
    "birds": "sing",
    "horse": "neighs",
    "horses": "neigh",
}
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
RELATIVES = ("brother", "sister", "mother", "father")
ADJECTIVES = ("old", "young", "big", "small", "black", "white")
VEHICLES = ("bus", "car", "ship", "train")
CLASSES = {
    "names of women": WOMEN,
    "names of men": MEN,
    "trades": tuple(TRADES),
    "products": tuple(product for _, product, _ in TRADES.values()),
    "towns": tuple(TOWNS),
    "countries": tuple(country for country, _ in TOWNS.values()),
    "days": DAYS,
    "adjectives": ADJECTIVES,
}

# What stands in braces depends on the document, and what in brackets is free.
TEMPLATES = (
    "{name} is a {trade} from {town} in {country}",
    "every [day] {she} {does} {product} with {her} {tool}",
    "{name} and {her} [relative] speak {language} at home",
    "the [adjective] [animal] of {name} [sound] at night",
    "{she} sells {product} at the market in {town}",
    "the [relative] of {name} likes {country} and {product}",
    "on [day] {name} goes to {town} by [vehicle]",
    "the {tool} of the {trade} is very [adjective]",
)
FREE = {
    "[day]": DAYS,
    "[relative]": RELATIVES,
    "[adjective]": ADJECTIVES,
    "[animal]": tuple(ANIMALS),
    "[vehicle]": VEHICLES,
}
LENGTH = 8  # words of every sentence
ROW = 4  # sentences of A and B together


@dataclass(frozen=True)
class Topic:
    """What all sentences of a document share."""

    name: str
    trade: str
    town: str

    def words(self) -> dict[str, str]:
        """For each place in braces its word."""
        she, her = ("she", "her") if self.name in WOMEN else ("he", "his")
        does, product, tool = TRADES[self.trade]
        country, language = TOWNS[self.town]
        return {
            "{name}": self.name,
            "{she}": she,
            "{her}": her,
            "{trade}": self.trade,
            "{does}": does,
            "{product}": product,
            "{tool}": tool,
            "{town}": self.town,
            "{country}": country,
            "{language}": language,
        }


TOPICS = tuple(Topic(*choice) for choice in itertools.product(WOMEN + MEN, TRADES, TOWNS))


def sentence(template: str, words: dict[str, str]) -> str:
    """The template with its words."""
    if "[animal]" in words:
        words = {**words, "[sound]": ANIMALS[words["[animal]"]]}
    return " ".join(words.get(place, place) for place in template.split())


def document(rng: random.Random, sentences: int = 16) -> list[str]:
    """Sentences about one topic."""
    words = rng.choice(TOPICS).words()
    drawn = []
    for _ in range(sentences):
        free = {place: rng.choice(choices) for place, choices in FREE.items()}
        drawn.append(sentence(rng.choice(TEMPLATES), words | free))
    return drawn


def all_sentences() -> dict[str, dict[int, float]]:
    """Each sentence of the language: topic's number -> P(sentence | topic)."""
    found: dict[str, dict[int, float]] = {}
    for template in TEMPLATES:
        free = [place for place in FREE if place in template]
        drawn = [
            dict(zip(free, choice, strict=True))
            for choice in itertools.product(*(FREE[place] for place in free))
        ]
        for number, topic in enumerate(TOPICS):
            for words in drawn:
                text = sentence(template, topic.words() | words)
                found.setdefault(text, {})[number] = 1 / len(TEMPLATES) / len(drawn)
    return found


class Oracle:
    """The guesser that has the grammar, and Bayes' rule.

    It also knows how words are hidden: a place that is asked shows [MASK], or its own word, or a
    random one. For each row it goes through all 1,024 topics and all sentences of the language:

        P(word | row) ∝ Σ over topics and sentences with that word:
            P(topic | the other sentences) · P(sentence | topic) · P(what is seen | sentence)

    (It takes each place to be asked independently of the others, and so overlooks that a row has
    exactly so many. That costs it next to nothing.)
    """

    def __init__(self, tokenizer: BertTokenizer, *, share: float = 0.15):
        """`share`: of the tokens that are asked."""
        found = all_sentences()
        vocab = tokenizer.vocab
        self.vocab_size, self.mask_token_id, self.share = len(vocab), tokenizer.mask_token_id, share
        self.ordinary = len(vocab) - len(tokenizer.special_tokens)  # what a random piece may be
        self.words = numpy.array([[vocab[word] for word in text.split()] for text in found])
        self.given = numpy.zeros((len(TOPICS), len(found)), dtype=numpy.float32)
        for column, topics in enumerate(found.values()):
            self.given[list(topics), column] = list(topics.values())  # P(sentence | topic)

    def seen(self, ids: numpy.ndarray, asked: int | None = None) -> numpy.ndarray:
        """P(what is seen | sentence), for all sentences; `asked`: the place that is asked."""
        total = numpy.ones(len(self.words), dtype=numpy.float32)
        for place, shown in enumerate(ids):
            if shown != self.mask_token_id:  # [MASK] is equally likely whatever the word
                share = 1.0 if place == asked else self.share
                is_it = self.words[:, place] == shown
                total *= (1 - 0.9 * share) * is_it + 0.1 * share / self.ordinary
        return total

    def guess(
        self, first: numpy.ndarray, second: numpy.ndarray, asked: list[tuple[int, int]]
    ) -> tuple[numpy.ndarray, float]:
        """For the ids of A's and of B's sentences, [sentences, 8] each: P(word) for each asked
        (sentence, place), [asked, V]; and P(B is next).
        """
        rows = numpy.concatenate((first, second))
        of_topic = numpy.stack([self.seen(ids) for ids in rows]) @ self.given.T
        half = numpy.arange(len(rows)) < len(first)  # which sentences are A's
        # In a row that is not full B's document ended too early: it can only be a random one.
        may_follow = len(rows) == ROW
        a, b = of_topic[half].prod(axis=0), of_topic[~half].prod(axis=0)  # P(A | topic), P(B | …)
        is_next, is_random = may_follow * (a * b).mean(), a.mean() * b.mean()
        guesses = []
        for sentence, place in asked:
            others = of_topic.copy()
            others[sentence] = 1
            mine = others[half == half[sentence]].prod(axis=0)
            other = others[half != half[sentence]].prod(axis=0)
            topic = mine * (may_follow * other + other.mean())  # it follows, or it is random
            weights = topic / topic.sum() @ self.given * self.seen(rows[sentence], asked=place)
            words = numpy.bincount(self.words[:, place], weights, minlength=self.vocab_size)
            guesses.append(words / words.sum())
        return numpy.array(guesses), float(is_next / (is_next + is_random))

    def marks(self, batch: Batch) -> dict[str, float]:
        """Losses and shares of right answers for a batch, named as in the training's log."""
        length = batch.input_ids.shape[1]
        rows, places = batch.positions.numpy() // length, batch.positions.numpy() % length
        mlm, nsp = [], []  # P(right answer), and is it the likeliest?
        for row, ids in enumerate(batch.input_ids.numpy()):
            end = int(batch.attention_mask[row].sum()) - 1  # the last [SEP]
            middle = end - int(batch.token_type_ids[row].sum())  # the first
            first = ids[1:middle]
            second = ids[middle + 1 : end]
            mine = places[rows == row]
            word = mine - 1 - (mine > middle)  # counted without [CLS] and [SEP]
            asked = [divmod(int(number), LENGTH) for number in word]
            guesses, is_next = self.guess(
                first.reshape(-1, LENGTH), second.reshape(-1, LENGTH), asked
            )
            labels = batch.mlm_labels.numpy()[rows == row]
            mlm += [
                (guess[label], guess.argmax() == label)
                for guess, label in zip(guesses, labels, strict=True)
            ]
            right = is_next if batch.nsp_labels[row] == IS_NEXT else 1 - is_next
            nsp.append((right, right > 0.5))
        found = {}
        for name, answers in (("mlm", mlm), ("nsp", nsp)):
            shares, is_right = numpy.array(answers).T
            found[f"{name}_loss"] = float(-numpy.log(shares).mean())
            found[f"{name}_accuracy"] = float(is_right.mean())
        return found

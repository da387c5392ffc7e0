"""A small task for notebooks 15 and 17: which of six topics is a sentence about?

    "She wrote about the guitar last year."          music
    "At the end my brother spoke of the temple."     church

Each sentence is made from a template and has one word of a topic. So each label is certain, and
that word alone says it: all other words are drawn without regard to the label. It is an easy task;
real sentences are less clear.

Every third word of a topic is kept for the test. No training row has such a word, however many rows
there are: who answers right must know the word from elsewhere. Each word is one piece of
minibert-tiny's vocabulary.
"""

import random

from minibert.finetuning.examples import Example

TOPICS = {
    "church": "bishop cathedral god religion priest temple mass bible church saint clergy prayer "
    "pope gospel faith",
    "film": "actor film director movie studio screen theatre drama scene comedy television script "
    "audience role cinema",
    "music": "song band guitar concert album piano singer orchestra jazz composer opera drum "
    "lyrics musical organ",
    "politics": "election parliament minister party assembly congress vote president campaign "
    "government policy law republic mayor court",
    "science": "theory physics atom energy molecule particle chemistry experiment electron "
    "equation laboratory protein mathematics gas cell",
    "war": "army battle troops enemy artillery siege regiment weapon cavalry invasion bomb "
    "infantry commander tank gun",
}
TEMPLATES = (
    "{who} wrote about the {word} {when}.",
    "{when} {who} spoke of the {word}.",
    "The {word} was the first thing that {who} saw {when}.",
    "{who} had never heard of the {word} {when}.",
    "{when} the {word} was what {who} needed.",
    "{who} forgot the {word} {when}.",
)
WHO = (
    "he",
    "she",
    "they",
    "the old man",
    "my brother",
    "a young woman",
    "the teacher",
    "the child",
)
WHEN = (
    "in the morning",
    "last year",
    "after the winter",
    "on the first day",
    "in those days",
    "for a long time",
    "at the end",
    "then",
)


def words_of_topic(topic: str, *, is_test: bool = False) -> list[str]:
    """Every third word is for the test alone."""
    words = enumerate(TOPICS[topic].split())
    return [word for number, word in words if (number % 3 == 2) == is_test]


def topic_rows(count: int, *, seed: int, is_test: bool = False) -> list[Example]:
    """Sentences drawn at random; those for the test have words of their own."""
    rng = random.Random(seed)
    drawn = []
    for _ in range(count):
        topic = rng.choice(sorted(TOPICS))
        word = rng.choice(words_of_topic(topic, is_test=is_test))
        others = {"who": rng.choice(WHO), "when": rng.choice(WHEN)}
        text = rng.choice(TEMPLATES).format(word=word, **others)
        drawn.append(Example(text[0].upper() + text[1:], label=topic))
    return drawn

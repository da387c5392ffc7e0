"""Small texts with names and questions, for notebook 16: made from patterns, so all is known.

    sentences(…)    "The mayor of Nelson , Clara Silva , resigned on Monday ."      names, in IOB2
    questions(…)    "Where does Emma Weber work?", and three sentences about her

What is for learning and what is for testing has no name, no place and (in `sentences`) no pattern
in common. Some names are a surname and a town's name too: only the words around them tell which.
"""

import random

from minibert.finetuning.entities import Tagged
from minibert.finetuning.questions import Answer, Question


def two_lists(learn: str, test: str) -> tuple[list[str], list[str]]:
    return learn.split(), test.split()


FIRST_NAMES = two_lists(
    "Anna Bruno Clara David Hugo Julia Martin Nina Oscar Sara Thomas Alice",
    "Adam Emma Felix Laura Maria Peter",
)
SURNAMES = two_lists(
    "Keller Brown Novak Rossi Larsen Okoye Murphy Dupont Fischer Moreau Haugen Evans",
    "Tanaka Weber Silva Ivanova Kowalski Cooper",
)
TOWNS = two_lists(
    "Oslo Lima Cairo Rome Tokyo Berlin Geneva Kyoto Dublin Krakow Boston Vienna",
    "Delhi Lisbon Bergen Turin Seville Nairobi",
)
SURNAMES_AND_TOWNS = two_lists(
    "Lincoln Austin Wellington Jackson Hamilton", "Nelson Darwin Houston Stanley Florence"
)
PATTERNS = (
    (
        "{person} was born in {place} .",
        "{person} studied law in {place} and moved to {place} .",
        "The road from {place} to {place} is closed .",
        "{person} and {person} won the prize .",
        "The mayor of {place} , {person} , resigned on Monday .",
        "Police in {place} are looking for {person} .",
        "{person} told reporters that the bridge is safe .",
        "It rained in {place} all week .",
        "The team of {place} lost to {place} .",
        "The novel by {person} is set in {place} .",
        "She married {person} in {place} .",
        "No trains run to {place} on Sunday .",
    ),
    (
        "{person} died near {place} .",
        "A letter from {person} was found in {place} .",
        "The people of {place} voted for {person} .",
        "{person} sold a house in {place} to {person} .",
        "The river flows through {place} to {place} .",
        "In {place} the film by {person} was shown .",
        "{person} said on Friday that the factory will close .",
        "The king visited {place} in May .",
    ),
)
FACTS = {  # a sentence about a person: questions, and which of its words answers
    "{person} was born in {place} in {year}.": {
        "Where was {person} born?": "place",
        "When was {person} born?": "year",
    },
    "{person} works as a {trade} in {place}.": {
        "Where does {person} work?": "place",
        "What does {person} work as?": "trade",
    },
    "{person} sold {thing} to {friend}.": {
        "What did {person} sell?": "thing",
        "Who bought {thing} from {person}?": "friend",
    },
    "In {year} {person} married {friend}.": {
        "When did {person} marry?": "year",
        "Who is married to {person}?": "friend",
    },
}
THINGS = ("an old car", "a small boat", "ten horses", "a house", "two pictures", "a clock")
TRADES = ("baker", "farmer", "fisher", "painter", "tailor", "writer", "lawyer", "teacher", "doctor")


def person(rng: random.Random, part: int) -> list[str]:
    """A surname, or a first name and a surname."""
    surname = rng.choice(SURNAMES[part] + SURNAMES_AND_TOWNS[part])
    return [surname] if rng.random() < 0.3 else [rng.choice(FIRST_NAMES[part]), surname]


def sentence(rng: random.Random, part: int) -> Tagged:
    words, tags = [], []
    for word in rng.choice(PATTERNS[part]).split():
        if word == "{person}":
            found = person(rng, part)
            tags += ["B-person", "I-person"][: len(found)]
        elif word == "{place}":
            found = [rng.choice(TOWNS[part] + SURNAMES_AND_TOWNS[part])]
            tags.append("B-place")
        else:
            found = [word]
            tags.append("O")
        words += found
    return Tagged(words, tags)


def sentences(count: int, *, is_test: bool = False) -> list[Tagged]:
    rng = random.Random(int(is_test))
    return [sentence(rng, int(is_test)) for _ in range(count)]


def question(rng: random.Random, part: int, number: int) -> Question:
    """Three facts about a person, in any order, and a question about one of them."""
    towns = rng.sample(TOWNS[part], 2)
    names = zip(rng.sample(FIRST_NAMES[part], 3), rng.sample(SURNAMES[part], 3), strict=True)
    who, *friends = (" ".join(name) for name in names)
    facts = []
    for fact in rng.sample(list(FACTS), 3):
        words = {"person": who, "year": str(rng.randrange(1900, 2000))}
        words |= {"trade": rng.choice(TRADES), "thing": rng.choice(THINGS)}
        if "{place}" in fact:
            words["place"] = towns.pop()
        if "{friend}" in fact:
            words["friend"] = friends.pop()
        facts.append((fact, words))
    asked = rng.randrange(len(facts))
    fact, words = facts[asked]
    text, kind = rng.choice(list(FACTS[fact].items()))
    told = [one.format(**own) for one, own in facts]
    before = fact.partition("{" + kind + "}")[0].format(**words)
    answer = Answer(len(" ".join([*told[:asked], before])), words[kind])
    return Question(str(number), text.format(**words), " ".join(told), [answer])


def questions(count: int, *, is_test: bool = False) -> list[Question]:
    rng = random.Random(int(is_test))
    return [question(rng, int(is_test), number) for number in range(count)]

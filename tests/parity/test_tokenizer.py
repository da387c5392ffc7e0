"""Ids and offsets against transformers' tokenizer (the Rust one), for all official vocabularies.

The slow tests go over every Unicode scalar value, 100,000 random strings, and every
line of the text sets; the others over samples of the same. `ids` and `pieces` are two codes
(see wordpiece.py), and `pieces` takes most of the time: where the slow tests compare the ids of
everything, they compare the offsets of a share.
"""

import csv
import functools
import json
import lzma
import random
from itertools import repeat

import pytest
import transformers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minibert import BertTokenizer
from minibert.loading.finding import BUNDLED
from tests.shared import shared

# Vocabulary -> does it lower-case?
BUNDLED_NAME = "minibert-tiny"
NAMES = {
    BUNDLED_NAME: True,
    "bert-base-uncased": True,
    "bert-base-cased": False,
    "bert-base-chinese": True,
    "bert-base-multilingual-cased": False,
}
OFFICIAL = [name for name in NAMES if name != BUNDLED_NAME]
SCALARS = [code for code in range(0x110000) if not 0xD800 <= code < 0xE000]
BLOCK = 256


@functools.cache
def both(name):
    """(our tokenizer, theirs) for one vocabulary."""
    is_bundled = name == BUNDLED_NAME
    file = BUNDLED / "vocab.txt" if is_bundled else shared(f"data/vocab/{name}/vocab.txt")
    ours = BertTokenizer.from_vocab(file, do_lower_case=NAMES[name])
    return ours, transformers.BertTokenizer(str(file), do_lower_case=NAMES[name])


def assert_equal(name, text, offsets=True):
    """Our memories and theirs: the same ids. Our definition and theirs: the same ids and offsets,
    unless they are not asked for.
    """
    ours, theirs = both(name)
    expected = theirs.backend_tokenizer.encode(text, add_special_tokens=False)
    assert ours.text_ids(text) == expected.ids, ascii(text)
    if offsets:
        pieces = ours.pieces(text)
        assert [piece.id for piece in pieces] == expected.ids, ascii(text)
        assert [(piece.start, piece.end) for piece in pieces] == expected.offsets, ascii(text)


def between_letters(codes):
    return "".join(f"a{chr(code)}b\n" for code in codes)


def contexts(codes):
    """Each character alone, between letters, after a space, and doubled."""
    others = "".join(f"{char}\n {char}\n{char}{char}\n" for char in map(chr, codes))
    return between_letters(codes) + others


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_of_unicode(name):
    sample = random.Random(0).sample(SCALARS, 8 * BLOCK)
    for codes in (range(0, 0x800), sample):
        assert_equal(name, contexts(codes))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["bert-base-uncased", "bert-base-multilingual-cased"])
def test_all_of_unicode(name, processes):
    """With lower case; without, where less is done, every third block. The other vocabularies have
    the same rules for characters. Of planes without characters, every sixteenth block.
    """
    both(name)  # where there is no data, this skips the test: in another process it could not
    step = 3 if name.endswith("-cased") else 1
    starts = [
        start
        for start in range(0, len(SCALARS), step * BLOCK)
        if not 0x40000 <= SCALARS[start] < 0xE0000 or start // BLOCK % 16 == 0
    ]
    list(processes.map(check_block, repeat(name), starts, chunksize=50))


def check_block(name, start):
    """The ids of each character in all its contexts. The offsets between letters, and in every
    eighth block in all contexts.
    """
    codes = SCALARS[start : start + BLOCK]
    in_all = start // BLOCK % 8 == 0
    assert_equal(name, contexts(codes), offsets=in_all)
    if not in_all:
        assert_equal(name, between_letters(codes))


ANYTHING = "".join(map(chr, SCALARS))
# Texts of these letters, as long as that: anything; accents before and after, joiners, what
# lower-casing makes longer; line ends of all kinds; Chinese, kana, Hangul, emoji; characters that
# are newer than Unicode 8 or private; parts of special tokens; words of about 100 letters.
DIFFICULT = (
    (ANYTHING, 0, 30),
    ("aeIİßΣςéïŉǰ\u0301\u0307\u0323\u0345\u200d\u200b\ufe0f\ufeff\u00ad", 0, 20),
    (" \t\n\r\x0b\x0c\x1c\x1f\x85\xa0\u1680\u2028\u2029\u3000ab,", 0, 20),
    ("我们的ひカ한글ㅎ\u1112\u1161\u11ab、。《》🤗👍🏽🇫🇷\U0002b820\U0002b920", 0, 20),
    ("\u0378\u0899\u1ac0\u166d\u1734\u180e\U000111c9\U0001171e\ue000\ufffdx", 0, 12),
    (
        ["[MASK]", "[CLS]", "[UNK]", "[mask]", "[", "]", "##", "ing", "un", " ", "'", "Ä", "-"],
        *(0, 12),
    ),
    ("abcdefgh", 90, 110),
)


def difficult_texts(count, seed):
    draw = random.Random(seed)
    for _ in range(count):
        letters, shortest, longest = draw.choice(DIFFICULT)
        yield "".join(draw.choices(letters, k=draw.randint(shortest, longest)))


UNHURRIED = {"deadline": None, "suppress_health_check": list(HealthCheck), "database": None}


@pytest.mark.parametrize("name", NAMES)
def test_random_strings(name):
    check_strings(name, 500, seed=1)


def check_strings(name, count, seed):
    for text in difficult_texts(count, seed):
        assert_equal(name, text)


@pytest.mark.slow
@pytest.mark.parametrize("name", OFFICIAL)
def test_25_000_random_strings_for_each_vocabulary(name, processes):
    both(name)
    list(processes.map(check_strings, repeat(name), repeat(1_000), range(2, 27)))


def test_the_reference_ids():
    ours, _ = both("bert-base-uncased")
    with open(shared("data/unicode/bert_uncased_reference_ids.jsonl"), encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    assert len(rows) == 16
    for row in rows:
        assert ours(row["text"], return_tensors=None)["input_ids"] == row["ids"], row["name"]


def text_set(name):
    """The lines of one of the text sets; long ones (SQuAD is a single line) in parts."""
    for line in lines_of(name):
        for start in range(0, len(line), 10_000):
            yield line[start : start + 10_000]


def lines_of(name):
    path = shared(f"data/{name}")
    if path.suffix == ".xz":
        with lzma.open(path, "rt", encoding="utf-8", newline="\n") as file:
            yield from file
    elif path.suffix == ".csv":
        with open(path, encoding="utf-8", newline="") as file:
            for row in csv.reader(file):
                yield from row[:2]
    else:
        with open(path, encoding="utf-8", newline="\n") as file:
            yield from file


TEXT_SETS = [
    ("sst2/train.tsv", "bert-base-uncased"),
    ("sst2/dev.tsv", "bert-base-cased"),
    ("wnut17/train.conll", "bert-base-cased"),
    ("wnut17/dev.conll", "bert-base-uncased"),
    ("stsb/stsb-en-train.csv", "bert-base-uncased"),
    ("stsb/stsb-en-dev.csv", "bert-base-multilingual-cased"),
    ("squad/xquad.en.json", "bert-base-uncased"),
    ("squad/xquad.zh.json", "bert-base-chinese"),
    ("squad/squad-dev-v1.1-rebuilt.json.xz", "bert-base-uncased"),
    ("squad/squad-train-v1.1-rebuilt.json.xz", "bert-base-cased"),
    ("chnsenticorp/train.tsv", "bert-base-chinese"),
    ("chnsenticorp/dev.tsv", "bert-base-multilingual-cased"),
    ("chnsenticorp/test.tsv", "bert-base-chinese"),
    ("zh_text/CLUECorpusSmall_sampled.txt", "bert-base-chinese"),
    ("zh_text/CLUECorpusSmall_bert_sampled.txt", "bert-base-multilingual-cased"),
    ("tatoeba_en_zh/cmn.txt", "bert-base-multilingual-cased"),
    ("enwiki/enwiki2015.txt.xz", "bert-base-uncased"),
]

ONE_OF = {  # how many lines
    "enwiki/enwiki2015.txt.xz": 16,
    "squad/squad-train-v1.1-rebuilt.json.xz": 4,
    "squad/squad-dev-v1.1-rebuilt.json.xz": 2,
    "sst2/train.tsv": 2,
}


@pytest.mark.parametrize(("file", "name"), TEXT_SETS)
def test_the_first_lines_of_the_text_sets(file, name):
    for number, line in enumerate(text_set(file)):
        assert_equal(name, line[:2000])
        if number == 100:
            break


@pytest.mark.slow
@pytest.mark.parametrize(("file", "name"), TEXT_SETS)
def test_every_line_of_the_text_sets(file, name, processes):
    """Of the largest files, a part of the lines."""
    both(name)
    shared(f"data/{file}")
    lines = [repeat(one) for one in (file, name, 2 * ONE_OF.get(file, 1))]
    list(processes.map(check_lines, *lines, range(2)))


def check_lines(file, name, parts, part):
    """The ids of one part of the lines, in blocks of 100; the offsets of every twentieth."""
    for number, line in enumerate(text_set(file)):
        if number // 100 % parts == part:
            assert_equal(name, line, offsets=number % 20 == 0)


# Calling, padding, cutting, decoding.

SHORT, LONG = "The cat sat.", "A man is playing a flute, unaffably, on the Mississippi river bank."


@pytest.mark.parametrize("offsets", [False, True])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"padding": "longest"},
        {"add_special_tokens": False},
        {"truncation": "longest_first", "max_length": 9},
        {"truncation": True, "max_length": 12, "padding": "max_length"},
        {"truncation": "only_first", "max_length": 40, "padding": "max_length"},
        {"padding": "max_length", "max_length": 64},
    ],
)
@pytest.mark.parametrize(
    ("text", "pair"),
    [
        (SHORT, None),
        ([SHORT, LONG, ""], None),
        (LONG, SHORT),
        ([SHORT, LONG, LONG, ""], [LONG, SHORT, LONG, SHORT]),
    ],
)
def test_calls(text, pair, options, offsets):
    ours, theirs = both(BUNDLED_NAME)
    expected = theirs(text, pair, return_offsets_mapping=offsets, **options)
    options = {"padding": False, **options}
    found = ours(text, pair, return_offsets_mapping=offsets, return_tensors=None, **options)
    assert found == dict(expected)


@pytest.mark.parametrize("stride", [0, 1, 4])
@pytest.mark.parametrize(
    ("text", "pair", "truncation"),
    [
        ([LONG, SHORT], None, "longest_first"),
        ([SHORT, SHORT], [SHORT, LONG], "only_second"),
        ([LONG, SHORT], [SHORT, SHORT], "only_first"),
    ],
)
def test_windows(text, pair, truncation, stride):
    ours, theirs = both(BUNDLED_NAME)
    options = {
        "truncation": truncation,
        "max_length": 16,
        "stride": stride,
        "return_overflowing_tokens": True,
        "return_offsets_mapping": True,
        "padding": "longest",
    }
    assert ours(text, pair, return_tensors=None, **options) == dict(theirs(text, pair, **options))


def test_every_length_of_a_pair():
    ours, theirs = both(BUNDLED_NAME)
    for first in range(7):
        for second in range(1, 7):  # transformers takes an empty second text for none at all
            for max_length in range(4, 14):
                a, b = "a " * first, "b " * second
                options = {"truncation": "longest_first", "max_length": max_length}
                found = ours(a, b, return_tensors=None, padding=False, **options)
                assert found == dict(theirs(a, b, **options)), (first, second, max_length)


@pytest.mark.parametrize("skip", [False, True])
@settings(max_examples=100, **UNHURRIED)
@given(data=st.data())
def test_decode(skip, data):
    ours, theirs = both(BUNDLED_NAME)
    index = st.one_of(st.integers(0, 8191), st.sampled_from(range(12)))
    ids = data.draw(st.lists(index, max_size=20))
    decoded = theirs.decode(ids, skip_special_tokens=skip)
    assert ours.decode(ids, skip_special_tokens=skip) == decoded


@pytest.mark.parametrize("name", NAMES)
def test_vocabulary(name):
    ours, theirs = both(name)
    their_vocab = theirs.get_vocab()
    if name == "bert-base-chinese":
        # Two pieces of Google's list are U+2028 and ##U+2028, which transformers strips as white
        # space. Neither can ever be used: U+2028 is white space, and never part of a word.
        their_vocab["\u2028"] = their_vocab.pop("")
        their_vocab["##\u2028"] = their_vocab.pop("##")
    assert ours.vocab == their_vocab
    assert len(ours) == ours.vocab_size == len(theirs)
    some = [theirs.convert_ids_to_tokens(i) for i in (0, 100, 1000, len(ours) - 1)]
    assert ours.convert_tokens_to_ids([*some, "no piece"]) == theirs.convert_tokens_to_ids(
        [*some, "no piece"]
    )
    assert ours.convert_ids_to_tokens(ours.convert_tokens_to_ids(some)) == some

"""The corpus of notebook 19: what is kept for the test is not in training, its parts are."""

from collections import Counter

import pytest

from notebooks.little_pairs import (
    FEELINGS,
    FOR_THE_TEST,
    OFTEN,
    PLACES,
    THINGS,
    TIMES,
    VERBS,
    pairs,
    sentence,
)


def test_sentences_are_what_a_reader_would_write():
    assert sentence("I", "love", "programming")[:2] == ("I love programming.", "我爱编程。")
    here = {"place": "in the park", "time": "on Sunday"}
    asked = sentence("my mother", "watch", "football", kind="question", **here)
    assert asked.english == "Does my mother watch football in the park on Sunday?"
    assert asked.chinese == "我妈妈星期天在公园里看足球吗？"
    assert sentence("she", "miss", "tea").english == "She misses tea."
    often = sentence("they", "play", "the piano", place="at home", kind="often", often="常常")
    assert often[:2] == ("They often play the piano at home.", "他们常常在家弹钢琴。")
    assert sentence("he", "read", "books", kind="not").english == "He does not read books."


def test_verbs_and_things_of_the_test_are_not_together_in_training():
    learn, test = pairs(5000, seed=3), pairs(500, seed=4, is_test=True)
    assert not {one.english for one in learn} & {one.english for one in test}
    words = {word for one in learn for word in one.english.lower().split()}
    assert {word for one in test for word in one.english.lower().split()} <= words
    for verb, thing in FOR_THE_TEST:
        assert thing in VERBS[verb]
        assert sum(thing in VERBS[other] for other in VERBS) > 1
    assert {one.thing for one in learn} == {*THINGS}


def test_often_is_drawn_as_likely_as_it_says():
    learn = pairs(6000, seed=5)
    assert learn == pairs(6000, seed=5) != pairs(6000, seed=6)
    chinese = [one.chinese for one in learn if "often" in one.english]
    count = Counter(next(word for word in OFTEN if word in text) for text in chinese)
    for word, share in OFTEN.items():
        assert count[word] / len(chinese) == pytest.approx(share, abs=0.04)


def test_feelings_have_no_place_and_no_time():
    for one in pairs(500, seed=6):
        if any(chinese in one.chinese for chinese in FEELINGS.values()):
            assert not any(words in one.english for words in (*PLACES, *TIMES, "often"))

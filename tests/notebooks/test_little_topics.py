"""The task of notebooks 15 and 17: only the topic's word tells the label; the test has new ones."""

from minibert.tokenizer import BertTokenizer
from notebooks.little_topics import TEMPLATES, TOPICS, WHEN, WHO, topic_rows, words_of_topic
from weights_loader import load_bert

ALL = [word for words in TOPICS.values() for word in words.split()]


def test_each_word_has_one_topic_and_one_piece():
    tokenizer: BertTokenizer = load_bert()[1]
    assert len(ALL) == len(set(ALL)) == 90
    assert set(ALL) <= tokenizer.vocab.keys()
    assert not set(ALL) & set(" ".join(TEMPLATES + WHO + WHEN).split())


def test_the_words_of_the_test_are_not_trained_on():
    for topic, words in TOPICS.items():
        known, new = words_of_topic(topic), words_of_topic(topic, is_test=True)
        assert (len(known), len(new)) == (10, 5)
        assert {*known, *new} == {*words.split()}


def test_rows_have_one_word_of_their_topic_and_none_of_another():
    for is_test in (False, True):
        rows = topic_rows(500, seed=3, is_test=is_test)
        assert rows == topic_rows(500, seed=3, is_test=is_test) != topic_rows(500, seed=4)
        assert {row.label for row in rows} == TOPICS.keys()
        for row in rows:
            (word,) = {*row.text.lower().strip(".").split()} & {*ALL}
            assert word in words_of_topic(row.label, is_test=is_test)

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minibert.packing import Fitting, read_fitting, shorten, windows


@given(length=st.integers(0, 200), size=st.integers(1, 40), data=st.data())
def test_windows_cover_every_token_and_overlap_by_the_stride(length, size, data):
    stride = data.draw(st.integers(0, size - 1))
    tokens = list(range(length))
    parts = [tokens[window] for window in windows(length, size, stride)]
    assert sorted({token for part in parts for token in part}) == tokens
    assert all(len(part) == size for part in parts[:-1])
    assert len(parts[-1]) <= size
    for before, after in itertools.pairwise(parts):
        assert before[size - stride :] == after[:stride]
        assert len(after) > stride  # each brings something new


@given(first=st.integers(0, 60), second=st.integers(0, 60), room=st.integers(0, 80))
def test_shorten_takes_from_the_longer(first, second, room):
    a, b = shorten(first, second, room)
    assert a + b == min(room, first + second)
    assert a <= first
    assert b <= second
    # Whoever gave way is not the shorter one now, except for the odd token of an odd room.
    if a < first:
        assert a >= b - 1
    if b < second:
        assert b >= a - 1


def test_nothing_but_special_tokens_fits():
    fitting = Fitting("longest_first", max_length=2, stride=0, keep_rest=False)
    assert list(fitting.parts(5, 0, special=2)) == [(slice(0, 0), slice(0, 0))]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"truncation": "first"}, "truncation must be False or one of"),
        ({"truncation": True}, "truncation needs a max_length"),
        ({"truncation": True, "max_length": 0}, "max_length must be a whole number of at least 1"),
        ({"truncation": True, "max_length": 8.0}, "max_length must be a whole number"),
        ({"truncation": True, "max_length": 8, "stride": -1}, "stride must be a whole number"),
        ({"truncation": True, "max_length": 8, "stride": 2}, "stride needs return_overflowing"),
        ({"keep_rest": True}, "return_overflowing_tokens needs a truncation"),
        ({"truncation": "only_second", "max_length": 8}, "there is no second text"),
        (
            {"truncation": True, "max_length": 8, "keep_rest": True, "pairs": True},
            "windows over pairs: say which text",
        ),
    ],
)
def test_contradictions(arguments, message):
    defaults = {"truncation": False, "max_length": None, "stride": 0, "keep_rest": False}
    with pytest.raises(ValueError, match=message):
        read_fitting(**{**defaults, "pairs": False, **arguments})


@pytest.mark.parametrize(
    ("fitting", "lengths"),
    [
        (Fitting("longest_first", 1, 0, False), (5, 0)),
        (Fitting("longest_first", 2, 0, False), (5, 5)),
        (Fitting("only_first", 8, 0, False), (5, 7)),
        (Fitting("longest_first", 5, 3, True), (9, 0)),
    ],
)
def test_no_room(fitting, lengths):
    with pytest.raises(ValueError, match=r"max_length \d is below|leaves no room"):
        list(fitting.parts(*lengths, special=3 if lengths[1] else 2))

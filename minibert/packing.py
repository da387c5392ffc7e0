"""Ids to rows: [CLS] A [SEP] or [CLS] A [SEP] B [SEP], cut to fit and padded to one length, F12.

    A = a_1 … a_n, too long for its room r:
    truncation   a_1 … a_r
    windows      a_1 … a_r,  a_{r−s+1} … a_{2r−s},  …    each begins with the last s of the last

Source: article E§3.1; Devlin et al. 2018, figure 2; the names are those of transformers.

Differs: article D's FAQ cuts long texts without overlap, so that a token at an edge has no context
on one side; the stride s gives it some. Where transformers warns, or ignores a contradiction, here
it is an error; and nothing is cut unless the caller asks for it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

STRATEGIES = ("longest_first", "only_first", "only_second")


def windows(length: int, size: int, stride: int) -> list[slice]:
    """Slices of at most `size` that cover `length` tokens, each `stride` into the one before.

    Example:
        >>> windows(7, size=4, stride=1)
        [slice(0, 4, None), slice(3, 7, None)]
        >>> windows(3, size=4, stride=1)
        [slice(0, 3, None)]
    """
    starts = range(0, max(length - stride, 1), size - stride)
    return [slice(start, min(start + size, length)) for start in starts]


def keeps(parts: list[slice]) -> Iterator[tuple[slice, tuple[int, int]]]:
    """Each window with the rows it keeps of its [CLS] … [SEP]: up to the middle of each overlap.

    There a token is as far from the edge of one window as of the other. [CLS] is the first
    window's, [SEP] the last one's.
    """
    start = 0
    for number, part in enumerate(parts):
        is_last = number == len(parts) - 1
        end = part.stop if is_last else (parts[number + 1].start + part.stop) // 2
        first = 0 if number == 0 else 1 + start - part.start
        last = 1 + end - part.start + is_last
        yield part, (first, last)
        start = end


def shorten(first: int, second: int, room: int) -> tuple[int, int]:
    """How many tokens of each are left when the longer one gives way until both fit.

    Example:
        >>> shorten(10, 3, room=8), shorten(10, 9, room=7)
        ((5, 3), (4, 3))
    """
    if first + second <= room:
        return first, second
    shorter = min(first, second, room // 2)
    return (shorter, room - shorter) if first <= second else (room - shorter, shorter)


@dataclass(frozen=True)
class Fitting:
    """What to do with texts that are too long for a row."""

    truncation: str | None  # one of STRATEGIES, or None: never cut
    max_length: int | None  # of a row, special tokens included
    stride: int
    keep_rest: bool  # the tokens that are cut follow in further rows

    def parts(self, first: int, second: int, special: int) -> Iterator[tuple[slice, slice]]:
        """For each row, which tokens of the first and of the second text go into it."""
        limit = self.max_length
        if self.truncation is None or limit is None or first + second + special <= limit:
            yield slice(0, first), slice(0, second)
            return
        room = limit - special
        if self.truncation == "longest_first" and second:
            if room < 0:
                raise ValueError(f"max_length {limit} is below {special} special tokens")
            kept = shorten(first, second, room)
            yield slice(0, kept[0]), slice(0, kept[1])
            return
        cuts_second = self.truncation == "only_second"
        cut, other = (second, first) if cuts_second else (first, second)
        size = room - other
        if size < 0 or (self.keep_rest and size <= self.stride):
            raise ValueError(
                f"max_length {limit} leaves no room for the text to cut: {special} "
                f"special tokens, {other} of the other text, stride {self.stride}"
            )
        for part in windows(cut, size, self.stride) if self.keep_rest else [slice(0, size)]:
            yield (slice(0, first), part) if cuts_second else (part, slice(0, second))


def read_fitting(
    truncation: str | bool | None,
    max_length: int | None,
    stride: int,
    keep_rest: bool,
    *,
    pairs: bool,
) -> Fitting:
    """Check the arguments of a call; refuse those that would have no effect."""
    strategy = {True: "longest_first", False: None, "do_not_truncate": None}.get(
        truncation, truncation
    )
    if strategy is not None and strategy not in STRATEGIES:
        raise ValueError(f"truncation must be False or one of {STRATEGIES}, not {truncation!r}")
    if max_length is not None and (type(max_length) is not int or max_length < 1):
        raise ValueError(f"max_length must be a whole number of at least 1, not {max_length!r}")
    if type(stride) is not int or stride < 0:
        raise ValueError(f"stride must be a whole number of at least 0, not {stride!r}")
    if strategy and max_length is None:
        raise ValueError("truncation needs a max_length (this tokenizer has no model_max_length)")
    if strategy == "only_second" and not pairs:
        raise ValueError("truncation 'only_second', but there is no second text")
    if keep_rest and strategy is None:
        raise ValueError("return_overflowing_tokens needs a truncation: nothing is cut without one")
    if keep_rest and pairs and strategy == "longest_first":
        raise ValueError("windows over pairs: say which text, 'only_first' or 'only_second'")
    if stride and not keep_rest:
        raise ValueError("stride needs return_overflowing_tokens: it is where windows overlap")
    return Fitting(strategy, max_length, stride, keep_rest)


def pad(rows: list[list], length: int, filler: object) -> list[list]:
    """Every row at the same length."""
    return [row + [filler] * (length - len(row)) for row in rows]

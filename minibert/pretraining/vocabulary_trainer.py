"""A WordPiece vocabulary from text: which pieces should there be?

    start:   each letter, as the beginning of a word (x) and inside one (##x)
    repeat:  the two neighbours a, b that are together most often become one new piece ab

until there are V pieces. Merging the most frequent pair is the step that leaves the fewest pieces
in the text.

Source: article C§3.2.1 names the pieces, not where they come from; Sennrich et al. 2016 (arXiv
1508.07909), algorithm 1.

Differs: Google never published the program that made BERT's vocab.txt. Schuster and Nakajima (2012)
take the merge that makes the text likeliest; this takes the most frequent, as Hugging Face's
trainer does. The rarest letters, 1 in 10,000 of the text together, get no piece, so that a word
with one of them is [UNK].
"""

import heapq
import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable

from minibert.vocabulary import SPECIAL_TOKENS
from minibert.wordpiece import LONGEST_WORD
from minibert.words import STAGES

FIRST_PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]  # padding is id 0, as in BERT
COVERAGE = 0.9999  # of all letters

Pair = tuple[str, str]


def train_vocabulary(lines: Iterable[str], size: int, *, lower_case: bool = True) -> list[str]:
    """The pieces for BertTokenizer, at most `size`: special tokens, letters, then the merges in
    the order in which they were made.

    Example:
        >>> train_vocabulary(["low lower lowest"], 17)[5:]
        ['##e', '##o', '##r', '##s', '##t', '##w', 'l', '##ow', 'low', 'lowe', '##st', 'lower']
    """
    words = count_words(lines, lower_case=lower_case)
    letters = frequent_letters(words)
    if not letters:
        raise ValueError("the text has no words: there is nothing to make a vocabulary of")
    kept = {word: count for word, count in words.items() if letters.issuperset(word)}
    pieces = FIRST_PIECES + sorted({piece for word in kept for piece in spell(word)})
    if len(pieces) > size:
        raise ValueError(f"vocab_size must be at least {len(pieces)} for this text, not {size}")
    return pieces + merge(kept, size - len(pieces), known=set(pieces))


def count_words(lines: Iterable[str], *, lower_case: bool) -> Counter[str]:
    """How often each word is in the text, as the tokenizer's stages make words."""
    chunks: Counter[str] = Counter()  # the parts between white space: few different ones
    for line in lines:
        chunks.update(line.split())
    words: Counter[str] = Counter()
    skipped = set() if lower_case else {"strip accents", "lower case"}
    stages = [stage for name, stage in STAGES.items() if name not in skipped]
    for chunk, count in chunks.items():
        if chunk in SPECIAL_TOKENS.values():
            continue
        for stage in stages:
            chunk = stage(chunk)
        for word in chunk.split():
            if len(word) <= LONGEST_WORD:
                words[word] += count
    return words


def frequent_letters(words: Counter[str]) -> set[str]:
    """The letters, most frequent first, until COVERAGE of all letters is reached."""
    letters: Counter[str] = Counter()
    for word, count in words.items():
        for letter in word:
            letters[letter] += count
    wanted, covered, found = COVERAGE * letters.total(), 0, set()
    for letter, count in sorted(letters.items(), key=lambda item: (-item[1], item[0])):
        if covered >= wanted:
            break
        found.add(letter)
        covered += count
    return found


def spell(word: str) -> list[str]:
    """The word letter by letter, as pieces.

    Example:
        >>> spell("cat")
        ['c', '##a', '##t']
    """
    return [word[0], *(f"##{letter}" for letter in word[1:])]


def merge(words: dict[str, int], wanted: int, known: set[str]) -> list[str]:
    """The `wanted` new pieces; fewer if every word is a single piece earlier."""
    counts = list(words.values())
    spelled = [spell(word) for word in words]
    pair_counts: Counter[Pair] = Counter()
    where: defaultdict[Pair, set[int]] = defaultdict(set)  # the words that a pair is in
    for number, pieces in enumerate(spelled):
        for pair in itertools.pairwise(pieces):
            pair_counts[pair] += counts[number]
            where[pair].add(number)
    # The most frequent pair on top; of two, the first in the alphabet. A pair whose count has
    # changed stays in the heap with the old one and is corrected when it comes to the top.
    heap = [(-count, pair) for pair, count in pair_counts.items()]
    heapq.heapify(heap)
    new: list[str] = []
    while heap and len(new) < wanted:
        count, pair = heapq.heappop(heap)
        if -count != pair_counts[pair]:
            if pair_counts[pair] > 0:
                heapq.heappush(heap, (-pair_counts[pair], pair))
            continue
        piece = pair[0] + pair[1].removeprefix("##")
        if piece not in known:  # two ways to spell it lead to the same piece
            known.add(piece)
            new.append(piece)
        changed: set[Pair] = set()
        for number in where.pop(pair):
            before = spelled[number]
            after = merge_in_word(before, pair, piece)
            for old in itertools.pairwise(before):
                pair_counts[old] -= counts[number]
            for fresh in itertools.pairwise(after):
                pair_counts[fresh] += counts[number]
                if piece in fresh:
                    where[fresh].add(number)
                    changed.add(fresh)
            spelled[number] = after
        del pair_counts[pair]
        for fresh in changed:
            heapq.heappush(heap, (-pair_counts[fresh], fresh))
    return new


def merge_in_word(pieces: list[str], pair: Pair, piece: str) -> list[str]:
    """Every `pair` of neighbours in a word made one `piece`, from the left.

    Example:
        >>> merge_in_word(["b", "##a", "##n", "##a", "##n"], ("##a", "##n"), "##an")
        ['b', '##an', '##an']
    """
    merged: list[str] = []
    for current in pieces:
        if merged and (merged[-1], current) == pair:
            merged[-1] = piece
        else:
            merged.append(current)
    return merged

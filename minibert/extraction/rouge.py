"""ROUGE: how much of a reference summary stands in a summary, as F1.

    F1 = 2 · common / (words of the reference + words of the summary)

    ROUGE-1, ROUGE-2    common: runs of 1 or 2 words, each as often as both have it
    ROUGE-L             common: the longest common subsequence of words

Words are those of the original: runs of a to z and 0 to 9. So a text in Chinese has none; count its
characters, by rouge(list(reference), list(summary)).

Source: Lin 2004, W04-1013. Differs: no stemming and one reference, as in the package rouge-score.
"""

import re
from collections import Counter
from collections.abc import Sequence


def rouge(reference: str | Sequence[str], summary: str | Sequence[str]) -> dict[str, float]:
    """ROUGE-1, -2 and -L of two texts, or of two lists of words.

    Example:
        >>> rouge("The cat sat on a mat.", "The cat ate.")
        {'rouge1': 0.4444444444444444, 'rouge2': 0.2857142857142857, 'rougeL': 0.4444444444444444}
    """
    is_word = re.compile("[a-z0-9]+")
    pair = [is_word.findall(x.lower()) if isinstance(x, str) else x for x in (reference, summary)]
    scores = {}
    for n in (1, 2):
        a, b = (Counter(tuple(x[i : i + n]) for i in range(len(x) - n + 1)) for x in pair)
        scores[f"rouge{n}"] = 2 * (a & b).total() / max(1, a.total() + b.total())
    scores["rougeL"] = 2 * longest_common_subsequence(*pair) / max(1, sum(map(len, pair)))
    return scores


def longest_common_subsequence(a: Sequence[str], b: Sequence[str]) -> int:
    """Its length: a row of the table is that of a's first words with each beginning of b."""
    above = [0] * (len(b) + 1)
    for word in a:
        row = [0]
        for j, other in enumerate(b):
            row.append(above[j] + 1 if word == other else max(above[j + 1], row[j]))
        above = row
    return above[-1]

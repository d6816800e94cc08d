"""Which known name a wrong one was probably meant to be: one rule for flags, keys, variables and commands.

A name is near if few letters are wrong for its length, so that `foo` is not taken for `out`. Case and the
marks between words do not count: `MAX_INFLIGHT` is `max-in-flight`.
"""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# One wrong letter in four; the ratio allows none in a word of three that is another one instead.
LETTERS_PER_MISTAKE = 4
LEAST_RATIO = 0.7


def nearest(word: str, words: Iterable[str]) -> str | None:
    """The one of `words` that `word` was probably meant to be, None if it is near to none."""
    meant = _letters(word)
    near = ((_mistakes(meant, _letters(each)), each) for each in words)
    return min(((count, each) for count, each in near if count is not None), default=(0, None))[1]


def _letters(word: str) -> str:
    return re.sub(r"[\W_]", "", word.lower())


def _mistakes(word: str, known: str) -> int | None:
    """How many letters are wrong, missing, too many or swapped; None if that is too many."""
    most = max(1, max(len(word), len(known)) // LETTERS_PER_MISTAKE)
    # A flood of letters is told by its length alone.
    if abs(len(word) - len(known)) > most or not word or not known:
        return None
    alike = SequenceMatcher(None, word, known)
    # The quick one is never less than the other, and spares most words the table of distances.
    if alike.quick_ratio() < LEAST_RATIO:
        return None
    count = _distance(word, known)
    is_near = count <= most and alike.ratio() >= LEAST_RATIO
    return count if is_near else None


def _distance(word: str, known: str) -> int:
    """The edit distance of two words, in which two neighbours that are swapped count once."""
    above, row = list[int](), list(range(len(known) + 1))
    for i, letter in enumerate(word, 1):
        before, above, row = above, row, [i]
        for j, other in enumerate(known, 1):
            best = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == known[j - 2] and word[i - 2] == other:
                best = min(best, before[j - 2] + 1)
            row.append(best)
    return row[-1]

"""Finding the word somebody meant."""

from collections.abc import Iterable
from difflib import get_close_matches

_LONGEST = 64
"""Characters; no word of ours is longer, and comparing takes quadratic time."""


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` most likely stands for; None when none is near.

    Letters in the wrong order are near, even in words too short to be compared by their parts (`ot`, `to`).
    """
    if len(word) > _LONGEST:
        return None
    candidates = sorted(set(known))
    folded = {candidate.lower(): candidate for candidate in reversed(candidates)}
    found = get_close_matches(word.lower(), folded, n=1, cutoff=0.6) or [
        each for each in folded if sorted(each) == sorted(word.lower())
    ]
    return folded[found[0]] if found else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`did you mean "hostnames"?`, or nothing when no known word is near."""
    found = closest(word, known)
    return f'did you mean "{found}"?' if found else ""

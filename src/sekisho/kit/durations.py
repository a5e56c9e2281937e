"""Durations as users write them (GEP-2257), in milliseconds inside."""

import re

_UNITS = {"h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
_WHOLE = re.compile(r"(?:[0-9]{1,5}(?:h|ms|m|s)){1,4}", re.ASCII)
_PART = re.compile(r"([0-9]{1,5})(h|ms|m|s)", re.ASCII)


def parse(text: str) -> int:
    """`1m30s` → 90000. One to four parts of h, m, s, ms; `0s` is 0.

    Raises ValueError when `text` is none (GEP-2257: no fractions, no signs, no other units).
    """
    if not _WHOLE.fullmatch(text):
        raise ValueError(f'"{text}" is not a duration such as 1m30s or 500ms')
    return sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(text))


def format(milliseconds: int) -> str:  # noqa: A001  read as durations.format, the twin of durations.parse
    """90000 → `1m30s`, 0 → `0s`: the shortest form of GEP-2257, largest unit first.

    Raises ValueError below zero and above 99999 h, which the notation cannot say.
    """
    if not 0 <= milliseconds < 100_000 * _UNITS["h"]:
        raise ValueError(f"{milliseconds} ms cannot be written as a duration")
    parts = []
    for unit, size in _UNITS.items():
        number, milliseconds = divmod(milliseconds, size)
        if number:
            parts.append(f"{number}{unit}")
    return "".join(parts) or "0s"

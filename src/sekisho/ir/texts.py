"""Whether a text is what was asked for, as Envoy's StringMatcher decides it; a prefix by whole segments."""

from functools import lru_cache
from typing import Any, Literal, assert_never

import re2

Kind = Literal["exact", "prefix", "suffix", "regex", "present"]


def text_matches(kind: Kind, wanted: str, value: str) -> bool:
    """envoy.type.matcher.v3.StringMatcher. Bytes that are not UTF-8 stand in `value` as lone surrogates
    (`surrogateescape`)."""
    match kind:
        case "exact":
            return value == wanted
        case "prefix":
            return value.startswith(wanted)
        case "suffix":
            return value.endswith(wanted)
        case "regex":
            return regex_matches(wanted, value)
        case "present":
            return True
        case _ as never:
            assert_never(never)


def regex_matches(pattern: str, value: str) -> bool:
    """Whether RE2 matches the whole of it, byte by byte: to Envoy a text is Latin-1, whatever it is, so `.`
    fits half of an `é` and no byte escapes a pattern."""
    return _compiled(pattern).fullmatch(value.encode("utf-8", "surrogateescape")) is not None


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    return re2.compile(pattern.encode(), options)


def covers_segments(prefix: str, value: str) -> bool:
    """Whether the leading segments of a path or identity are the prefix: `/a` covers `/a` and `/a/b`, and
    leaves `/ab` alone."""
    whole = prefix.rstrip("/")
    return value == whole or value.startswith(f"{whole}/")

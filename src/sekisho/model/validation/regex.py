"""Regular expressions are compiled with RE2 when written: a bad one would be refused by every proxy."""

from collections.abc import Iterator
from functools import lru_cache

import re2

from sekisho.model.problems import Problem
from sekisho.model.reasons import Reason

MAX_LENGTH = 1024
"""Characters of one expression."""
MAX_PROGRAM_SIZE = 1000
"""Compiled steps; our bootstrap sets Envoy's `re2.max_program_size.error_level` to the same."""

_CHEAPER = "use smaller repetitions or a prefix match"
_COMPILE_MEMORY = 128 * 1024
"""Bytes RE2 may use: room for programs twice the limit, so that compiling the worst takes 1 ms, not 60."""


def problems(path: str, expression: str) -> Iterator[Problem]:
    """Why Envoy would refuse the expression at `path`."""
    if len(expression) > MAX_LENGTH:
        message = f"expected at most {MAX_LENGTH} characters, found {len(expression)}"
        yield Problem(path, message, reason=Reason.TOO_LONG)
        return
    size, error = _compiled(expression)
    if "too large" in error:
        yield Problem(path, f"is too costly: more than {MAX_PROGRAM_SIZE} steps when compiled", _CHEAPER)
    elif error:
        yield Problem(path, f"is no valid RE2 expression: {error}", "see the syntax at github.com/google/re2")
    elif size > MAX_PROGRAM_SIZE:
        message = f"is too costly: {size} steps when compiled, at most {MAX_PROGRAM_SIZE}"
        yield Problem(path, message, _CHEAPER)


@lru_cache(maxsize=4096)
def _compiled(expression: str) -> tuple[int, str]:
    """(program size, error)."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _COMPILE_MEMORY
    try:
        return re2.compile(expression, options).programsize, ""
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        return 0, reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)

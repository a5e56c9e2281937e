"""JSON bytes → values, refusing what confuses or exhausts: duplicate keys, depth, size, odd numbers."""

import json
from collections.abc import Sequence
from typing import Any, NoReturn

from sekisho.model.problems import Invalid, Problem
from sekisho.model.reasons import Reason

MAX_DEPTH = 64
"""Levels of nesting; our deepest kind needs 12."""
MAX_BYTES = 3 * 1024 * 1024
"""The largest body that the Kubernetes API server takes, too."""


def parse(body: bytes, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH) -> Any:
    """The value that `body` holds. Raises Invalid with one problem that says where it went wrong."""
    if len(body) > max_bytes:
        raise _refused(f"too large: {len(body)} bytes, at most {max_bytes} are taken", Reason.TOO_LONG)
    try:
        value = json.loads(body.decode(), object_pairs_hook=_object, parse_constant=_constant)
    except RecursionError:
        raise _refused(f"nested deeper than {max_depth} levels") from None
    except json.JSONDecodeError as error:
        raise _refused(f"not JSON: {_lower(error.msg)}, line {error.lineno} column {error.colno}") from None
    except UnicodeDecodeError as error:
        raise _refused(f"not UTF-8 at byte {error.start}") from None
    except ValueError:  # Python refuses to read integers of more than 4300 digits
        raise _refused("not JSON: a number is too long") from None
    if body.count(b"{") + body.count(b"[") > max_depth and _deeper(value, max_depth):
        raise _refused(f"nested deeper than {max_depth} levels")
    if b"\\u" in body and not _encodable(value):
        raise _refused("not JSON: half of a surrogate pair")
    return value


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        problem = Problem("", f'key "{twice[:60]}" stands twice in one object', reason=Reason.DUPLICATE)
        raise Invalid([problem])
    return result


def _constant(name: str) -> NoReturn:
    raise _refused(f"not JSON: {name}")


def _deeper(value: Any, levels: int) -> bool:
    """Whether containers are nested more than `levels` deep; goes no deeper than that itself."""
    if not isinstance(value, dict | list):
        return False
    if levels == 0:
        return True
    return any(_deeper(item, levels - 1) for item in (value.values() if isinstance(value, dict) else value))


def _encodable(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]


def _refused(message: str, reason: Reason = Reason.MALFORMED) -> Invalid:
    return Invalid([Problem("", message, reason=reason)])

"""Rewriting of paths: whole, or their matched prefix, without ever making `//`. Queries are kept."""

import re
from typing import Any

from sekisho import ir


def regex_rewrite(pattern: str, replacement: str) -> dict[str, Any]:
    """envoy.type.matcher.v3.RegexMatchAndSubstitute; `replacement` may use groups, as `\\1`."""
    return {"regex_rewrite": {"pattern": {"regex": pattern}, "substitution": replacement}}


def literally(text: str) -> str:
    """`text` as a replacement that means itself."""
    return text.replace("\\", "\\\\")


def prefix_rewrite(matched: ir.PathMatch, replacement: str) -> dict[str, Any]:
    """Fields of RouteAction and RedirectAction alike.

    A trailing `/` counts neither in the prefix nor in its replacement, and what remains is `/` at least
    (table at HTTPPathModifier.replacePrefixMatch in the Gateway API).
    """
    if not isinstance(matched, ir.PathPrefix):
        raise TypeError(f"there is no prefix to replace in {matched}")
    old, new = matched.value.rstrip("/"), replacement.rstrip("/")
    match bool(old), bool(new):
        case True, True:
            return {"prefix_rewrite": new}
        case True, False:
            return regex_rewrite(f"^{re.escape(old)}/*", "/")
        case False, True:
            return {"prefix_rewrite": new + "/"}
        case _:
            return {}

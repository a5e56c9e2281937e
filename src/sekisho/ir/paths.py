"""A path as a proxy matches it: RFC 3986 normalisation, slashes merged, escaped slashes redirected."""

import re

from sekisho.ir.http import PathMatch, PathPrefix, PathRewrite, ReplaceFullPath

_ESCAPED_SLASH = re.compile(r"%2[fF]|%5[cC]")
_ESCAPE = re.compile(r"%([0-9a-fA-F]{2})")
_DOTS_WITH_PARAMETERS = re.compile(r"(?<=/)(\.\.?);[^/]*")
"""Envoy sees through `/..;x=1/` (matrix parameters), but not where the dots are escaped or follow a `\\`."""
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_ENCODED = re.compile(r'["<>`{}^|]|[^\x00-\x7f]')
"""Characters that may not stand in a path and that Envoy's canonicaliser encodes."""


def is_acceptable(path: str) -> bool:
    """Whether Envoy goes on with it: a fragment or an escaped NUL in the path is answered 400."""
    return "#" not in path and "%00" not in path.partition("?")[0]


def normalized_path(path: str) -> tuple[str, bool]:
    """The path routes are matched with, and whether the proxy redirects the client to it instead.

    Envoy's `normalize_path`, `merge_slashes` and `path_with_escaped_slashes_action: UNESCAPE_AND_REDIRECT`.
    The query is left as it is.
    """
    bare, mark, query = path.partition("?")
    unescaped = _ESCAPED_SLASH.sub(lambda found: "/" if found[0][1] == "2" else "\\", bare)
    plain = _DOTS_WITH_PARAMETERS.sub(r"\1", unescaped)
    decoded = _ESCAPE.sub(_decoded, plain).replace("\\", "/")
    encoded = _ENCODED.sub(_encoded, decoded)
    return _merged(_without_dots(encoded)) + mark + query, unescaped != bare


def _merged(path: str) -> str:
    """Slashes merged; Envoy leaves two of a path that has nothing else."""
    if len(path) > 1 and not path.strip("/"):
        return "//"
    return re.sub("/+", "/", path) or "/"


def _decoded(found: re.Match[str]) -> str:
    character = chr(int(found[1], 16))
    return character if character in _UNRESERVED else found[0]


def _encoded(found: re.Match[str]) -> str:
    """Byte by byte; those that are not UTF-8 stand in the text as lone surrogates."""
    return "".join(f"%{byte:02X}" for byte in found[0].encode("utf-8", "surrogateescape"))


def _without_dots(path: str) -> str:
    """RFC 3986 section 5.2.4."""
    out: list[str] = []
    segments = path.split("/")
    for place, segment in enumerate(segments):
        last = place == len(segments) - 1
        if segment == "..":
            if len(out) > 1:
                out.pop()
            if last:
                out.append("")
        elif segment == ".":
            if last:
                out.append("")
        else:
            out.append(segment)
    return "/".join(out)


def rewritten_path(rewrite: PathRewrite | None, match: PathMatch, path: str) -> str:
    """The path (with its query) after a rewrite, for a route that was found by `match`."""
    bare, mark, query = path.partition("?")
    if rewrite is None:
        return path
    if isinstance(rewrite, ReplaceFullPath):
        return rewrite.value + mark + query
    prefix = match.value.rstrip("/") if isinstance(match, PathPrefix) else ""
    return (rewrite.value.rstrip("/") + bare[len(prefix) :] or "/") + mark + query

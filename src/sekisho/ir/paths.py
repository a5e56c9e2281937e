"""A path as a proxy matches it: RFC 3986 normalisation, slashes merged, escaped slashes redirected."""

import re

_ESCAPED_SLASH = re.compile(r"%2[fF]|%5[cC]")
_ESCAPE = re.compile(r"%([0-9a-fA-F]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def normalized_path(path: str) -> tuple[str, bool]:
    """The path routes are matched with, and whether the proxy redirects the client to it instead.

    Envoy's `normalize_path`, `merge_slashes` and `path_with_escaped_slashes_action: UNESCAPE_AND_REDIRECT`.
    The query is left as it is.
    """
    bare, mark, query = path.partition("?")
    bare = bare.partition("#")[0]
    unescaped = _ESCAPED_SLASH.sub(lambda found: "/" if found[0][1] == "2" else "\\", bare)
    redirected = unescaped != bare
    decoded = _ESCAPE.sub(_decoded, unescaped).replace("\\", "/")
    merged = re.sub("/+", "/", _without_dots(decoded))
    return (merged or "/") + mark + query, redirected


def _decoded(found: re.Match[str]) -> str:
    character = chr(int(found[1], 16))
    return character if character in _UNRESERVED else found[0]


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

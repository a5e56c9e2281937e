"""Requests as the parser of a proxy takes them: what it refuses to look at, and what it reads otherwise."""

import re
from typing import Literal

from msgspec.structs import replace

from sekisho.ir.calls import Call
from sekisho.ir.paths import is_acceptable

HttpVersion = Literal["1.1", "2"]

_METHODS = frozenset({
    "ACL", "BIND", "CHECKOUT", "COPY", "DELETE", "GET", "HEAD", "LINK", "LOCK", "M-SEARCH", "MERGE",
    "MKACTIVITY", "MKCALENDAR", "MKCOL", "MOVE", "NOTIFY", "OPTIONS", "PATCH", "POST", "PROPFIND",
    "PROPPATCH", "PURGE", "PUT", "REBIND", "REPORT", "SEARCH", "SOURCE", "SUBSCRIBE", "TRACE", "UNBIND",
    "UNLINK", "UNLOCK", "UNSUBSCRIBE",
})  # fmt: skip
"""All that Envoy's parser of HTTP/1.1 knows, without CONNECT, which leads nowhere."""
_ABSOLUTE = re.compile(r"(?i:http|https)://([^/?#]*)(.*)", re.DOTALL)
_HOST = re.compile(r"[-A-Za-z0-9._~!$&'()*+,;=:%@\[\]]*")
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f]")


def origin_form(call: Call) -> Call:
    """A request whose target is a whole URL (RFC 9112, section 3.2.2) as one with host and path."""
    found = _ABSOLUTE.fullmatch(call.path)
    if found is None:
        return call
    return replace(call, host=found[1], path=found[2] or "/")


def fault(call: Call, version: HttpVersion) -> str:
    """What is wrong with it; empty when nothing is."""
    if not call.path.startswith("/") and not is_for_nothing(call, version):
        return "the path does not begin with /"
    if not is_acceptable(call.path):
        return "the path contains a fragment or an escaped NUL"
    if _UNPRINTABLE.search(call.path) or (version == "1.1" and not call.path.isascii()):
        return "the path contains a character that is not printable ASCII"
    if call.method not in _METHODS and (version == "1.1" or call.method == "CONNECT"):
        return f"nothing here answers the method {call.method}"
    if not _HOST.fullmatch(call.host) or (version == "2" and (not call.host or "@" in call.host)):
        return "the host is not a host"
    return ""


def is_for_nothing(call: Call, version: HttpVersion) -> bool:
    """Whether it asks for no path: `OPTIONS *`, or in HTTP/1.1 a URL of a host and a query. Envoy answers 404
    before anybody judges."""
    if version == "2":
        return (call.method, call.path) == ("OPTIONS", "*")
    bare = call.path.partition("?")[0]
    return not bare or (call.method == "OPTIONS" and bare == "*")

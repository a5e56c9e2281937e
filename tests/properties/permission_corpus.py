"""Permissions and calls drawn from a small vocabulary, so that they collide; seeded, so that they come again.

The spellings are those by which rules on paths and headers have been got round (reliability.md 4.2).
"""

from collections.abc import Sequence
from random import Random
from typing import Any, NamedTuple, TypeVar

from tests.kit.sidecar import TRUST_DOMAIN, spiffe_id

T = TypeVar("T")

IDENTITIES = (
    spiffe_id("cart"),
    spiffe_id("cart-2"),
    spiffe_id("cart", "shopping"),
    spiffe_id("web", "edge"),
    f"spiffe://{TRUST_DOMAIN}/ns/shop/sa/cart/zone/a",
)
SERVER_NAMES = ("80.web.shop.default.default.sekisho", "81.Web.shop", "")
ADDRESSES = ("127.0.0.1", "127.0.0.9", "127.8.0.1")

_SPIFFE = [
    {"type": "Exact", "value": spiffe_id("cart")},
    {"type": "Prefix", "value": spiffe_id("cart")},
    {"type": "Prefix", "value": f"spiffe://{TRUST_DOMAIN}/ns/shop"},
    {"type": "Prefix", "value": f"spiffe://{TRUST_DOMAIN}/ns/shop/"},
    {"type": "Prefix", "value": f"spiffe://{TRUST_DOMAIN}"},
    {"type": "Exact", "value": spiffe_id("nobody")},
]
_RANGES = ["127.0.0.0/24", "127.0.0.9/32", "127.0.0.0/8", "10.0.0.0/8", "::/0"]
_PATHS = [
    {"value": "/admin"}, {"value": "/admin/"}, {"value": "/"}, {"value": "/a/b"}, {"value": "/public"},
    {"type": "Exact", "value": "/admin"}, {"type": "Exact", "value": "/a"}, {"type": "Exact", "value": "/"},
    {"type": "Exact", "value": "/admin/"}, {"value": "/a;v=1"}, {"value": "/%7Eadmin"}, {"value": "/~admin"},
    {"type": "RegularExpression", "value": "/adm.*"}, {"type": "RegularExpression", "value": "/[ab]+"},
    {"type": "RegularExpression", "value": "(?i)/admin"}, {"type": "RegularExpression", "value": ".*"},
    {"type": "RegularExpression", "value": "/a/[^/]+"},
]  # fmt: skip
_HEADERS = [
    {"name": "x-a", "value": "1"}, {"name": "X-A", "type": "Prefix", "value": "1"},
    {"name": "x-a", "type": "Suffix", "value": "2"}, {"name": "x-a", "type": "Present"},
    {"name": "x-a", "type": "RegularExpression", "value": "1.*"}, {"name": "x-a", "value": "1,2"},
    {"name": "x-a", "type": "RegularExpression", "value": ".*"}, {"name": "x_a", "value": "1"},
    {"name": "x-b", "type": "RegularExpression", "value": "[12]"}, {"name": "host", "value": "web"},
    {"name": "host", "type": "Prefix", "value": "web"}, {"name": "user-agent", "value": "a,b"},
    {"name": "user-agent", "type": "Prefix", "value": "a"}, {"name": "cookie", "value": "a=1"},
    {"name": "cookie", "type": "Prefix", "value": "a=1"}, {"name": "x-sekisho-role", "type": "Present"},
    {"name": "authorization", "value": "Bearer a"}, {"name": "x-forwarded-for", "value": "10.0.0.1"},
    {"name": "x-envoy-internal", "value": "true"}, {"name": "x-forwarded-client-cert", "value": "URI=a"},
    {"name": "x-a", "value": "é"},
]  # fmt: skip
_CLAIMS = [
    {"name": "role", "value": "buyer"}, {"name": "role", "value": "admin"},
    {"name": "groups", "value": "b"}, {"name": "realm.tier", "type": "Prefix", "value": "go"},
    {"name": "verified", "value": "true"}, {"name": "role", "type": "Present"},
    {"name": "missing", "type": "Present"}, {"name": "role", "type": "RegularExpression", "value": "b.*"},
]  # fmt: skip
CLAIMS: dict[str, Any] = {
    "role": "buyer", "groups": ["a", "b"], "realm": {"tier": "gold"}, "verified": True
}  # fmt: skip
"""Of every request, on ports where a token was verified."""
KNOWN_CLAIMS = (
    ("role", "buyer"), ("groups", "a"), ("groups", "b"), ("realm.tier", "gold"), ("verified", "true"),
)  # fmt: skip

_SEGMENTS = [
    "admin", "admin", "admin", "a", "b", "public", "ADMIN", "Admin", "admin2", "..", ".", "", "%2e%2e", "%2E",
    ".%2e", "%2F", "%2f", "%5c", "%5Cadmin", "\\", "..\\admin", "%61dmin", "%41dmin", "adm%69n", "..;",
    "..;a=b", ";", "admin;x", "admin;v=1", "a;v=1", "%252e%252e", "%252Fadmin", "%c0%aeadmin", "%u0061dmin",
    "%00", "admin%00", "admin#x", "#", "~admin", "%7Eadmin", "admin%20", "admin.", "%zz", "%", "\xc3\xa9",
    "\xff", "%c3%a9", "%ff", "admin%2f", "admin%3F", "admin%3b", "[", "|", "<", "*", "%0a", "admin%09",
]  # fmt: skip
_WHOLE = [
    "/admin", "/admin/", "//admin", "/./admin", "/x/../admin", "/x/%2e%2e/admin", "/x/..%2fadmin",
    "/%2Fadmin", "/%61dmin", "/..;/admin", "/x/..;a=b/admin", "/x\\..\\admin", "/%5cadmin",
    "/public%2F..%2Fadmin", "/./%2e/admin", "/;/admin", "/ADMIN", "/x/%252e%252e/admin", "/%c0%aeadmin",
    "/%u0061dmin", "/", "/a", "/a/b", "/a/b/c", "/public", "/public/../admin", "/admin/../public", "/adminx",
    "//", "///", "/..", "/../..", "/.", "/admin/.", "/admin/..", "/a//b", "/public/./x",
    "*", "http://web/admin", "HTTP://web:80/public/%2e%2e/admin", "http://web?x=/admin",
]  # fmt: skip
_QUERIES = ["", "", "", "?", "?a=1", "?p=/admin", "?/../admin", "?a=%2F", "?%00", "?a=\xff", "?a?b"]
_METHODS = ["GET", "GET", "GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH", "get", "FOO"]
_HOSTS = [*["web"] * 40, "WEB", "web:80", "web.", "web.:80", "web,other", "Web:8443", "[::1]:80", "w\xe9b"]
_REQUEST_HEADERS = [
    (b"x-a", b"1"), (b"X-A", b"1"), (b"x-a", b"2"), (b"x-a", b"1,2"), (b"x-a", b""), (b"x-a", b"1\xff"),
    (b"x-a", b"\xff"), (b"x-a", b"\xc3\xa9"), (b"x-a", b"\xe9"), (b"x-b", b"1"), (b"x-b", b"3"),
    (b"x_a", b"1"), (b"user-agent", b"a"), (b"user-agent", b"b"), (b"cookie", b"a=1"), (b"cookie", b"b=2"),
    (b"x-sekisho-role", b"admin"), (b"authorization", b"Bearer a"), (b"x-forwarded-for", b"10.0.0.1"),
    (b"x-envoy-internal", b"true"), (b"x-forwarded-client-cert", b"URI=a"), (b"x-a", b" 1 "),
    (b"x-envoy-original-path", b"/public"), (b"x-original-url", b"/public"), (b"x-a", b"1\t"),
    (b"x-http-method-override", b"DELETE"), (b"x-forwarded-host", b"web"),
]  # fmt: skip


class Asked(NamedTuple):
    """A request, byte by byte."""

    method: bytes
    path: bytes
    host: bytes
    headers: tuple[tuple[bytes, bytes], ...]


def some(random: Random, values: Sequence[T], most: int) -> list[T]:
    return random.sample(values, random.randint(1, most))


def match(random: Random) -> dict[str, Any]:
    """One entry of a list of TrafficPermission."""
    found: dict[str, Any] = {}
    if random.random() < 0.4:
        found["spiffeID"] = random.choice(_SPIFFE)
    if random.random() < 0.2:
        found["namespaces"] = some(random, ["shop", "shopping", "edge"], 2)
    if random.random() < 0.2:
        found["sourceRanges"] = some(random, _RANGES, 2)
    if random.random() < 0.1:
        found["sni"] = {"value": random.choice(SERVER_NAMES[:2])}
    return found


def request_match(random: Random) -> dict[str, Any]:
    """One that looks at requests, too."""
    found = match(random)
    if random.random() < 0.2:
        found["methods"] = some(random, ["GET", "POST", "HEAD", "OPTIONS", "DELETE"], 2)
    if random.random() < 0.6:
        found["paths"] = some(random, _PATHS, 2)
    if random.random() < 0.35:
        found["headers"] = some(random, _HEADERS, 2)
    if random.random() < 0.1:
        found["claims"] = some(random, _CLAIMS, 2)
    return found


def default(random: Random, *, over_http: bool) -> dict[str, Any]:
    """The `default` of a rule of TrafficPermission. Mostly something lets in: else there is little to see."""
    draw = request_match if over_http or random.random() < 0.3 else match
    found = {
        "deny": [draw(random) for _ in range(random.choice([0, 1, 1, 2]))],
        "allow": [draw(random) for _ in range(random.choice([0, 1, 2, 3]))],
        "allowWithShadowDeny": [draw(random) for _ in range(random.choice([0, 0, 1]))],
    }
    if random.random() < 0.5:
        found["allow"].append({})
    return found


def asked(random: Random) -> Asked:
    """A request, plain or tricky."""
    if random.random() < 0.5:
        path = random.choice(_WHOLE)
    else:
        path = "/" + "/".join(random.choice(_SEGMENTS) for _ in range(random.randint(1, 4)))
    return Asked(
        random.choice(_METHODS).encode(),
        (path + random.choice(_QUERIES)).encode("latin-1"),
        random.choice(_HOSTS).encode("latin-1"),
        tuple(random.choice(_REQUEST_HEADERS) for _ in range(random.choice([0, 0, 1, 1, 2, 3]))),
    )

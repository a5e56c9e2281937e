"""Session persistence of a rule (GEP-1619): a caller stays with an instance, and with the backend it is of.

Which instance that is, the proxy tells and reads by itself, within one backend. Where a rule has several, the
caller is told its backend as well, by a second cookie (or header), and a route of its own for each backend
comes before the one that draws by weight: so a session outlives any change of weights, and a backend whose
weight becomes 0 keeps those who have one.
"""

import re
from collections import Counter
from collections.abc import Iterator

from msgspec.structs import replace

from sekisho import ir
from sekisho.engine import Read
from sekisho.kit import durations
from sekisho.kit.digest import digest
from sekisho.model.httproute import SessionPersistence
from sekisho.model.names import ResourceId
from sekisho.translate.gateway.backend_traffic import session_of
from sekisho.translate.gateway.backends import way_of
from sekisho.translate.gateway.filters import Fault

_DIGITS = 12


def session(route: ResourceId, rule: str, wanted: SessionPersistence) -> ir.Session | Fault:
    """`rule`: its name or number. A session that is given no name has one of its own rule."""
    named = wanted.session_name or f"sekisho-{_label(f'{route}/{rule}')}"
    timeout = None if wanted.absolute_timeout is None else durations.parse(wanted.absolute_timeout)
    is_permanent = wanted.cookie_config is not None and wanted.cookie_config.lifetime_type == "Permanent"
    if timeout is not None and not is_permanent:
        # Only a cookie that outlives the caller's session carries the time at which it ends.
        message = "sessionPersistence.absoluteTimeout needs cookieConfig.lifetimeType Permanent"
        return Fault("UnsupportedValue", message)
    if wanted.type == "Header":
        return ir.Session(name=named.lower(), by="header")
    return ir.Session(name=named, by="cookie", lifetime_ms=timeout)


def session_of_backends(
    read: Read, route: ResourceId, rule: str, shares: tuple[ir.Share, ...]
) -> ir.Session | None:
    """Where a rule says nothing: as the first of its backends has it that has one, for all of them."""
    for share in shares:
        wanted = session_of(read, way_of(share.cluster or "").service)
        found = None if wanted is None else session(route, rule, wanted)
        if isinstance(found, ir.Session):  # else its policy's status says why not
            return found
    return None


def with_backends_told(route: ir.Route, kept: tuple[ir.Share, ...]) -> Iterator[ir.Route]:
    """A route whose callers have a session, last; before it those for who has been told a backend."""
    action = route.action
    if not isinstance(action, ir.Forward) or action.session is None or action.shares == kept == kept[:1]:
        yield route
        return
    labels = _labels(kept)
    for share, label in labels.items():
        match = replace(route.match, headers=(*route.match.headers, _asks_for(action.session, label)))
        alone = replace(action, shares=(replace(share, weight=1),))
        yield replace(route, name=f"{route.name}/{label}", match=match, action=alone)
    told = tuple(_told(share, labels.get(share), action.session, route.match.path) for share in action.shares)
    yield replace(route, action=replace(action, shares=told))


def _labels(shares: tuple[ir.Share, ...]) -> dict[ir.Share, str]:
    """What callers are told of each backend: nothing of its name, and the same after any edit of others."""
    seen: Counter[str] = Counter()
    found = {}
    for share in shares:
        name = share.cluster or ""
        found[share] = _label(f"{name}#{seen[name]}")
        seen[name] += 1
    return found


def _label(text: str) -> str:
    return digest(text.encode())[:_DIGITS]


def _second(wanted: ir.Session) -> str:
    """Name of the cookie or header that tells the backend."""
    return f"{wanted.name}-backend"


def _asks_for(wanted: ir.Session, label: str) -> ir.StringMatch:
    if wanted.by == "header":
        return ir.StringMatch(_second(wanted), label)
    cookie = f"{re.escape(_second(wanted))}={label}"
    return ir.StringMatch("cookie", f"(?:.*; *)?{cookie}(?:;.*)?", regex=True)


def _told(share: ir.Share, label: str | None, wanted: ir.Session, matched: ir.PathMatch) -> ir.Share:
    if label is None:
        return share
    header = (_second(wanted), label) if wanted.by == "header" else _cookie(wanted, label, matched)
    edits = replace(share.response_headers, add=(*share.response_headers.add, header))
    return replace(share, response_headers=edits)


def _cookie(wanted: ir.Session, label: str, matched: ir.PathMatch) -> tuple[str, str]:
    """For the same paths, and as long, as the proxy's own (`envoy/filters/sessions.py`)."""
    path = matched.value if isinstance(matched, ir.PathExact | ir.PathPrefix) else "/"
    parts = [f"{_second(wanted)}={label}", f"Path={path}", "HttpOnly"]
    if wanted.lifetime_ms is not None:
        parts.append(f"Max-Age={wanted.lifetime_ms // 1000}")
    return "set-cookie", "; ".join(parts)

"""Sessions: a caller stays with an instance. Does nothing but for routes that say how."""

from collections.abc import Mapping
from typing import Any

from sekisho import ir
from sekisho.envoy.building import extension, milliseconds, new
from sekisho.protos import pack

NAME = "envoy.filters.http.stateful_session"
_TYPE = "envoy.extensions.filters.http.stateful_session.v3"
_STATES = "envoy.extensions.http.stateful_session"


def http_filter() -> dict[str, Any]:
    return extension(NAME, f"{_TYPE}.StatefulSession")


def session_settings(wanted: ir.Session, matched: ir.PathMatch) -> Mapping[str, Any]:
    """envoy.extensions.filters.http.stateful_session.v3.StatefulSessionPerRoute, as per-route settings."""
    state = {"session_state": _cookie(wanted, matched) if wanted.by == "cookie" else _header(wanted)}
    return {NAME: pack(new(f"{_TYPE}.StatefulSessionPerRoute", stateful_session=state))}


def _header(wanted: ir.Session) -> dict[str, Any]:
    type_ = f"{_STATES}.header.v3.HeaderBasedSessionState"
    return extension("envoy.http.stateful_session.header", type_, name=wanted.name)


def _cookie(wanted: ir.Session, matched: ir.PathMatch) -> dict[str, Any]:
    """For the path that the route matches, so that a browser sends it there and nowhere else (GEP-1619)."""
    cookie: dict[str, Any] = {"name": wanted.name}
    if isinstance(matched, ir.PathExact | ir.PathPrefix):
        cookie["path"] = matched.value
    if wanted.lifetime_ms is not None:
        cookie["ttl"] = milliseconds(wanted.lifetime_ms)
    type_ = f"{_STATES}.cookie.v3.CookieBasedSessionState"
    return extension("envoy.http.stateful_session.cookie", type_, cookie=cookie)

"""Filters of rules and backends, read into one value; what we cannot honour is named, never skipped."""

from collections.abc import Iterable
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from sekisho import ir
from sekisho.model.httpfilters import (
    Cors,
    ExternalAuth,
    HeaderModifier,
    HttpRouteFilter,
    PathModifier,
    RequestMirror,
    RequestRedirect,
    UrlRewrite,
)

_OF_BACKENDS = ("RequestHeaderModifier", "ResponseHeaderModifier")
"""Filters that may be set on a single backend."""
_REPEATABLE = ("RequestMirror", "ExtensionRef")

NO_EDITS = ir.HeaderEdits()


class Fault(NamedTuple):
    """Why a rule cannot be honoured as written: its requests are answered 500."""

    reason: str
    """RouteConditionReason of Accepted or PartiallyInvalid: UnsupportedValue or IncompatibleFilters."""
    message: str


class Filters(Struct, frozen=True, kw_only=True, gc=False):
    """All filters of one rule or backend."""

    request_headers: ir.HeaderEdits = NO_EDITS
    response_headers: ir.HeaderEdits = NO_EDITS
    redirect: RequestRedirect | None = None
    rewrite: UrlRewrite | None = None
    cors: ir.Cors | None = None
    mirrors: tuple[tuple[int, RequestMirror], ...] = ()
    """With the position in `filters`, for messages."""
    auth: tuple[int, ExternalAuth] | None = None
    """With the position in `filters`, for messages."""
    faults: tuple[Fault, ...] = ()


NO_FILTERS = Filters()


def rule_filters(filters: tuple[HttpRouteFilter, ...]) -> Filters:
    """The filters of a rule."""
    if not filters:
        return NO_FILTERS
    found = Filters(faults=(*_repeated(filters), *_incompatible(filters)))
    for position, one in enumerate(filters):
        found = _add(found, position, one)
    return found


def backend_filters(filters: tuple[HttpRouteFilter, ...]) -> Filters:
    """The filters of one backendRef."""
    others = sorted({one.type for one in filters if one.type not in _OF_BACKENDS})
    if others:
        message = f"{', '.join(others)} is not supported on a single backend; set it on the rule"
        return Filters(faults=(Fault("UnsupportedValue", message),))
    return rule_filters(filters)


def path_rewrite(modifier: PathModifier | None) -> ir.ReplaceFullPath | ir.ReplacePrefix | None:
    """A new path for a redirect or a rewrite."""
    if modifier is None:
        return None
    if modifier.type == "ReplaceFullPath":
        return ir.ReplaceFullPath(modifier.replace_full_path or "/")
    return ir.ReplacePrefix(modifier.replace_prefix_match or "/")


def needs_prefix(filters: Filters) -> bool:
    """Whether a filter replaces the matched prefix, so that every match must be one."""
    modifiers = [one.path for one in (filters.redirect, filters.rewrite) if one is not None]
    return any(modifier is not None and modifier.type == "ReplacePrefixMatch" for modifier in modifiers)


def _add(found: Filters, position: int, one: HttpRouteFilter) -> Filters:
    match one.type:
        case "RequestHeaderModifier" if one.request_header_modifier is not None:
            edits, faults = _edits(one.request_header_modifier)
            return replace(found, request_headers=edits, faults=(*found.faults, *faults))
        case "ResponseHeaderModifier" if one.response_header_modifier is not None:
            edits, faults = _edits(one.response_header_modifier)
            return replace(found, response_headers=edits, faults=(*found.faults, *faults))
        case "RequestRedirect" if one.request_redirect is not None:
            return replace(found, redirect=one.request_redirect)
        case "URLRewrite" if one.url_rewrite is not None:
            return replace(found, rewrite=one.url_rewrite)
        case "RequestMirror" if one.request_mirror is not None:
            return replace(found, mirrors=(*found.mirrors, (position, one.request_mirror)))
        case "CORS" if one.cors is not None:
            return replace(found, cors=_cors(one.cors))
        case "ExternalAuth" if one.external_auth is not None:
            return replace(found, auth=(position, one.external_auth))
        case _:
            # A foreign filter that is left out might have stopped what is let through without it.
            return replace(found, faults=(*found.faults, Fault("UnsupportedValue", _unknown(position, one))))


def _unknown(position: int, one: HttpRouteFilter) -> str:
    if one.extension_ref is not None:
        kind = f"{one.extension_ref.kind}.{one.extension_ref.group}".rstrip(".")
        return f"filters[{position}]: {kind} is not a kind of filter"
    return f"filters[{position}]: {one.type} is not supported"


def _repeated(filters: tuple[HttpRouteFilter, ...]) -> Iterable[Fault]:
    types = [one.type for one in filters]
    for type_ in sorted(set(types)):
        if types.count(type_) > 1 and type_ not in _REPEATABLE:
            yield Fault("IncompatibleFilters", f"{type_} is given more than once")


def _incompatible(filters: tuple[HttpRouteFilter, ...]) -> Iterable[Fault]:
    if {"RequestRedirect", "URLRewrite"} <= {one.type for one in filters}:
        yield Fault("IncompatibleFilters", "RequestRedirect and URLRewrite exclude each other")


def _edits(modifier: HeaderModifier) -> tuple[ir.HeaderEdits, list[Fault]]:
    edits = ir.HeaderEdits(
        set=tuple((header.name.lower(), header.value) for header in modifier.set),
        add=tuple((header.name.lower(), header.value) for header in modifier.add),
        remove=tuple(name.lower() for name in modifier.remove),
    )
    named = {name for name, _ in (*edits.set, *edits.add)} | set(edits.remove)
    # Envoy refuses both: the host decided the route, so changing it is a rewrite (header_parser.cc).
    refused = sorted(name for name in named if name == "host" or name.startswith(":"))
    message = "cannot be changed by a header modifier; URLRewrite.hostname sets the host"
    return edits, [Fault("UnsupportedValue", f"header {name} {message}") for name in refused]


def _cors(cors: Cors) -> ir.Cors:
    return ir.Cors(
        origins=tuple(ir.OriginMatch(value=origin) for origin in cors.allow_origins),
        methods=tuple(cors.allow_methods),
        headers=cors.allow_headers,
        expose=cors.expose_headers,
        credentials=bool(cors.allow_credentials),
        max_age=cors.max_age,
    )

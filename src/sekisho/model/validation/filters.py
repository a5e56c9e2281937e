"""Rules of the filters of HTTP routes (the CEL rules of the HTTPRoute CRD)."""

from collections.abc import Iterator
from typing import TypeAlias

from sekisho.model import paths
from sekisho.model.fields import HeaderName
from sekisho.model.grpcroute import GrpcRouteFilter
from sekisho.model.httpfilters import (
    BackendObjectReference,
    Cors,
    ExternalAuth,
    HeaderModifier,
    HttpRouteFilter,
    PathModifier,
    RequestMirror,
)
from sekisho.model.mistakes import value_mistakes
from sekisho.model.problems import Problem
from sekisho.model.reasons import Reason
from sekisho.model.validation.shared import unique

_FIELD_OF_TYPE = {
    "RequestHeaderModifier": ("request_header_modifier", "requestHeaderModifier"),
    "ResponseHeaderModifier": ("response_header_modifier", "responseHeaderModifier"),
    "RequestMirror": ("request_mirror", "requestMirror"),
    "RequestRedirect": ("request_redirect", "requestRedirect"),
    "URLRewrite": ("url_rewrite", "urlRewrite"),
    "CORS": ("cors", "cors"),
    "ExternalAuth": ("external_auth", "externalAuth"),
    "ExtensionRef": ("extension_ref", "extensionRef"),
}
_ONCE = ("RequestHeaderModifier", "ResponseHeaderModifier", "RequestRedirect", "URLRewrite", "CORS")


Filter: TypeAlias = HttpRouteFilter | GrpcRouteFilter


def filters(path: str, chain: tuple[Filter, ...]) -> Iterator[Problem]:
    """Each filter on its own, then how they go together."""
    for index, filter_ in enumerate(chain):
        yield from _filter(paths.item(path, index), filter_)
    types = [filter_.type for filter_ in chain]
    repeatable = [type_ if type_ in _ONCE else None for type_ in types]
    yield from unique(path, repeatable, "type", "filter type")
    if "RequestRedirect" in types and "URLRewrite" in types:
        message = "RequestRedirect and URLRewrite exclude each other"
        yield Problem(path, message, "a redirect can change host and path by itself", Reason.FORBIDDEN)


def _filter(path: str, filter_: Filter) -> Iterator[Problem]:
    for type_, (attribute, name) in _FIELD_OF_TYPE.items():
        given = getattr(filter_, attribute, None) is not None
        if type_ == filter_.type and not given:
            message = f"is required for type {type_}"
            yield Problem(paths.field(path, name), message, reason=Reason.REQUIRED)
        elif given and type_ != filter_.type:
            message = f"belongs to type {type_}, and the type is {filter_.type}"
            yield Problem(paths.field(path, name), message, reason=Reason.FORBIDDEN)
    yield from _contents(path, filter_)


def _contents(path: str, filter_: Filter) -> Iterator[Problem]:
    if filter_.request_header_modifier:
        yield from _headers(paths.field(path, "requestHeaderModifier"), filter_.request_header_modifier)
    if filter_.response_header_modifier:
        yield from _headers(paths.field(path, "responseHeaderModifier"), filter_.response_header_modifier)
    if filter_.request_mirror:
        yield from _mirror(paths.field(path, "requestMirror"), filter_.request_mirror)
    if isinstance(filter_, GrpcRouteFilter):
        return
    if filter_.request_redirect and filter_.request_redirect.path:
        yield from _path(paths.field(path, "requestRedirect.path"), filter_.request_redirect.path)
    if filter_.url_rewrite and filter_.url_rewrite.path:
        yield from _path(paths.field(path, "urlRewrite.path"), filter_.url_rewrite.path)
    if filter_.cors:
        yield from _cors(paths.field(path, "cors"), filter_.cors)
    if filter_.external_auth:
        yield from _external_auth(paths.field(path, "externalAuth"), filter_.external_auth)


def _headers(path: str, modifier: HeaderModifier) -> Iterator[Problem]:
    for operation, headers in (("set", modifier.set), ("add", modifier.add)):
        where = paths.field(path, operation)
        yield from unique(where, (header.name for header in headers), "name", "header name")
        for index, header in enumerate(headers):
            yield from _not_host(paths.field(paths.item(where, index), "name"), header.name)
    where = paths.field(path, "remove")
    yield from unique(where, modifier.remove, "", "header name")
    for index, name in enumerate(modifier.remove):
        yield from value_mistakes(HeaderName, name, paths.item(where, index))
        yield from _not_host(paths.item(where, index), name)


def _not_host(path: str, name: str) -> Iterator[Problem]:
    """Envoy refuses to edit Host as a header (HeaderUtility::isModifiableHeader)."""
    if name.lower() == "host":
        hint = "use a URLRewrite filter with hostname"
        yield Problem(path, "Host cannot be changed as a header", hint, Reason.FORBIDDEN)


def _mirror(path: str, mirror: RequestMirror) -> Iterator[Problem]:
    yield from backend(paths.field(path, "backendRef"), mirror.backend_ref)
    if mirror.percent is not None and mirror.fraction is not None:
        yield Problem(path, "percent and fraction exclude each other", reason=Reason.FORBIDDEN)
    if mirror.fraction and mirror.fraction.numerator > mirror.fraction.denominator:
        message = f"expected at most the denominator, {mirror.fraction.denominator}"
        yield Problem(paths.field(path, "fraction.numerator"), message)


def backend(path: str, reference: BackendObjectReference) -> Iterator[Problem]:
    """A Service is named with its port."""
    if not reference.group and reference.kind == "Service" and reference.port is None:
        yield Problem(paths.field(path, "port"), "is required for a Service", reason=Reason.REQUIRED)


def _path(path: str, modifier: PathModifier) -> Iterator[Problem]:
    given = {
        "ReplaceFullPath": ("replaceFullPath", modifier.replace_full_path),
        "ReplacePrefixMatch": ("replacePrefixMatch", modifier.replace_prefix_match),
    }
    for type_, (name, value) in given.items():
        if type_ == modifier.type and value is None:
            yield Problem(paths.field(path, name), f"is required for type {type_}", reason=Reason.REQUIRED)
        elif value is not None and type_ != modifier.type:
            message = f"belongs to type {type_}, and the type is {modifier.type}"
            yield Problem(paths.field(path, name), message, reason=Reason.FORBIDDEN)
        elif value is not None and any(map(_is_control, value)):
            # The CRD has no rule for it, and Envoy refuses the route (value does not match [^\0\n\r]*).
            yield Problem(paths.field(path, name), "expected a path without control characters")


def _is_control(character: str) -> bool:
    return character < " " or character == "\x7f"


def _cors(path: str, cors: Cors) -> Iterator[Problem]:
    lists = {
        "allowOrigins": cors.allow_origins,
        "allowMethods": cors.allow_methods,
        "allowHeaders": cors.allow_headers,
        "exposeHeaders": cors.expose_headers,
    }
    for name, values in lists.items():
        where = paths.field(path, name)
        yield from unique(where, values, "", "value")
        if name != "exposeHeaders" and "*" in values and len(values) > 1:
            yield Problem(where, '"*" stands for all and must stand alone', reason=Reason.FORBIDDEN)


def _external_auth(path: str, auth: ExternalAuth) -> Iterator[Problem]:
    """The details of its protocol, and of no other."""
    yield from backend(paths.field(path, "backendRef"), auth.backend_ref)
    for protocol, name, details in (("GRPC", "grpc", auth.grpc), ("HTTP", "http", auth.http)):
        if (auth.protocol == protocol) != (details is not None):
            message = f"goes with protocol {protocol} and only with it"
            yield Problem(paths.field(path, name), message)

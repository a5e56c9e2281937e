"""What no ProxyPatch may touch, and which extensions it may bring in."""

from collections.abc import Iterable, Iterator
from typing import Any

from sekisho.envoy.clusters import HTTP_OPTIONS
from sekisho.envoy.lint import extensions
from sekisho.envoy.lint_rules import EXTENSIONS
from sekisho.protos import unpack

_HTTP = "envoy.extensions.filters.http"
ALLOWED = frozenset(
    {
        *EXTENSIONS,
        f"{_HTTP}.adaptive_concurrency.v3.AdaptiveConcurrency",
        f"{_HTTP}.admission_control.v3.AdmissionControl",
        f"{_HTTP}.bandwidth_limit.v3.BandwidthLimit",
        f"{_HTTP}.buffer.v3.Buffer",
        f"{_HTTP}.compressor.v3.Compressor",
        f"{_HTTP}.csrf.v3.CsrfPolicy",
        f"{_HTTP}.decompressor.v3.Decompressor",
        f"{_HTTP}.fault.v3.HTTPFault",
        f"{_HTTP}.grpc_http1_bridge.v3.Config",
        f"{_HTTP}.grpc_stats.v3.FilterConfig",
        f"{_HTTP}.grpc_web.v3.GrpcWeb",
        f"{_HTTP}.header_mutation.v3.HeaderMutation",
        f"{_HTTP}.header_to_metadata.v3.Config",
        f"{_HTTP}.local_ratelimit.v3.LocalRateLimit",
        "envoy.extensions.compression.brotli.compressor.v3.Brotli",
        "envoy.extensions.compression.gzip.compressor.v3.Gzip",
        "envoy.extensions.compression.gzip.decompressor.v3.Gzip",
        "envoy.extensions.compression.zstd.compressor.v3.Zstd",
        "envoy.extensions.filters.network.local_ratelimit.v3.LocalRateLimit",
        "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
    }
) - {
    f"{_HTTP}.composite.v3.Composite",
    f"{_HTTP}.composite.v3.CompositePerRoute",
    f"{_HTTP}.composite.v3.ExecuteFilterAction",
    f"{_HTTP}.ext_authz.v3.ExtAuthz",
    f"{_HTTP}.lua.v3.Lua",
    f"{_HTTP}.lua.v3.LuaPerRoute",
    f"{_HTTP}.on_demand.v3.OnDemand",
    f"{_HTTP}.on_demand.v3.PerRouteConfig",
    "envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter",
}
"""Types a ProxyPatch may bring in: what changes traffic, and neither runs foreign code (Lua, Wasm, dynamic
modules, Go) nor asks others about requests (ext_proc, ext_authz, or a composite of them), nor copies them,
nor fetches configuration (on_demand)."""

_GUARDING = (
    "rbac",
    "jwt_authn",
    "ext_authz",
    "composite",  # brings an authorizer
    "connection_limit",
    "oauth2",
    "api_key_auth",
    "basic_auth",
)
_MANAGER = "HttpConnectionManager"
_MANAGER_FIELDS = (
    "forward_client_cert_details",
    "set_current_client_cert_details",
    "early_header_mutation_extensions",  # write who calls, and take off what only proxies say
    "use_remote_address",
    "xff_num_trusted_hops",
    "original_ip_detection_extensions",
    "normalize_path",
    "merge_slashes",
    "path_with_escaped_slashes_action",
    "rds",
    "route_config",
    "scoped_routes",
)
_LISTENER_FIELDS = (
    "address",
    "additional_addresses",
    "listener_filters",
    "bind_to_port",
    "use_original_dst",
    "access_log",  # of who was refused
)
_CLUSTER_FIELDS = ("transport_socket", "transport_socket_matches")


def strangers(found: Any) -> list[str]:
    """Names of the extensions anywhere in a message that are not on the list, sorted."""
    return sorted(set(extensions(found)) - ALLOWED)


def guards(found: Any) -> list[Any]:
    """Everything in a message that protects, in order: two that are equal protect the same."""
    match found.DESCRIPTOR.name:
        case "Cluster":
            return [*_fields(found, _CLUSTER_FIELDS), *_guarded_names(found)]
        case "Listener":
            return [*_fields(found, _LISTENER_FIELDS), *map(_chain, filter_chains(found))]
        case _:
            return [_host(host) for host in _hosts(found)]


def filter_chains(listener: Any) -> Iterator[Any]:
    """All of them, the default one last."""
    yield from listener.filter_chains
    if listener.HasField("default_filter_chain"):
        yield listener.default_filter_chain


def _chain(chain: Any) -> list[Any]:
    said = _fields(chain, ("filter_chain_match", "transport_socket"))
    for entry in chain.filters:
        name = entry.typed_config.type_url
        if name.endswith(f".{_MANAGER}"):
            manager = unpack(entry.typed_config)
            said.append([*_fields(manager, _MANAGER_FIELDS), *_guarding(manager.http_filters)])
        elif _guards(name):
            said.append(entry.SerializeToString(deterministic=True))
    return said


def _guarded_names(cluster: Any) -> list[Any]:
    """Of a cluster whose names may lead to some hosts only: the filters that see to it, and health checks,
    which pass them by."""
    options = cluster.typed_extension_protocol_options
    found = _guarding(unpack(options[HTTP_OPTIONS]).http_filters) if HTTP_OPTIONS in options else []
    return [*found, *_fields(cluster, ("health_checks",))] if found else []


def _guarding(filters: Iterable[Any]) -> list[bytes]:
    return [
        one.SerializeToString(deterministic=True) for one in filters if _guards(one.typed_config.type_url)
    ]


def _guards(type_url: str) -> bool:
    return any(f".{word}." in type_url for word in _GUARDING)


def _hosts(found: Any) -> Iterable[Any]:
    routes = found.route_configuration if found.DESCRIPTOR.name == "ScopedRouteConfiguration" else found
    hosts: Iterable[Any] = routes.virtual_hosts
    return hosts


def _host(host: Any) -> list[Any]:
    """What it is for, and the filters that are set otherwise or off for it or one of its routes."""
    return [
        tuple(host.domains),
        _settings(host),
        [(route.match.SerializeToString(deterministic=True), _settings(route)) for route in host.routes],
    ]


def _settings(found: Any) -> list[tuple[str, bytes]]:
    settings = found.typed_per_filter_config
    return [(name, settings[name].SerializeToString(deterministic=True)) for name in sorted(settings)]


def _fields(found: Any, names: Iterable[str]) -> list[Any]:
    """The bytes of some fields, wherever they stand in the message."""
    copy = type(found)()
    for name in names:
        field = found.DESCRIPTOR.fields_by_name[name]
        value = getattr(found, name)
        if field.is_repeated:
            getattr(copy, name).extend(value)
        elif field.message_type:
            if found.HasField(name):
                getattr(copy, name).CopyFrom(value)
        else:
            setattr(copy, name, value)
    return [copy.SerializeToString(deterministic=True)]

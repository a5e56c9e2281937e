"""What every generated message must say to be fit for the public network: one line per setting.

Values are those of an edge gateway, after Envoy's guide for edge proxies and Istio's gateways: Envoy's own
defaults are meant for a trusted network. A limit may be tighter than here, never looser, and never absent.
"""

from collections.abc import Callable
from typing import Any, NamedTuple


class Rule(NamedTuple):
    path: str
    """Field names joined by dots, from the message down. Durations are read in seconds, enums by name."""
    holds: Callable[[Any], bool]
    """Called with the value, or with None when a message on the way is not set."""
    must: str


def at_most(limit: float) -> tuple[Callable[[Any], bool], str]:
    """Set, more than nothing, and not beyond `limit`: 0 means "no limit" to Envoy almost everywhere."""
    return (lambda value: value is not None and 0 < value <= limit), f"above 0 and at most {limit}"


def exactly(wanted: int) -> tuple[Callable[[Any], bool], str]:
    return (lambda value: value == wanted), f"{wanted!r}"


def one_of(*names: str) -> tuple[Callable[[Any], bool], str]:
    return (lambda value: value in names), " or ".join(names)


def not_above(limit: float) -> tuple[Callable[[Any], bool], str]:
    """Absent, which leaves Envoy's safe default, or not beyond it."""
    return (lambda value: value is None or value <= limit), f"absent or at most {limit}"


ON: tuple[Callable[[Any], bool], str] = ((lambda value: value is True), "on")
OFF: tuple[Callable[[Any], bool], str] = ((lambda value: value is False), "off")
ABSENT: tuple[Callable[[Any], bool], str] = ((lambda value: value is None), "absent")
PRESENT: tuple[Callable[[Any], bool], str] = (bool, "present")

_BUFFER = Rule("per_connection_buffer_limit_bytes.value", *at_most(32 * 1024))

_HTTP2_DEFAULTS = (
    ("max_outbound_frames", 10_000),
    ("max_outbound_control_frames", 1_000),
    ("max_consecutive_inbound_frames_with_empty_payload", 1),
    ("max_inbound_priority_frames_per_stream", 100),
    ("max_inbound_window_update_frames_per_data_frame_sent", 10),
)

PATIENT_LISTENER = (
    _BUFFER,
    Rule("listener_filters_timeout", *at_most(5)),
    Rule("enable_reuse_port.value", *OFF),
    Rule("ignore_global_conn_limit", *OFF),
    Rule("bypass_overload_manager", *OFF),
)
"""Of a port that lets everybody in, with TLS or without."""

LISTENER = (*PATIENT_LISTENER, Rule("continue_on_listener_filters_timeout", *OFF))
"""Who does not show in time what he is, is shut out."""

TUNNEL = (_BUFFER,)
"""A listener that Envoy alone can reach."""

OUTLET = (
    *TUNNEL,
    Rule("listener_filters_timeout", *at_most(5)),
    Rule("continue_on_listener_filters_timeout", *OFF),
)
"""One of these that asks who calls."""

UDP_LISTENER = (
    Rule("ignore_global_conn_limit", *OFF),
    Rule("bypass_overload_manager", *OFF),
)

FILTER_CHAIN = (Rule("transport_socket_connect_timeout", *at_most(10)),)

CONNECTION_LIMIT = (Rule("max_connections.value", *at_most(10_000)),)

DOWNSTREAM_TLS = (
    Rule("common_tls_context.tls_params.tls_minimum_protocol_version", *one_of("TLSv1_2", "TLSv1_3")),
    Rule("common_tls_context.tls_params.tls_maximum_protocol_version", *one_of("TLSv1_3")),
    Rule("common_tls_context.tls_certificate_sds_secret_configs", *PRESENT),
    Rule("common_tls_context.tls_certificates", lambda value: not value, "empty: keys come by SDS"),
)

_HTTP_EVERYWHERE = (
    Rule("http2_protocol_options.max_concurrent_streams.value", *at_most(100)),
    Rule("http2_protocol_options.initial_stream_window_size.value", *at_most(64 * 1024)),
    Rule("http2_protocol_options.initial_connection_window_size.value", *at_most(1024 * 1024)),
    *(Rule(f"http2_protocol_options.{name}.value", *not_above(limit)) for name, limit in _HTTP2_DEFAULTS),
    Rule("internal_address_config", *ABSENT),
    Rule("normalize_path.value", *ON),
    Rule("merge_slashes", *ON),
    Rule("path_with_escaped_slashes_action", *one_of("UNESCAPE_AND_REDIRECT", "REJECT_REQUEST")),
    Rule("strip_trailing_host_dot", *ON),
    Rule("common_http_protocol_options.max_headers_count.value", *at_most(100)),
    Rule("http1_safe_max_connection_duration", *ON),
    Rule("max_request_headers_kb.value", *at_most(60)),
    Rule("http_protocol_options.accept_http_10", lambda value: not value, "off"),
    Rule("http_protocol_options.allow_chunked_length", lambda value: not value, "off"),
)

HTTP_CONNECTION_MANAGER = (
    *_HTTP_EVERYWHERE,
    Rule("use_remote_address.value", *ON),
    Rule("forward_client_cert_details", *one_of("SANITIZE")),
    Rule("common_http_protocol_options.headers_with_underscores_action", *one_of("REJECT_REQUEST")),
    Rule("common_http_protocol_options.idle_timeout", *at_most(3600)),
    Rule("common_http_protocol_options.max_connection_duration", *at_most(3600)),
    Rule("stream_idle_timeout", *at_most(300)),
    Rule("request_timeout", *at_most(300)),
    Rule("request_headers_timeout", *at_most(10)),
    Rule("early_header_mutation_extensions", *PRESENT),
    Rule("scoped_routes.scope_key_builder.fragments", *PRESENT),
)
"""Of a gateway, where anybody may call."""

INBOUND_HTTP = (
    *_HTTP_EVERYWHERE,
    Rule("use_remote_address.value", *OFF),
    Rule("forward_client_cert_details", *one_of("FORWARD_ONLY")),
    Rule("early_header_mutation_extensions", *PRESENT),
    Rule("rds.route_config_name", *PRESENT),
)

OUTBOUND_HTTP = (
    *_HTTP_EVERYWHERE,
    Rule("use_remote_address.value", *OFF),
    Rule("forward_client_cert_details", *one_of("SANITIZE")),
)
"""Times of sidecars are the user's to choose: no stranger can reach them."""

_MEMBER = (
    Rule("common_tls_context.tls_params.tls_minimum_protocol_version", *one_of("TLSv1_2", "TLSv1_3")),
    Rule("common_tls_context.tls_params.tls_maximum_protocol_version", *one_of("TLSv1_2", "TLSv1_3")),
    Rule("common_tls_context.tls_certificate_sds_secret_configs", *PRESENT),
    Rule("common_tls_context.tls_certificates", lambda value: not value, "empty: keys come by SDS"),
    Rule(
        "common_tls_context.combined_validation_context.validation_context_sds_secret_config.name", *PRESENT
    ),
    Rule(
        "common_tls_context.combined_validation_context.default_validation_context"
        ".match_typed_subject_alt_names",
        *PRESENT,
    ),
)

MEMBERS_ONLY = (
    *_MEMBER,
    Rule("require_client_certificate.value", *ON),
    Rule("disable_stateless_session_resumption", *ON),
    Rule("disable_stateful_session_resumption", *ON),
)
"""A sidecar's server side: nobody unknown, and no session that outlives trust."""

TO_MEMBERS = (*_MEMBER, Rule("max_session_keys.value", *exactly(0)), Rule("sni", *PRESENT))
"""And its client side."""

CLUSTER = (
    _BUFFER,
    Rule("connect_timeout", *at_most(30)),
    Rule("circuit_breakers.thresholds", *PRESENT),
)

THRESHOLDS = (
    Rule("max_connections.value", *PRESENT),
    Rule("max_pending_requests.value", *PRESENT),
    Rule("max_requests.value", *PRESENT),
)
"""Said, whatever a user chose."""

RETRY_BUDGET = Rule("retry_budget.budget_percent.value", *at_most(20))
"""Where no number of retries was chosen."""

UPSTREAM_HTTP2 = (
    Rule("max_concurrent_streams.value", *at_most(100)),
    Rule("initial_stream_window_size.value", *at_most(64 * 1024)),
    Rule("initial_connection_window_size.value", *at_most(1024 * 1024)),
)

BOOTSTRAP = (
    Rule("admin.address.pipe.mode", *exactly(0o600)),
    Rule("admin.allow_paths", *PRESENT),
    Rule("admin.ignore_global_conn_limit", *ON),
    Rule("dynamic_resources.ads_config.api_type", *one_of("DELTA_GRPC")),
    Rule("stats_config.stats_matcher.inclusion_list.patterns", *PRESENT),
    Rule("overload_manager.resource_monitors", *PRESENT),
    Rule("layered_runtime.layers", *PRESENT),
)

RUNTIME = {
    "re2.max_program_size.error_level": exactly(1000),
    "overload.premature_reset_total_stream_count": not_above(500),
}

GATEWAY_RUNTIME = {"http.max_requests_per_io_cycle": exactly(1)}
"""Of who has figures of everything, and so is no sidecar."""

RESOURCE_MONITORS = {
    "envoy.resource_monitors.fixed_heap",
    "envoy.resource_monitors.global_downstream_max_connections",
}

OVERLOAD_ACTIONS = {
    "envoy.overload_actions.shrink_heap": 0.95,
    "envoy.overload_actions.disable_http_keepalive": 0.92,
    "envoy.overload_actions.stop_accepting_requests": 0.98,
}
"""And the pressure, from 0 to 1, at which each must be at work fully."""

GATEWAY_OVERLOAD_ACTIONS = {"envoy.overload_actions.reset_high_memory_stream": 0.98}
"""Of who has figures of everything, and so is no sidecar."""

FORBIDDEN_ADMIN_PATHS = (
    "/quitquitquit",
    "/runtime_modify",
    "/logging",
    "/cpuprofiler",
    "/heapprofiler",
    "/heap_dump",
    "/reset_counters",
    "/tap",
)

EXTENSIONS = {
    "envoy.config.rbac.v3.Action",
    "envoy.config.trace.v3.OpenTelemetryConfig",
    "envoy.config.trace.v3.ZipkinConfig",
    "envoy.extensions.access_loggers.file.v3.FileAccessLog",
    "envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter",
    "envoy.extensions.access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig",
    "envoy.extensions.bootstrap.internal_listener.v3.InternalListener",
    "envoy.extensions.clusters.dns.v3.DnsCluster",
    "envoy.extensions.filters.http.composite.v3.Composite",
    "envoy.extensions.filters.http.composite.v3.CompositePerRoute",
    "envoy.extensions.filters.http.composite.v3.ExecuteFilterAction",
    "envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
    "envoy.extensions.filters.http.fault.v3.HTTPFault",
    "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
    "envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig",
    "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
    "envoy.extensions.filters.http.on_demand.v3.OnDemand",
    "envoy.extensions.filters.http.on_demand.v3.PerRouteConfig",
    "envoy.extensions.filters.http.rbac.v3.RBAC",
    "envoy.extensions.filters.http.rbac.v3.RBACPerRoute",
    "envoy.extensions.filters.http.set_filter_state.v3.Config",
    "envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec",
    "envoy.extensions.rbac.matchers.upstream_ip_port.v3.UpstreamIpPortMatcher",
    "envoy.extensions.filters.http.stateful_session.v3.StatefulSession",
    "envoy.extensions.filters.http.stateful_session.v3.StatefulSessionPerRoute",
    "envoy.extensions.filters.listener.http_inspector.v3.HttpInspector",
    "envoy.extensions.filters.listener.original_dst.v3.OriginalDst",
    "envoy.extensions.filters.listener.original_src.v3.OriginalSrc",
    "envoy.extensions.filters.network.local_ratelimit.v3.LocalRateLimit",
    "envoy.extensions.filters.network.rbac.v3.RBAC",
    "envoy.extensions.filters.network.set_filter_state.v3.Config",
    "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
    "envoy.extensions.http.stateful_session.cookie.v3.CookieBasedSessionState",
    "envoy.extensions.http.stateful_session.header.v3.HeaderBasedSessionState",
    "envoy.extensions.matching.common_inputs.network.v3.DynamicMetadataInput",
    "envoy.extensions.matching.common_inputs.network.v3.ServerNameInput",
    "envoy.extensions.filters.udp.udp_proxy.v3.Route",
    "envoy.extensions.filters.udp.udp_proxy.v3.UdpProxyConfig",
    "envoy.extensions.matching.common_inputs.network.v3.SourcePortInput",
    "envoy.extensions.matching.common_inputs.ssl.v3.UriSanInput",
    "envoy.extensions.matching.input_matchers.consistent_hashing.v3.ConsistentHashing",
    "envoy.extensions.matching.input_matchers.metadata.v3.Metadata",
    "envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
    "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer",
    "envoy.extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig",
    "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
    "envoy.extensions.filters.http.cors.v3.Cors",
    "envoy.extensions.filters.http.cors.v3.CorsPolicy",
    "envoy.extensions.filters.http.lua.v3.Lua",
    "envoy.extensions.filters.http.lua.v3.LuaPerRoute",
    "envoy.extensions.filters.http.router.v3.Router",
    "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector",
    "envoy.extensions.filters.network.connection_limit.v3.ConnectionLimit",
    "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
    "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
    "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
    "envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig",
    "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
    "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
    "envoy.config.route.v3.FilterConfig",
    "google.protobuf.StringValue",
    "xds.type.matcher.v3.ServerNameMatcher",
}
"""All that may be configured. `envoy.extensions.filters.http.filter_chain` must never be (see `scopes`)."""

"""Checks generated messages against the hardening rules; a finding is a mistake of ours, never of a user."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from sekisho.envoy import lint_rules as rules
from sekisho.envoy.lint_applying import apply
from sekisho.envoy.lint_mesh import inbound_permissions, sidecar_listener, transport_to_members
from sekisho.envoy.scope_keys import HEADER, SEPARATOR, SERVER_NAME_HEADER, WILDCARD
from sekisho.envoy.tcp import CLUSTER_KEY
from sekisho.ir.tcp import BY_SERVER_NAME
from sekisho.ir.transport import ALPN_HTTP2, ALPN_TCP
from sekisho.protos import unpack

_ANY = "google.protobuf.Any"
_HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def lint(message: Any) -> list[str]:
    """What is not as it must be, one sentence each; empty for a good message.

    For a Listener, Cluster, ScopedRouteConfiguration or Bootstrap; other types only have their extensions
    checked.
    """
    findings = [f"extension {name} is not on the list of those we use" for name in _strangers(message)]
    check = _CHECKS.get(message.DESCRIPTOR.full_name)
    return [*findings, *check(message)] if check else findings


def _listener(listener: Any) -> Iterator[str]:
    if listener.traffic_direction:
        return sidecar_listener(listener)
    if listener.HasField("udp_listener_config"):
        return _udp_listener(listener)
    if listener.HasField("internal_listener"):
        return _tunnel(listener)
    return _gateway_listener(listener)


def _gateway_listener(listener: Any) -> Iterator[str]:
    yield from apply(rules.LISTENER, listener, listener.name)
    for chain in listener.filter_chains:
        where = f"{listener.name} chain {chain.name}"
        yield from apply(rules.FILTER_CHAIN, chain, where)
        network = {each.name.rpartition(".")[2]: unpack(each.typed_config) for each in chain.filters}
        yield from _required(network, "connection_limit", rules.CONNECTION_LIMIT, where)
        if "set_filter_state" in network:
            yield from _found_by_name(chain, network["set_filter_state"], where)
        if "tcp_proxy" not in network:
            yield from _required(network, "http_connection_manager", rules.HTTP_CONNECTION_MANAGER, where)
        if chain.HasField("transport_socket"):
            yield from apply(rules.DOWNSTREAM_TLS, unpack(chain.transport_socket.typed_config), where)


def _found_by_name(chain: Any, announced: Any, where: str) -> Iterator[str]:
    """What callers ask for by name is for members of meshes, and for what has its name from that alone."""
    if set(chain.filter_chain_match.application_protocols) != {ALPN_HTTP2, ALPN_TCP}:
        yield f"{where}: whoever knows a name is let in"
    for noted in announced.on_new_connection:
        text = noted.format_string.text_format_source.inline_string
        if noted.object_key == CLUSTER_KEY and not text.startswith(BY_SERVER_NAME):
            yield f"{where}: every cluster of the proxy could be asked for"


def _tunnel(listener: Any) -> Iterator[str]:
    yield from apply(rules.TUNNEL, listener, listener.name)
    if listener.HasField("address") or listener.additional_addresses:
        yield f"{listener.name}: a tunnel is no door to others"


def _udp_listener(listener: Any) -> Iterator[str]:
    yield from apply(rules.UDP_LISTENER, listener, listener.name)
    if listener.filter_chains:
        yield f"{listener.name}: datagrams have no filter chains"


def _cluster(cluster: Any) -> Iterator[str]:
    yield from apply(rules.CLUSTER, cluster, cluster.name)
    yield from transport_to_members(cluster)
    yield from _believes_somebody(cluster)
    for thresholds in cluster.circuit_breakers.thresholds:
        retries = () if thresholds.HasField("max_retries") else (rules.RETRY_BUDGET,)
        yield from apply([*rules.THRESHOLDS, *retries], thresholds, f"{cluster.name} circuit breaker")
    if _HTTP_OPTIONS in cluster.typed_extension_protocol_options:
        http = unpack(cluster.typed_extension_protocol_options[_HTTP_OPTIONS]).explicit_http_config
        if http.HasField("http2_protocol_options"):
            yield from apply(rules.UPSTREAM_HTTP2, http.http2_protocol_options, cluster.name)


def _believes_somebody(cluster: Any) -> Iterator[str]:
    """Authorities come by SDS or from the host, by name; Envoy takes a context without any, and lets it pass
    everybody."""
    for socket in (
        cluster.transport_socket,
        *(one.transport_socket for one in cluster.transport_socket_matches),
    ):
        if socket.name.endswith("tls") and unpack(socket.typed_config).common_tls_context.HasField(
            "validation_context"
        ):
            yield f"{cluster.name}: believes whoever shows a certificate"


def _scope(scope: Any) -> Iterator[str]:
    routes = scope.route_configuration
    asked = {each.name for host in routes.virtual_hosts for one in host.routes for each in one.match.headers}
    for header in (HEADER, SERVER_NAME_HEADER):
        written = header == HEADER or header in asked
        if written and header not in routes.request_headers_to_remove:
            yield f"{scope.name}: {header} would reach backends"
    if not routes.ignore_port_in_host_matching:
        yield f"{scope.name}: a port in the Host header would evade its routes"
    if scope.name.partition(SEPARATOR)[2] == WILDCARD:
        return
    for host in routes.virtual_hosts:
        if not host.routes or host.routes[-1].match.prefix or host.routes[-1].match.headers:
            yield f"{scope.name}: what it does not route would fall to wildcard hostnames"


def _bootstrap(bootstrap: Any) -> Iterator[str]:
    yield from apply(rules.BOOTSTRAP, bootstrap, "bootstrap")
    yield from _admin_paths(bootstrap.admin.allow_paths)
    sidecar = bootstrap.deferred_stat_options.enable_deferred_creation_stats
    yield from _runtime(
        bootstrap.layered_runtime, rules.RUNTIME if sidecar else rules.RUNTIME | rules.GATEWAY_RUNTIME
    )
    actions = rules.OVERLOAD_ACTIONS | ({} if sidecar else rules.GATEWAY_OVERLOAD_ACTIONS)
    yield from _overload(bootstrap.overload_manager, actions)


def _admin_paths(allowed: Iterable[Any]) -> Iterator[str]:
    for matcher in allowed:
        kind = matcher.WhichOneof("match_pattern")
        for path in rules.FORBIDDEN_ADMIN_PATHS:
            if (kind == "exact" and path == matcher.exact) or (
                kind == "prefix" and path.startswith(matcher.prefix)
            ):
                yield f"bootstrap: the admin interface would serve {path}"
        if kind not in {"exact", "prefix"}:
            yield f"bootstrap: an admin path is allowed by {kind}, which is hard to judge"


def _runtime(runtime: Any, required: Mapping[str, Any]) -> Iterator[str]:
    values: dict[str, Any] = {}
    for layer in runtime.layers:
        if layer.WhichOneof("layer_specifier") != "static_layer":
            yield f"bootstrap: runtime layer {layer.name} can be changed from outside"
        values |= dict(layer.static_layer.items())
    for key, (holds, must) in required.items():
        if not holds(values.get(key)):
            yield f"bootstrap: runtime {key} is {values.get(key)}, must be {must}"


def _overload(manager: Any, required: Mapping[str, float]) -> Iterator[str]:
    monitors = {monitor.name for monitor in manager.resource_monitors}
    for missing in sorted(rules.RESOURCE_MONITORS - monitors):
        yield f"bootstrap: overload manager has no {missing}"
    actions = {action.name: action for action in manager.actions}
    for name, limit in required.items():
        if name not in actions or not actions[name].triggers:
            yield f"bootstrap: overload manager never does {name}"
        elif any(_saturation(trigger) > limit for trigger in actions[name].triggers):
            yield f"bootstrap: overload manager does {name} later than at {limit}"


def _saturation(trigger: Any) -> float:
    scaled = trigger.WhichOneof("trigger_oneof") == "scaled"
    return float(trigger.scaled.saturation_threshold if scaled else trigger.threshold.value)


_CHECKS: Mapping[str, Callable[[Any], Iterator[str]]] = {
    "envoy.config.listener.v3.Listener": _listener,
    "envoy.config.cluster.v3.Cluster": _cluster,
    "envoy.config.route.v3.ScopedRouteConfiguration": _scope,
    "envoy.config.route.v3.RouteConfiguration": inbound_permissions,
    "envoy.config.bootstrap.v3.Bootstrap": _bootstrap,
}


def _required(
    network: Mapping[str, Any], name: str, required: Iterable[rules.Rule], where: str
) -> Iterator[str]:
    if name not in network:
        yield f"{where}: filter {name} is missing"
    else:
        yield from apply(required, network[name], where)


def _strangers(message: Any) -> list[str]:
    return sorted({name for name in extensions(message) if name not in rules.EXTENSIONS})


def extensions(message: Any) -> Iterator[str]:
    """The type names of everything that is packed anywhere in `message`."""
    if message.DESCRIPTOR.full_name == _ANY:
        yield message.type_url.rpartition("/")[2]
        yield from extensions(unpack(message))
        return
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        for each in _messages(field, value):
            yield from extensions(each)


def _messages(field: Any, value: Any) -> list[Any]:
    """The messages in a field: one, several, or the values of a map."""
    if not field.is_repeated:
        return [value]
    entries = field.message_type
    if entries.GetOptions().map_entry:
        return list(value.values()) if entries.fields_by_name["value"].message_type else []
    return list(value)

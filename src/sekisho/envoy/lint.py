"""Checks generated messages against the hardening rules; a finding is a mistake of ours, never of a user."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from sekisho.envoy import lint_rules as rules
from sekisho.envoy.scope_keys import HEADER, SEPARATOR, WILDCARD
from sekisho.protos import unpack

_ANY = "google.protobuf.Any"
_DURATION = "google.protobuf.Duration"
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
    yield from _apply(rules.LISTENER, listener, listener.name)
    for chain in listener.filter_chains:
        where = f"{listener.name} chain {chain.name}"
        yield from _apply(rules.FILTER_CHAIN, chain, where)
        network = {each.name.rpartition(".")[2]: unpack(each.typed_config) for each in chain.filters}
        yield from _required(network, "connection_limit", rules.CONNECTION_LIMIT, where)
        yield from _required(network, "http_connection_manager", rules.HTTP_CONNECTION_MANAGER, where)
        if chain.HasField("transport_socket"):
            yield from _apply(rules.DOWNSTREAM_TLS, unpack(chain.transport_socket.typed_config), where)


def _cluster(cluster: Any) -> Iterator[str]:
    yield from _apply(rules.CLUSTER, cluster, cluster.name)
    for thresholds in cluster.circuit_breakers.thresholds:
        yield from _apply(rules.THRESHOLDS, thresholds, f"{cluster.name} circuit breaker")
    if _HTTP_OPTIONS in cluster.typed_extension_protocol_options:
        http = unpack(cluster.typed_extension_protocol_options[_HTTP_OPTIONS]).explicit_http_config
        if http.HasField("http2_protocol_options"):
            yield from _apply(rules.UPSTREAM_HTTP2, http.http2_protocol_options, cluster.name)


def _scope(scope: Any) -> Iterator[str]:
    routes = scope.route_configuration
    if HEADER not in routes.request_headers_to_remove:
        yield f"{scope.name}: {HEADER} would reach backends"
    if not routes.ignore_port_in_host_matching:
        yield f"{scope.name}: a port in the Host header would evade its routes"
    if scope.name.partition(SEPARATOR)[2] == WILDCARD:
        return
    for host in routes.virtual_hosts:
        if not host.routes or host.routes[-1].match.prefix or host.routes[-1].match.headers:
            yield f"{scope.name}: what it does not route would fall to wildcard hostnames"


def _bootstrap(bootstrap: Any) -> Iterator[str]:
    yield from _apply(rules.BOOTSTRAP, bootstrap, "bootstrap")
    yield from _admin_paths(bootstrap.admin.allow_paths)
    yield from _runtime(bootstrap.layered_runtime)
    yield from _overload(bootstrap.overload_manager)


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


def _runtime(runtime: Any) -> Iterator[str]:
    values: dict[str, Any] = {}
    for layer in runtime.layers:
        if layer.WhichOneof("layer_specifier") != "static_layer":
            yield f"bootstrap: runtime layer {layer.name} can be changed from outside"
        values |= dict(layer.static_layer.items())
    for key, (holds, must) in rules.RUNTIME.items():
        if not holds(values.get(key)):
            yield f"bootstrap: runtime {key} is {values.get(key)}, must be {must}"


def _overload(manager: Any) -> Iterator[str]:
    monitors = {monitor.name for monitor in manager.resource_monitors}
    for missing in sorted(rules.RESOURCE_MONITORS - monitors):
        yield f"bootstrap: overload manager has no {missing}"
    actions = {action.name: action for action in manager.actions}
    for name, limit in rules.OVERLOAD_ACTIONS.items():
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
    "envoy.config.bootstrap.v3.Bootstrap": _bootstrap,
}


def _required(
    network: Mapping[str, Any], name: str, required: Iterable[rules.Rule], where: str
) -> Iterator[str]:
    if name not in network:
        yield f"{where}: filter {name} is missing"
    else:
        yield from _apply(required, network[name], where)


def _apply(required: Iterable[rules.Rule], message: Any, where: str) -> Iterator[str]:
    for rule in required:
        value = _value(message, rule.path)
        if not rule.holds(value):
            yield f"{where}: {rule.path} is {value!r}, must be {rule.must}"


def _value(message: Any, path: str) -> Any:
    """What is at `path`, as `Rule.path` explains; None when a message on the way is absent."""
    for name in path.split("."):
        field = message.DESCRIPTOR.fields_by_name[name]
        if field.has_presence and not message.HasField(name):
            return None
        message = getattr(message, name)
        if field.enum_type:
            return field.enum_type.values_by_number[message].name
        if field.message_type and field.message_type.full_name == _DURATION:
            return message.seconds + message.nanos / 1e9
    return message


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

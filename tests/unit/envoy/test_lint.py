"""Every rule of the hardening table is noticed when it is broken."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.kit.gateway import ORIGIN, TABLE, bootstrap, plain_listener

from sekisho import envoy, ir
from sekisho.envoy import lint_rules
from sekisho.envoy.building import new
from sekisho.envoy.lint import lint
from sekisho.envoy.scope_keys import HEADER, SERVER_NAME_HEADER
from sekisho.protos import pack, unpack


def tls_listener() -> Any:
    chain = ir.Chain(table="443/a", tls=ir.TlsTermination(certificates=("secret/a/b",)), origin=ORIGIN)
    return envoy.listener(
        ir.Listener(name="http/::/443", address="::", port=443, chains=(chain,), origin=ORIGIN)
    )


def clear(message: Any, path: str) -> None:
    """Takes away what is at `path`, or at the wrapper around it, back to Envoy's default."""
    *way, last = path.removesuffix(".value").split(".")
    for name in way:
        message = getattr(message, name)
    message.ClearField(last)


ALREADY_THE_DEFAULT = {
    "continue_on_listener_filters_timeout",
    "ignore_global_conn_limit",
    "bypass_overload_manager",
    "common_tls_context.tls_certificates",
    "internal_address_config",
    "forward_client_cert_details",
    "http_protocol_options.accept_http_10",
    "http_protocol_options.allow_chunked_length",
    *(rule.path for rule in lint_rules.HTTP_CONNECTION_MANAGER if rule.must.startswith("absent")),
}
"""Where leaving it unsaid is right."""


def paths(rules: tuple[lint_rules.Rule, ...]) -> list[str]:
    return [rule.path for rule in rules if rule.path not in ALREADY_THE_DEFAULT]


def assert_noticed(message: Any, path: str) -> None:
    assert [path in finding for finding in lint(message)] == [True]


def test_what_we_generate_is_clean(tmp_path: Path) -> None:
    assert lint(plain()) == lint(tls_listener()) == lint(cluster()) == lint(bootstrap(tmp_path)) == []


def plain() -> Any:
    return envoy.listener(plain_listener(80))


def cluster(protocol: ir.Protocol = ir.Protocol.H2C) -> Any:
    return envoy.cluster(ir.Cluster(name="a/b/80", protocol=protocol, origin=ORIGIN))


@pytest.mark.parametrize("path", paths(lint_rules.LISTENER))
def test_listener(path: str) -> None:
    message = plain()
    clear(message, path)
    assert_noticed(message, path)


@pytest.mark.parametrize("path", paths(lint_rules.FILTER_CHAIN))
def test_filter_chain(path: str) -> None:
    message = plain()
    clear(message.filter_chains[0], path)
    assert_noticed(message, path)


def change(message: Any, packed: Callable[[Any], Any], path: str) -> None:
    holder = packed(message)
    inside = unpack(holder.typed_config)
    clear(inside, path)
    holder.typed_config.CopyFrom(pack(inside))


@pytest.mark.parametrize("path", paths(lint_rules.CONNECTION_LIMIT))
def test_connection_limit(path: str) -> None:
    message = plain()
    change(message, lambda listener: listener.filter_chains[0].filters[0], path)
    assert_noticed(message, path)


@pytest.mark.parametrize("path", paths(lint_rules.HTTP_CONNECTION_MANAGER))
def test_http_connection_manager(path: str) -> None:
    message = plain()
    change(message, lambda listener: listener.filter_chains[0].filters[1], path)
    assert_noticed(message, path)


@pytest.mark.parametrize("path", paths(lint_rules.DOWNSTREAM_TLS))
def test_tls(path: str) -> None:
    message = tls_listener()
    change(message, lambda listener: listener.filter_chains[0].transport_socket, path)
    assert_noticed(message, path)


@pytest.mark.parametrize("path", paths(lint_rules.CLUSTER))
def test_cluster(path: str) -> None:
    message = cluster()
    clear(message, path)
    assert_noticed(message, path)


def test_a_cluster_that_believes_nobody_in_particular() -> None:
    """Envoy takes it, and then believes everybody."""
    tls = ir.ServerTls(server_name="a.test", verify="no-names")
    message = envoy.cluster(ir.Cluster(name="a/b/443", transport=tls, origin=ORIGIN))
    assert lint(message) == []
    context = unpack(message.transport_socket.typed_config)
    context.common_tls_context.validation_context.system_root_certs.SetInParent()
    message.transport_socket.typed_config.CopyFrom(pack(context))
    assert lint(message) == ["a/b/443: believes whoever shows a certificate"]


@pytest.mark.parametrize("path", paths(lint_rules.THRESHOLDS))
def test_circuit_breakers(path: str) -> None:
    message = cluster()
    clear(message.circuit_breakers.thresholds[0], path)
    assert_noticed(message, path)


@pytest.mark.parametrize("path", paths(lint_rules.UPSTREAM_HTTP2))
def test_http2_to_backends(path: str) -> None:
    message = cluster()
    (options,) = message.typed_extension_protocol_options.values()
    inside = unpack(options)
    clear(inside.explicit_http_config.http2_protocol_options, path)
    options.CopyFrom(pack(inside))
    assert_noticed(message, path)


@pytest.mark.parametrize("path", paths(lint_rules.BOOTSTRAP))
def test_bootstrap(path: str, tmp_path: Path) -> None:
    message = bootstrap(tmp_path)
    clear(message, path)
    assert any(path in finding for finding in lint(message))


@pytest.mark.parametrize("key", ["re2.max_program_size.error_level", "http.max_requests_per_io_cycle"])
def test_runtime(key: str, tmp_path: Path) -> None:
    message = bootstrap(tmp_path)
    del message.layered_runtime.layers[0].static_layer[key]
    assert_noticed(message, key)


def test_a_runtime_that_can_be_changed_from_outside(tmp_path: Path) -> None:
    message = bootstrap(tmp_path)
    message.layered_runtime.layers.add(name="admin").admin_layer.SetInParent()
    assert_noticed(message, "runtime layer admin")


@pytest.mark.parametrize("path", lint_rules.FORBIDDEN_ADMIN_PATHS)
@pytest.mark.parametrize("how", ["exact", "prefix", "everything"])
def test_admin_paths_that_change_envoy(path: str, how: str, tmp_path: Path) -> None:
    message = bootstrap(tmp_path)
    message.admin.allow_paths.add(**{"prefix": "/"} if how == "everything" else {how: path})
    assert any(path in finding for finding in lint(message))


@pytest.mark.parametrize("name", lint_rules.OVERLOAD_ACTIONS | lint_rules.GATEWAY_OVERLOAD_ACTIONS)
def test_overload_actions(name: str, tmp_path: Path) -> None:
    message = bootstrap(tmp_path)
    kept = [action for action in message.overload_manager.actions if action.name != name]
    del message.overload_manager.actions[:]
    message.overload_manager.actions.extend(kept)
    assert_noticed(message, name)


@pytest.mark.parametrize("name", sorted(lint_rules.RESOURCE_MONITORS))
def test_resource_monitors(name: str, tmp_path: Path) -> None:
    message = bootstrap(tmp_path)
    kept = [monitor for monitor in message.overload_manager.resource_monitors if monitor.name != name]
    del message.overload_manager.resource_monitors[:]
    message.overload_manager.resource_monitors.extend(kept)
    assert_noticed(message, name)


def scope(**fields: Any) -> Any:
    host = ir.VirtualHost(table=TABLE, hostname="a.test", routes=(), **fields)
    return envoy.scoped_route_configuration(host)


def test_a_scope_that_tells_backends_its_key() -> None:
    for kept in (HEADER, SERVER_NAME_HEADER):
        message = scope(server_name="*")
        message.route_configuration.request_headers_to_remove.remove(kept)
        assert_noticed(message, f"{kept} would reach backends")


def test_a_scope_that_a_port_evades() -> None:
    message = scope()
    message.route_configuration.ignore_port_in_host_matching = False
    assert_noticed(message, "a port in the Host header")


def test_an_exact_scope_that_lets_requests_fall_through() -> None:
    message = scope()
    del message.route_configuration.virtual_hosts[0].routes[-1]
    assert_noticed(message, "fall to wildcard hostnames")


def test_an_extension_nobody_agreed_to_wherever_it_hides() -> None:
    chain = pack(
        new("envoy.extensions.filters.http.filter_chain.v3.FilterChainConfigPerRoute", filter_chain={})
    )
    message = scope()
    message.route_configuration.virtual_hosts[0].routes[0].typed_per_filter_config["x"].CopyFrom(chain)
    assert_noticed(message, "filter_chain.v3.FilterChainConfigPerRoute is not on the list")

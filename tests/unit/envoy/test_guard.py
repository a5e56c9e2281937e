"""The guard: which clusters have it, and what no name may lead to."""

from ipaddress import ip_address, ip_network

import pytest
from tests.kit.gateway import ORIGIN

from sekisho import envoy, ir
from sekisho.envoy.guard import GUARD, SPECIAL_RANGES, guard_cluster, guard_listener
from sekisho.envoy.lint import lint
from sekisho.envoy.tcp import tcp_proxy
from sekisho.model.validation.shared import no_backend
from sekisho.protos import message, unpack

OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
NAMED = (ir.Host("api.bank.example", 443),)


def is_special(address: str) -> bool:
    found = ip_address(address)
    ranges = [ip_network(f"{start}/{length}", strict=False) for start, length in SPECIAL_RANGES]
    return any(found in one for one in ranges if one.version == found.version)


def filters(**fields: object) -> list[str]:
    cluster = envoy.cluster(ir.Cluster(name="external/shop/bank/443", origin=ORIGIN, **fields))  # type: ignore[arg-type]
    assert lint(cluster) == []
    if OPTIONS not in cluster.typed_extension_protocol_options:
        return []
    return [one.name for one in unpack(cluster.typed_extension_protocol_options[OPTIONS]).http_filters]


GUARDED = ["envoy.filters.http.upstream_rbac", "envoy.filters.http.upstream_codec"]
TLS = ir.ServerTls(server_name="api.bank.example")


@pytest.mark.parametrize("protocol", list(ir.Protocol))
def test_what_is_guarded_is_so_whatever_is_spoken_there(protocol: ir.Protocol) -> None:
    assert filters(hosts=NAMED, guarded=True, protocol=protocol) == GUARDED
    assert filters(hosts=NAMED, guarded=True, protocol=protocol, transport=TLS) == GUARDED


def test_a_guarded_cluster_and_its_like_without_are_told_apart() -> None:
    found = [filters(hosts=NAMED, guarded=guarded) for guarded in (True, False, True)]
    assert found == [GUARDED, [], GUARDED]


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.255.0.1", "0.0.0.0", "169.254.169.254", "168.63.129.16", "100.100.100.200",
        "192.0.0.192", "224.0.0.1", "::1", "::", "fe80::1", "fd00:ec2::254", "ff02::1",
        "::ffff:127.0.0.1", "::ffff:169.254.169.254",
    ],
)  # fmt: skip
def test_no_name_may_lead_to_an_address_with_special_rights(address: str) -> None:
    assert is_special(address)


@pytest.mark.parametrize("address", ["10.0.0.1", "192.168.1.1", "203.0.113.7", "2001:db8::1", "fd12::1"])
def test_private_and_public_addresses_are_for_names_to_lead_to(address: str) -> None:
    assert not is_special(address)
    assert no_backend(address) == ""


def test_bytes_go_through_the_guard_and_say_where_to() -> None:
    forward = ir.TcpForward(shares=(("external/shop/ledger/5432", 1),), is_named=True)
    found = unpack(tcp_proxy("x", forward)["typed_config"])
    assert found.cluster == GUARD
    (header,) = found.tunneling_config.headers_to_add
    assert header.header.value == "external/shop/ledger/5432"
    straight = unpack(tcp_proxy("x", ir.TcpForward(shares=forward.shares))["typed_config"])
    assert straight.cluster == "external/shop/ledger/5432"
    assert not straight.HasField("tunneling_config")


def test_nobody_outside_of_the_proxy_reaches_the_guard() -> None:
    listener = message("envoy.config.listener.v3.Listener")(**guard_listener())
    assert lint(listener) == []
    assert not listener.HasField("address")
    assert lint(message("envoy.config.cluster.v3.Cluster")(**guard_cluster())) == []

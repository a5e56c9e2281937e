"""`sekisho.envoy.patches`."""

from typing import Any

import msgspec
import pytest

from sekisho import ir
from sekisho.envoy import patches
from sekisho.envoy.building import extension, new
from sekisho.envoy.clusters import cluster
from sekisho.ir.patches import Patch
from sekisho.model.names import Origin, ResourceId
from sekisho.protos import unpack

ORIGIN = Origin(ResourceId("ProxyPatch", "shop", "mine"), "spec.default.appendModifications[0]")
BUFFER = extension("buffer", "envoy.extensions.filters.http.buffer.v3.Buffer", max_request_bytes={"value": 1})
RBAC = extension("envoy.filters.http.rbac", "envoy.extensions.filters.http.rbac.v3.RBAC")
ROUTER = extension("router", "envoy.extensions.filters.http.router.v3.Router")
BUFFER_JSON = {
    "name": "buffer",
    "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer",
        "max_request_bytes": 5,
    },
}


def patch(target: Any, operation: Any, value: Any = None, steps: Any = None, **match: str) -> Patch:
    return Patch(
        target=target, operation=operation, origin=ORIGIN, **match,
        value=msgspec.json.encode(value) if value is not None else b"",
        steps=msgspec.json.encode(steps) if steps is not None else b"",
    )  # fmt: skip


def a_cluster() -> Any:
    return cluster(ir.Cluster(name="shop/cart/80", origin=ORIGIN))


def a_listener() -> Any:
    manager = extension(
        "hcm",
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="x",
        http_filters=[RBAC, ROUTER],
    )
    return new("envoy.config.listener.v3.Listener", name="inbound/80", filter_chains=[{"filters": [manager]}])


def http_filters(listener: Any) -> list[str]:
    manager = unpack(listener.filter_chains[0].filters[-1].typed_config)
    return [one.name for one in manager.http_filters]


def test_a_cluster_takes_what_is_merged_into_it_and_the_original_stays() -> None:
    before = a_cluster()
    found = patches.patched(before, [patch("cluster", "Patch", {"dns_lookup_family": "V4_ONLY"})], "outbound")
    assert not found.refusals
    assert found.message.dns_lookup_family == 1
    assert before.dns_lookup_family == 0


def test_steps_of_a_json_patch_are_made_on_envoys_own_field_names() -> None:
    steps = [{"op": "replace", "path": "/connect_timeout", "value": "1s"}]
    found = patches.patched(a_cluster(), [patch("cluster", "Patch", steps=steps)], "outbound")
    assert not found.refusals
    assert found.message.connect_timeout.seconds == 1


@pytest.mark.parametrize("match", [{"name": "shop/other/80"}, {"side": "inbound"}])
def test_a_message_that_is_not_meant_stays_as_it_is(match: dict[str, str]) -> None:
    change = patch("cluster", "Patch", {"dns_lookup_family": "V4_ONLY"}, **match)
    assert patches.patched(a_cluster(), [change], "outbound") == (a_cluster(), (), ())


def test_a_removed_cluster_is_none() -> None:
    assert patches.patched(a_cluster(), [patch("cluster", "Remove")], "outbound").message is None


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (patch("cluster", "Patch", {"nonsense": 1}), "is no Cluster"),
        (patch("cluster", "Patch", {"name": "other"}), "changes the name"),
        (patch("cluster", "Patch", {"connect_timeout": "60s"}), "breaks a rule"),
        (patch("cluster", "Patch", {"transport_socket": {"name": "raw"}}), "touches TLS"),
        (patch("cluster", "Patch", steps=[{"op": "remove", "path": "/nothing"}]), ""),
    ],
)
def test_a_change_that_is_unfit_is_refused_to_its_author_and_nothing_changes(
    change: Patch, expected: str
) -> None:
    found = patches.patched(a_cluster(), [change], "outbound")
    assert found.message == a_cluster()
    (refusal,) = found.refusals
    assert refusal.origin == ORIGIN
    assert expected in refusal.message


def test_one_refused_change_leaves_the_others() -> None:
    bad, good = patch("cluster", "Patch", {"nonsense": 1}), patch("cluster", "Patch", {"dns_jitter": "1s"})
    found = patches.patched(a_cluster(), [bad, good], "outbound")
    assert len(found.refusals) == 1
    assert found.message.dns_jitter.seconds == 1


@pytest.mark.parametrize(
    ("operation", "name", "expected"),
    [
        ("AddFirst", "", ["buffer", "envoy.filters.http.rbac", "router"]),
        ("AddLast", "", ["envoy.filters.http.rbac", "buffer", "router"]),
        ("AddBefore", "router", ["envoy.filters.http.rbac", "buffer", "router"]),
        ("AddAfter", "envoy.filters.http.rbac", ["envoy.filters.http.rbac", "buffer", "router"]),
        ("AddBefore", "unknown", ["envoy.filters.http.rbac", "router"]),
    ],
)
def test_a_filter_is_added_at_its_place(operation: str, name: str, expected: list[str]) -> None:
    change = patch("httpFilter", operation, BUFFER_JSON, name=name)
    found = patches.patched(a_listener(), [change], "inbound")
    assert not found.refusals
    assert http_filters(found.message) == expected


@pytest.mark.parametrize(
    "change",
    [
        patch("httpFilter", "Remove", name="envoy.filters.http.rbac"),
        patch("httpFilter", "Remove"),
        patch("httpFilter", "Patch", {"disabled": True}, name="envoy.filters.http.rbac"),
        patch("networkFilter", "Remove", name="hcm"),
        patch("listener", "Patch", {"filter_chains": [{}]}),
        patch("listener", "Patch", {"access_log": [{"name": "elsewhere"}]}),
        patch("listener", "Patch", {"address": {"socket_address": {"address": "0.0.0.0", "port_value": 1}}}),
    ],
)
def test_nothing_that_protects_can_be_taken_away(change: Patch) -> None:
    found = patches.patched(a_listener(), [change], "inbound")
    assert found.message == a_listener()
    assert "only their own policies may" in found.refusals[0].message


CHECKS = patch(
    "cluster", "Patch",
    {"health_checks": [{"interval": "1s", "timeout": "1s", "unhealthy_threshold": 1, "healthy_threshold": 1,
                        "tcp_health_check": {}}]},
)  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        CHECKS,
        patch("cluster", "Patch", steps=[{"op": "remove", "path": "/typed_extension_protocol_options"}]),
    ],
)
def test_whoever_a_name_leads_to_is_neither_asked_nor_called_unguarded(change: Patch) -> None:
    named = cluster(ir.Cluster(name="external/shop/bank/443", guarded=True, origin=ORIGIN))
    found = patches.patched(named, [change], "outbound")
    assert found.message == named
    assert "only their own policies may" in found.refusals[0].message


def test_others_may_be_asked() -> None:
    found = patches.patched(a_cluster(), [CHECKS], "outbound")
    assert not found.refusals
    assert found.message.health_checks


@pytest.mark.parametrize(
    "type_name",
    [
        "envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter",
        "envoy.extensions.filters.http.lua.v3.Lua",
        "envoy.extensions.filters.http.wasm.v3.Wasm",
        "envoy.extensions.filters.http.dynamic_modules.v3.DynamicModuleFilter",
        "envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor",
        "envoy.extensions.filters.http.tap.v3.Tap",
    ],
)
def test_no_foreign_code_and_no_listener_comes_in(type_name: str) -> None:
    value = {"name": "bad", "typed_config": {"@type": f"type.googleapis.com/{type_name}"}}
    change = patch("httpFilter", "AddFirst", value)
    found = patches.patched(a_listener(), [change], "inbound")
    assert found.message == a_listener()
    assert type_name in found.refusals[0].message
    assert type_name in patches.fault(change)


def test_a_new_cluster_is_made_when_it_holds_the_rules() -> None:
    sound = msgspec.json.decode(_as_json(a_cluster()))
    (made,), refusals = patches.added([patch("cluster", "Add", {**sound, "name": "mine"})])
    assert not refusals
    assert made.name == "mine"


@pytest.mark.parametrize("name", ["shop/cart/80", "inbound/80", "sekisho-xds", "passthrough"])
def test_a_new_cluster_cannot_take_the_name_of_one_of_ours(name: str) -> None:
    sound = msgspec.json.decode(_as_json(a_cluster()))
    made, refusals = patches.added([patch("cluster", "Add", {**sound, "name": name})])
    assert not made
    assert "the name of a new cluster" in refusals[0].message


@pytest.mark.parametrize("value", [{}, {"name": "mine"}, {"name": "mine", "connect_timeout": "90s"}])
def test_a_new_cluster_without_limits_or_name_is_refused(value: dict[str, Any]) -> None:
    made, refusals = patches.added([patch("cluster", "Add", value)])
    assert not made
    assert refusals[0].origin == ORIGIN


def _as_json(found: Any) -> str:
    from google.protobuf.json_format import MessageToJson  # noqa: PLC0415  used once

    from sekisho.protos import descriptor_pool  # noqa: PLC0415

    return MessageToJson(found, preserving_proto_field_name=True, descriptor_pool=descriptor_pool())

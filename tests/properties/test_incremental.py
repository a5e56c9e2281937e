"""The law of the engine on the real translators: however a world came about, it means the same."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.properties.strategies import COMMITS, STARTS, Edit

from sekisho import ir
from sekisho.engine import Engine
from sekisho.ir.transport import TRUST_SECRET
from sekisho.translate.gateway.backends import way_of
from sekisho.translate.mesh.names import Destination, cluster_name
from sekisho.translate.mesh.worlds import World
from sekisho.translate.outputs import OUTPUTS

pytestmark = pytest.mark.timeout(900)
"""Seconds: hundreds of worlds are made, and on a busy machine that takes minutes."""

Everything = dict[str, dict[Any, Any]]


def everything(engine: Engine) -> Everything:
    return {
        output.name: {key: engine.value(output, key) for key in engine.keys(output)} for output in OUTPUTS
    }


def committed(*commits: Edit) -> Engine:
    """Fails when any query raises: no resource a user can write may do that."""
    engine = Engine(OUTPUTS)
    for commit in commits:
        changes = engine.commit(commit)
        assert not changes.failures, changes.failures
    return engine


def world(commits: list[Edit]) -> Edit:
    """What is there after all commits."""
    joined = {key: value for commit in commits for key, value in commit.items()}
    return {key: value for key, value in joined.items() if value is not None}


@settings(max_examples=150)
@given(STARTS, st.lists(COMMITS, max_size=8))
def test_incremental_equals_from_scratch(start: Edit, commits: list[Edit]) -> None:
    grown = committed(start, *commits)
    fresh = committed(world([start, *commits]))
    assert everything(grown) == everything(fresh)


@settings(max_examples=75)
@given(STARTS, st.lists(COMMITS, max_size=4))
def test_nothing_is_left_when_everything_has_gone(start: Edit, commits: list[Edit]) -> None:
    leaves = dict.fromkeys(key for commit in (start, *commits) for key in commit)
    assert committed(start, *commits, leaves).size == 0


@settings(max_examples=75)
@given(STARTS, st.lists(COMMITS, max_size=4))
def test_what_a_commit_says_has_changed_is_all_that_has_changed(start: Edit, commits: list[Edit]) -> None:
    engine = committed(start)
    told = everything(engine)
    for commit in commits:
        for output, values in engine.commit(commit).outputs.items():
            for key, value in values.items():
                assert told[output.name].get(key) != value, "told of a change that is none"
                told[output.name].pop(key, None)
                if value is not None:
                    told[output.name][key] = value
        assert told == everything(engine)


@settings(max_examples=75)
@given(STARTS, COMMITS, st.randoms(use_true_random=False))
def test_arrival_order_never_shows(start: Edit, commit: Edit, random: Any) -> None:
    leaves = list(world([start, commit]).items())
    at_once = committed(dict(leaves))
    random.shuffle(leaves)
    one_by_one = committed(*({key: value} for key, value in leaves))
    assert everything(one_by_one) == everything(at_once)


@settings(max_examples=100)
@given(STARTS, COMMITS)
def test_everything_a_proxy_is_told_to_use_is_there(start: Edit, commit: Edit) -> None:
    """Otherwise a listener would wait for ever, or a request would meet a cluster nobody knows."""
    leaves = world([start, commit])
    found = everything(committed(leaves))
    _chains_lead_somewhere(found, leaves)
    for (gateway, _), listener in found["UDP listeners"].items():
        assert _served(found, leaves, gateway, listener.shares)
    for gateway, host in _hosts(found):
        for cluster in _clusters(host):
            assert _is_usable(found, gateway, cluster) or _is_closed(found, leaves, gateway, cluster)
    for (gateway, _), cluster in found["clusters"].items():
        if isinstance(cluster.transport, ir.ServerTls) and cluster.transport.authorities:
            assert (gateway, cluster.transport.authorities) in found["authorities"]


def _leads_somewhere(found: Everything, leaves: Edit, gateway: Any, chain: ir.Chain) -> bool:
    """Its route table, or the clusters of its bytes."""
    if chain.tcp is None:
        return (gateway, chain.table) in found["wildcard tables"]
    # What is found by server name finds what there is.
    return chain.tcp.by_server_name or _served(found, leaves, gateway, chain.tcp.shares)


def _has_secrets(found: Everything, gateway: Any, tls: ir.TlsTermination) -> bool:
    """What the listener presents, and whom it believes."""
    believes = tls.callers is None or (gateway, tls.callers.authorities) in found["authorities of callers"]
    return believes and all((gateway, name) in found["certificates"] for name in tls.certificates)


def _chains_lead_somewhere(found: Everything, leaves: Edit) -> None:
    for (gateway, _), listener in found["listeners"].items():
        assert listener.chains
        for chain in listener.chains:
            assert _leads_somewhere(found, leaves, gateway, chain)
            assert chain.tls is None or _has_secrets(found, gateway, chain.tls)


def _is_usable(found: Everything, gateway: Any, name: str) -> bool:
    cluster = found["clusters"].get((gateway, name))
    if cluster is None:
        return False
    looked_up = cluster.hosts is not None or cluster.written_endpoints is not None
    if cluster.inside:
        return _is_usable(found, gateway, cluster.inside) and (gateway, cluster.inside) in found["tunnels"]
    return looked_up or (gateway, name) in found["endpoints"]


def _is_closed(found: Everything, leaves: Edit, gateway: Any, cluster: str) -> bool:
    """Whether there is a reason for it to be missing: a policy is for its Service, and one that cannot be
    honoured closes it; or it leads to other zones, where nobody believes a Gateway outside of any mesh; or to
    an XBackend, which says by itself what closes it."""
    service = way_of(cluster).service
    if service.kind == "XBackend":
        return True
    if service.kind != "Service" and (gateway, TRUST_SECRET) not in found["trust"]:
        return True
    policies = [
        one for key, one in leaves.items() if key[0] == "BackendTLSPolicy" and key[1] == service.namespace
    ]
    return any(target.name == service.name for policy in policies for target in policy.spec.target_refs)


def _served(found: Everything, leaves: Edit, gateway: Any, shares: tuple[tuple[str, int], ...]) -> bool:
    """Whether every cluster is there that bytes may go to."""
    names = {name for name, _ in shares} - {ir.CLOSED}
    return bool(shares) and all(
        _is_usable(found, gateway, name) or _is_closed(found, leaves, gateway, name) for name in names
    )


@settings(max_examples=100)
@given(STARTS, COMMITS)
def test_everything_a_sidecar_is_told_to_use_is_in_its_world(start: Edit, commit: Edit) -> None:
    found = everything(committed(start, commit))
    for world, members in found["members"].items():
        for (part, destination), outbound in found["outbounds"].items():
            if part == world.profile and destination.resource in members.services:
                names = _reached(found, world, destination, outbound)
                assert names <= _clusters_in(found, world, members)


def _reached(found: Everything, world: World, destination: Any, outbound: ir.Outbound) -> set[str]:
    """The clusters a call may go to."""
    if outbound.tcp is not None:
        return {name for name, _ in outbound.tcp.shares} - {ir.CLOSED}
    (host,) = found["outbound route tables"][world.client, destination].hosts
    return _clusters(host)


def _clusters_in(found: Everything, world: World, members: Any) -> set[str]:
    """Those a World has; an ExternalService that must not be called has none on purpose."""
    known = {
        cluster_name(destination)
        for part, destination in found["mesh clusters"]
        if part == world.client
        and (destination.resource in members.services or destination in members.backends)
    }
    outside = {one for one in members.services if one.kind == "ExternalService"}
    return known | {cluster_name(Destination(*one, 80)) for one in outside}


@settings(max_examples=100)
@given(STARTS, COMMITS)
def test_what_has_a_sidecar_is_never_spoken_to_in_plain_text_by_members(start: Edit, commit: Edit) -> None:
    """Where an endpoint is meshed, whoever has an identity has a transport for it."""
    found = everything(committed(start, commit))
    for (part, destination), endpoints in found["mesh endpoints"].items():
        if any(endpoint.meshed for endpoint in endpoints.endpoints):
            for (client, reached), cluster in found["mesh clusters"].items():
                if client.mesh == part.mesh and reached == destination:
                    assert isinstance(cluster.transport, ir.MeshTransport | ir.MembersTransport)


@settings(max_examples=100)
@given(STARTS, COMMITS)
def test_what_a_zone_lets_in_asks_who_calls(start: Edit, commit: Edit) -> None:
    """An ingress looks at nothing but names: whoever is behind it must have a sidecar."""
    found = everything(committed(start, commit))
    assert found["ingress clusters"].keys() == found["ingress endpoints"].keys()
    for cluster in found["ingress clusters"].values():
        assert cluster.name.startswith("sni/")
    for endpoints in found["ingress endpoints"].values():
        assert all(endpoint.meshed for endpoint in endpoints.endpoints)


@settings(max_examples=100)
@given(STARTS, COMMITS)
def test_https_is_never_served_in_plain_text(start: Edit, commit: Edit) -> None:
    """A port that is asked for with HTTPS has TLS wherever requests are read, or is closed."""
    leaves = world([start, commit])
    found = everything(committed(leaves))
    for (gateway, _), listener in found["listeners"].items():
        protocols = {one.protocol for one in leaves[gateway].spec.listeners if one.port == listener.port}
        read = [chain for chain in listener.chains if chain.tcp is None]
        assert all((chain.tls is not None) == ("HTTPS" in protocols) for chain in read)


def _hosts(found: Everything) -> list[tuple[Any, ir.VirtualHost]]:
    exact = [(key.gateway, host) for key, host in found["virtual hosts"].items()]
    return exact + [(key[0], host) for key, table in found["wildcard tables"].items() for host in table.hosts]


def _clusters(host: ir.VirtualHost) -> set[str]:
    forwards = [route.action for route in host.routes if isinstance(route.action, ir.Forward)]
    shares = {share.cluster for forward in forwards for share in forward.shares if share.cluster is not None}
    return shares | {mirror.cluster for forward in forwards for mirror in forward.mirrors}

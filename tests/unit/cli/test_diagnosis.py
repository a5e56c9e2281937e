"""What `sekisho doctor` says of answers: each hop well or not, and what to do."""

import pytest

from sekisho.cli import diagnosis
from sekisho.cli.diagnosis import Far
from sekisho.client.reviews import Explanation, Permission, PortVerdict, Step
from sekisho.client.system_status import GatewayState, ListenerState, ProxyState, SystemStatus, ZoneState

FAR = Explanation(
    outcome="forwarded to zone/shop/catalog.gcp/9050",
    steps=(
        Step(
            what="caller",
            name="Workload/shop/laptop",
            detail="spiffe://default.azure.mesh.local/ns/shop/sa/laptop",
        ),
        Step(what="name", name="catalog.shop.svc.gcp.mesh.local", origin="ZoneService/shop/catalog.gcp"),
        Step(
            what="zone",
            name="gcp",
            origin="ZoneService/shop/catalog.gcp",
            detail="2 instances there take requests",
        ),
        Step(what="ingress", name="203.0.113.7:10001", detail="passes it on by server name, unopened"),
    ),
)


def test_where_a_call_goes_on_and_who_calls_is_read_from_its_way() -> None:
    assert diagnosis.far_service(FAR) == Far("gcp", "shop", "catalog")
    assert diagnosis.identity_of(FAR) == "spiffe://default.azure.mesh.local/ns/shop/sa/laptop"
    near = Explanation(
        outcome="forwarded to shop/cart/80",
        steps=(Step(what="name", name="cart", origin="Service/shop/cart"),),
    )
    assert diagnosis.far_service(near) is None
    assert diagnosis.identity_of(near) == ""


@pytest.mark.parametrize(
    ("state", "is_well", "told"),
    [
        (ZoneState(name="gcp", connected=True), True, "connected"),
        (ZoneState(name="gcp", connected=False), False, "is not connected"),
        (ZoneState(name="gcp", enabled=False, connected=True), False, "sekisho zone enable gcp"),
        (ZoneState(name="gcp", connected=True, conflicts=("Mesh/default",)), False, "Mesh/default"),
        (ZoneState(name="gcp", connected=True, clock="60 minutes ahead"), False, "60 minutes ahead"),
        (ZoneState(name="other", connected=True), False, "there is no such zone"),
    ],
)
def test_a_zone_is_well_when_it_is_there_enabled_connected_and_takes_all(
    state: ZoneState, is_well: bool, told: str
) -> None:
    (finding,) = diagnosis.links(SystemStatus(zones=(state,)), ["gcp"])
    assert finding.is_well is is_well
    assert told in finding.detail


@pytest.mark.parametrize(
    ("proxies", "is_well", "told"),
    [
        ((), False, "is its agent started"),
        ((ProxyState(name="a", workload="shop/a", connected=True, synced=True),), True, "in sync"),
        ((ProxyState(name="a", workload="shop/a", connected=True, synced=False),), False, "behind"),
        ((ProxyState(name="a", workload="shop/a", connected=False, synced=True),), False, "not connected"),
        (
            (ProxyState(name="a", workload="shop/a", connected=True, synced=True, rejected=2),),
            False,
            "refuses 2",
        ),
    ],
)
def test_a_sidecar_is_well_when_it_has_everything(
    proxies: tuple[ProxyState, ...], is_well: bool, told: str
) -> None:
    finding = diagnosis.sidecar("azure", "shop/a", SystemStatus(proxies=proxies))
    assert finding.is_well is is_well
    assert told in finding.detail


def test_an_ingress_is_well_when_it_is_programmed_and_its_proxies_have_everything() -> None:
    listener = ListenerState(name="mesh", port=10001, protocol="TLS")
    gateway = GatewayState(
        namespace="edge", name="in", programmed=True, addresses=("203.0.113.7",), listeners=(listener,)
    )
    proxy = ProxyState(name="p", gateway="edge/in", connected=True, synced=True)
    far = Far("gcp", "shop", "catalog")
    (well,) = diagnosis.ingresses(far, SystemStatus(gateways=(gateway,), proxies=(proxy,)))
    assert well.is_well
    assert well.where == "gcp"
    (alone,) = diagnosis.ingresses(far, SystemStatus(gateways=(gateway,)))
    assert not alone.is_well


def test_a_way_that_ends_early_is_told_by_its_outcome() -> None:
    refused = Explanation(outcome="refused: no permission of Service/shop/catalog can let it in")
    (outcome,) = diagnosis.way("azure", refused)
    assert not outcome.is_well
    assert all(finding.is_well for finding in diagnosis.way("azure", FAR))


def test_what_the_other_zone_permits_is_told_with_the_rule() -> None:
    port = PortVerdict(
        port=9050, workloads=("shop/catalog-1",), identity="", speaks="HTTP", mode="Strict", verdict="denied",
        why="the default is deny",
    )  # fmt: skip
    denied = Permission(outcome="laptop may not call shop/catalog", ports=(port,))
    finding = diagnosis.permission(Far("gcp", "shop", "catalog"), denied)
    assert not finding.is_well
    assert finding.detail == "laptop may not call shop/catalog (the default is deny)"

"""`sekisho doctor` walks the way of a call through two zones, and says at which hop it breaks."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from tests.unit.cli.conftest import Api, Said

Command = Callable[..., Said]

LAPTOP = "spiffe://default.azure.mesh.local/ns/shop/sa/laptop"
URL = "http://catalog.shop.svc.gcp.mesh.local:9050/"
CONNECTED = {"connected": True, "synced": True}


class Zones:
    """What control planes answer: global, azure and gcp. All is well, until a test says otherwise."""

    def __init__(self, api: Api) -> None:
        self.linked = {
            "azure": {"enabled": True, "connected": True},
            "gcp": {"enabled": True, "connected": True},
        }
        self.sidecar: dict[str, Any] = {"name": "p", "workload": "shop/laptop", **CONNECTED}
        self.ingress: dict[str, Any] = {"name": "i", "gateway": "edge/in", **CONNECTED}
        self.is_known = True
        self.outcome = "forwarded to zone/shop/catalog.gcp/9050"
        self.permission = {"allowed": True, "outcome": "allowed"}
        api.answers["SystemStatus"] = self._status
        api.answers["Explanation"] = self._explanation
        api.answers["Permission"] = lambda _: self.permission

    def _status(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        zone = spec.get("zone", "")
        if not zone:
            return {"zones": [{"name": name, **state} for name, state in self.linked.items()]}
        if zone == "azure":
            return {"proxies": [self.sidecar]}
        listener = {"name": "mesh", "port": 10001, "protocol": "TLS", "programmed": True}
        gateway = {"namespace": "edge", "name": "in", "programmed": True, "addresses": ["203.0.113.7"]}
        return {"gateways": [{**gateway, "listeners": [listener]}], "proxies": [self.ingress]}

    def _explanation(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        assert (spec["url"], spec["client"], spec["zone"]) == (URL, "shop/laptop", "azure")
        record = "ZoneService/shop/catalog.gcp"
        if not self.is_known:
            return {"outcome": "nothing in the mesh default is called so", "steps": []}
        steps = [
            {"what": "caller", "name": "Workload/shop/laptop", "detail": LAPTOP},
            {"what": "name", "name": "catalog.shop.svc.gcp.mesh.local", "origin": record},
            {"what": "zone", "name": "gcp", "origin": record, "detail": "2 instances there take requests"},
        ]
        return {"outcome": self.outcome, "steps": steps}


@pytest.fixture
def zones(api: Api) -> Zones:
    return Zones(api)


def walk(sekisho: Command) -> Said:
    return sekisho("doctor", "--from", "azure/shop/laptop", URL)


def broken(said: Said) -> list[str]:
    """Words of the lines of hops that are not well."""
    return [" ".join(line.split()[1:4]) for line in said.out.splitlines() if line.startswith("✗")]


def test_a_way_that_is_well_is_walked_to_its_end(sekisho: Command, api: Api, zones: Zones) -> None:
    said = walk(sekisho)
    assert said.code == 0, said.out
    hops = [line.split()[1:3] for line in said.out.splitlines() if line.startswith("✓")]
    assert hops == [
        ["global", "zone"], ["azure", "sidecar"], ["azure", "name"], ["azure", "zone"], ["azure", "outcome"],
        ["global", "zone"], ["gcp", "ingress"], ["gcp", "permission"],
    ]  # fmt: skip
    asked = [spec for kind, spec in api.questions if kind == "Permission"]
    assert [(one["client"], one["server"], one["zone"]) for one in asked] == [(LAPTOP, "shop/catalog", "gcp")]


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda zones: zones.linked["azure"].update(connected=False), "global zone azure"),
        (lambda zones: zones.linked["gcp"].update(enabled=False), "global zone gcp"),
        (lambda zones: zones.linked.pop("gcp"), "global zone gcp"),
        (lambda zones: zones.sidecar.update(connected=False), "azure sidecar shop/laptop"),
        (lambda zones: zones.ingress.update(connected=False), "gcp ingress edge/in"),
        (lambda zones: zones.ingress.update(gateway="edge/other"), "gcp ingress edge/in"),
        (lambda zones: zones.permission.update(allowed=False), "gcp permission shop/catalog"),
        (lambda zones: setattr(zones, "outcome", "answered 503: nobody is there"), "azure outcome answered"),
    ],
)
def test_the_hop_that_is_not_well_is_the_one_that_is_told(
    sekisho: Command, zones: Zones, change: Callable[[Zones], object], where: str
) -> None:
    change(zones)
    said = walk(sekisho)
    assert (said.code, broken(said)) == (1, [where]), said.out
    assert "it breaks above" in said.out


def test_a_name_that_nobody_knows_is_not_well_and_zones_that_may_have_it_are_told(
    sekisho: Command, zones: Zones
) -> None:
    zones.is_known = False
    said = walk(sekisho)
    assert (said.code, broken(said)) == (1, ["azure outcome nothing"]), said.out
    zones.linked["gcp"]["enabled"] = False
    said = walk(sekisho)
    assert (said.code, broken(said)) == (1, ["azure outcome nothing", "global zone gcp"]), said.out
    assert "sekisho zone enable gcp" in said.out


def test_who_calls_is_named_with_or_without_a_zone(sekisho: Command, zones: Zones) -> None:
    for wrong in ("laptop", "a/b/c/d"):
        said = sekisho("doctor", "--from", wrong, URL)
        assert said.code == 2
        assert "zone/namespace/name" in said.err

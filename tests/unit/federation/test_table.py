"""`sekisho.federation.table`: what crosses, kind by kind, and what it is called on the other side."""

from typing import Any

import pytest
from tests.kit.federation import of_zone, timeout, zone, zone_service
from tests.kit.objects import manifest

from sekisho.federation.table import DOWN_KINDS, UP_KINDS, WAYS, Way, down, down_id, up, up_id
from sekisho.model.kinds import KINDS, POLICY_KINDS
from sekisho.model.routes import ROUTE_KINDS
from sekisho.store.sealing import SEALED_KINDS

OF_GLOBAL = {"sekisho.dev/origin": "global"}


def everywhere(_: str) -> bool:
    return True


def stored(document: dict[str, Any]) -> dict[str, Any]:
    """With what a store and a server add."""
    metadata = {
        **document["metadata"], "uid": "u", "resourceVersion": "7", "generation": 1, "managedFields": [{}],
        "ownerReferences": [{}], "finalizers": ["f"], "creationTimestamp": "2026-01-01T00:00:00Z",
        "annotations": {"note": "n", "kubectl.kubernetes.io/last-applied-configuration": "{}"},
    }  # fmt: skip
    return {**document, "metadata": metadata, "status": {"vip": {"ip": "243.0.0.1"}}}


def test_every_kind_is_decided() -> None:
    """A new kind needs a decision: see `WAYS`."""
    decided = set(WAYS)
    assert decided - KINDS.keys() <= {"ListenerSet"}
    assert KINDS.keys() <= decided


def test_what_holds_secrets_or_is_of_one_place_never_crosses() -> None:
    private = {"Secret", "ConfigMap", "ServiceAccount", "Workload", "EndpointSlice", "Gateway", "Service"}
    for kind in private | set(SEALED_KINDS):
        assert WAYS[kind] is Way.STAYS
        assert kind not in UP_KINDS
        assert kind not in DOWN_KINDS
        if kind in KINDS:
            for labels in ({}, OF_GLOBAL, of_zone("gcp")):
                document = manifest(kind, "a.gcp", labels=labels)
                assert up(document, "gcp") is None
                assert down(document, "azure", everywhere) is None


def test_the_contract() -> None:
    assert set(UP_KINDS) == {
        "ZoneService", "ZoneIngress", "MeshTrust", "MeshTLS", *POLICY_KINDS, *ROUTE_KINDS
    }  # fmt: skip
    assert set(DOWN_KINDS) - set(UP_KINDS) == {
        "Mesh", "Zone", "HostnameGenerator", "MultiZoneService", "ExternalService"
    }  # fmt: skip


def test_a_record_keeps_its_name_on_all_ways_and_loses_status_and_bookkeeping() -> None:
    record = stored(zone_service("catalog", "gcp"))
    at_global = up(record, "gcp")
    assert at_global is not None
    assert at_global["metadata"] == {
        "name": "catalog.gcp",
        "namespace": "shop",
        "labels": {"app": "catalog", **of_zone("gcp")},
        "annotations": {"note": "n"},
    }
    assert "status" not in at_global
    assert at_global["spec"] == record["spec"]
    assert down(stored(dict(at_global)), "azure", everywhere) == at_global


def test_a_record_is_for_other_zones_that_are_to_see_it() -> None:
    record = zone_service("catalog", "gcp")
    assert down(record, "gcp", everywhere) is None
    assert down(record, "azure", lambda zone: zone != "gcp") is None
    assert down_id(record, "gcp") is None
    assert down_id(record, "azure") is not None  # a deletion is told, whether or not the zone is enabled


def test_a_record_of_another_zone_or_of_nobody_does_not_go_up() -> None:
    assert up(zone_service("catalog", "aws"), "gcp") is None
    nobodys = zone_service("catalog", "gcp")
    nobodys["metadata"]["labels"] = {}
    assert up(nobodys, "gcp") is None
    assert down(nobodys, "azure", everywhere) is None


@pytest.mark.parametrize("kind", ["Timeout", "MeshTLS", "HTTPRoute"])
def test_a_policy_of_global_is_in_every_zone_under_its_name(kind: str) -> None:
    found = down(stored(manifest(kind, "slow", labels={"team": "a"}, spec={"x": 1})), "azure", everywhere)
    assert found is not None
    assert found["metadata"]["name"] == "slow"
    assert found["metadata"]["labels"] == {"team": "a", **OF_GLOBAL}
    assert up(found, "azure") is None, "it does not go back"


def test_a_policy_of_a_zone_carries_its_zone_in_its_name() -> None:
    written = timeout("slow", {"kind": "Service", "name": "catalog"})
    found = up(written, "gcp")
    assert found is not None
    assert found["metadata"]["name"] == "slow.gcp"
    assert found["metadata"]["labels"] == of_zone("gcp")
    assert found["spec"] == written["spec"], "global sees what was written"
    id = up_id(written, "gcp")
    assert str(id) == "Timeout/shop/slow.gcp"


@pytest.mark.parametrize("kind", ["Mesh", "HostnameGenerator", "MultiZoneService", "ExternalService"])
def test_what_zones_share_is_written_at_global(kind: str) -> None:
    document = manifest(kind, "a", spec={})
    assert up(document, "gcp") is None
    found = down(document, "gcp", everywhere)
    assert found is not None
    assert found["metadata"]["labels"] == OF_GLOBAL


def test_zones_are_known_to_all_of_them_without_their_status() -> None:
    for name in ("azure", "gcp"):
        found = down(stored(zone("gcp", enabled=False)), name, lambda _: False)
        assert found is not None
        assert found["spec"] == {"enabled": False}
        assert "status" not in found


def test_names_of_two_zones_never_meet() -> None:
    documents = [timeout(name) for name in ("a", "a.gcp", "a.gcp.aws", "a.aws")]
    names = [str(up_id(document, zone)) for document in documents for zone in ("gcp", "aws", "cp")]
    assert len(set(names)) == len(names)

"""What a receiver takes: the same on every store."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.kit.federation import bodies, of_zone, put, timeout, zone_service
from tests.kit.objects import manifest
from tests.kit.pki import TestAuthority

from sekisho.federation.acceptance import FromGlobal, FromZone, Held, Sender
from sekisho.federation.intake import Intake, Taken
from sekisho.federation.messages import Batch
from sekisho.model.names import ResourceId
from sekisho.store import Store, Write, open_memory, open_sqlite

Opener = Callable[[], AbstractAsyncContextManager[Store]]

GCP = FromZone("gcp", {"corp.example": {"azure"}, "own.example": {""}, "ours.example": {"", "gcp"}})
GLOBAL = FromGlobal("azure")
CATALOG = ResourceId("ZoneService", "shop", "catalog.gcp")


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    opened: AbstractAsyncContextManager[Store] = (
        open_memory() if request.param == "memory" else open_sqlite(tmp_path / "db", tmp_path / "key")
    )
    async with opened as store:
        yield store


def batch(*documents: Any, gone: tuple[ResourceId, ...] = (), **more: Any) -> Batch:
    return Batch(puts=tuple(msgspec.Raw(json.dumps(one).encode()) for one in documents), gone=gone, **more)


def intake(store: Store, held: Held = Held()) -> Intake:  # noqa: B008 - a frozen value
    return Intake(store, held, lambda: "agree-1")


async def take(store: Store, sender: Sender, *documents: Any, **more: Any) -> Taken:
    return await intake(store).take(batch(*documents, **more), sender)


async def test_what_is_sent_is_stored_changed_and_deleted(store: Store) -> None:
    way = intake(store)
    first = await way.take(batch(zone_service("catalog", "gcp"), token="a.1"), GCP)
    assert (first.changed, first.refused, first.held.token) == (1, (), "a.1")
    again = await way.take(batch(zone_service("catalog", "gcp"), token="a.2"), GCP)
    assert (again.changed, again.held.token) == (0, "a.2")
    await way.take(batch(zone_service("catalog", "gcp", 5), token="a.3"), GCP)
    (found,) = (await bodies(store, "ZoneService")).values()
    assert found["spec"]["ports"][0]["instances"] == 5
    gone = await way.take(batch(gone=(CATALOG,), token="a.4"), GCP)
    assert gone.changed == 1
    assert not await bodies(store, "ZoneService")


async def test_a_receiver_keeps_its_own_status_on_copies(store: Store) -> None:
    way = intake(store)
    await way.take(batch(zone_service("catalog", "gcp")), GLOBAL)
    await store.write([Write("status", CATALOG, {"status": {"vip": {"ip": "243.0.0.1"}}})])
    await way.take(batch({**zone_service("catalog", "gcp", 9), "status": {"vip": "forged"}}), GLOBAL)
    (found,) = (await bodies(store, "ZoneService")).values()
    assert found["status"] == {"vip": {"ip": "243.0.0.1"}}
    assert found["spec"]["ports"][0]["instances"] == 9


OF_GLOBAL = {"sekisho.dev/origin": "global"}
PEM = TestAuthority().certificate.decode()


def trust(domain: str, zone: str = "gcp") -> dict[str, Any]:
    spec = {"trustDomain": domain, "caBundles": [{"pem": {"value": PEM}}]}
    return manifest("MeshTrust", f"default.{zone}", "sekisho-system", labels=of_zone(zone), spec=spec)


def labelled(document: dict[str, Any], labels: dict[str, str]) -> dict[str, Any]:
    return {**document, "metadata": {**document["metadata"], "labels": labels}}


FROM_ZONE: list[tuple[dict[str, Any], str]] = [
    (manifest("Secret", "a.gcp", labels=of_zone("gcp")), "a zone cannot send Secret"),
    (manifest("Mesh", "a", labels=of_zone("gcp")), "a zone cannot send Mesh"),
    (zone_service("catalog", "aws"), "its labels do not say that it comes from the zone gcp"),
    (labelled(zone_service("catalog", "gcp"), {}), "its labels do not say that it comes from the zone gcp"),
    (labelled(zone_service("catalog", "aws"), of_zone("gcp")), "end in .gcp"),
    (labelled(timeout("slow"), of_zone("gcp")), "end in .gcp"),
    (labelled(timeout("slow.gcp"), OF_GLOBAL), "its labels do not say"),
    (trust("default.azure.mesh.local"), "the trust domain default.azure.mesh.local is not of the zone gcp"),
    (trust("corp.example"), "the trust domain corp.example is not of the zone gcp"),
    (trust("own.example"), "the trust domain own.example is not of the zone gcp"),
    ({"kind": "Timeout"}, "apiVersion"),
    (labelled(manifest("Timeout", "slow.gcp", spec={"too": []}), of_zone("gcp")), "unknown field"),
    (labelled(timeout("slow.gcp", namespace=""), of_zone("gcp")), "metadata.namespace: is required"),
]
FROM_GLOBAL: list[tuple[dict[str, Any], str]] = [
    (manifest("Secret", "a", labels=OF_GLOBAL), "the global control plane cannot send Secret"),
    (zone_service("catalog", "azure"), "it is said to come from this zone itself"),
    (timeout("slow"), "its labels do not say where it comes from"),
    (labelled(zone_service("catalog", "gcp"), OF_GLOBAL), "its labels do not say where it comes from"),
    (labelled(timeout("slow"), of_zone("gcp")), "end in .gcp"),
    (labelled(zone_service("catalog.x", "gcp"), of_zone("gcp")), "spec.service"),
]


@pytest.mark.parametrize(
    ("sender", "document", "why"),
    [(GCP, *case) for case in FROM_ZONE] + [(GLOBAL, *case) for case in FROM_GLOBAL],
)
async def test_what_a_sender_may_not_say_is_refused_and_the_rest_is_taken(
    store: Store, sender: Sender, document: dict[str, Any], why: str
) -> None:
    good = zone_service("good", "gcp")
    taken = await take(store, sender, document, good, token="a.1")
    (refused,) = taken.refused
    assert why in refused.why
    assert taken.held.refused == {refused.id}
    assert taken.held.token == "a.1"
    listing = await store.list(("Secret", "Mesh", "ZoneService", "Timeout", "MeshTrust"))
    assert [record.id.name for record in listing.records] == ["good.gcp"]


async def test_a_zone_says_whom_to_believe_in_its_own_trust_domains(store: Store) -> None:
    for domain in ("default.gcp.mesh.local", "of-nobody-yet.example", "ours.example"):
        assert not (await take(store, GCP, trust(domain))).refused


async def test_nothing_else_is_changed_or_deleted(store: Store) -> None:
    await put(store, timeout("slow.gcp", seconds=7))
    await put(store, labelled(timeout("fast.gcp", seconds=7), OF_GLOBAL))
    before = await bodies(store, "Timeout")
    copies = [labelled(timeout(f"{name}.gcp"), of_zone("gcp")) for name in ("slow", "fast")]
    taken = await take(store, GCP, *copies)
    assert {id.name for id in taken.held.conflicts} == {"slow.gcp", "fast.gcp"}
    await take(store, GCP, gone=tuple(taken.held.conflicts))
    await take(store, GCP, listing="end", continues=True)
    assert await bodies(store, "Timeout") == before


async def test_a_listing_deletes_what_it_leaves_out(store: Store) -> None:
    way = intake(store)
    await way.take(batch(zone_service("a", "gcp"), zone_service("b", "gcp"), token="a.1"), GCP)
    await put(store, zone_service("c", "aws"))
    await way.take(batch(zone_service("b", "gcp"), listing="part"), GCP)
    assert way.held.token == "a.1"
    await way.take(batch(zone_service("d", "gcp"), listing="end", token="a.5", continues=True), GCP)
    assert set(await bodies(store, "ZoneService")) == {
        "ZoneService/shop/b.gcp", "ZoneService/shop/d.gcp", "ZoneService/shop/c.aws"
    }  # fmt: skip
    assert way.held.token == "a.5"


async def test_a_listing_that_was_cut_off_deletes_nothing(store: Store) -> None:
    way = intake(store)
    await way.take(batch(zone_service("a", "gcp"), token="a.1"), GCP)
    await way.take(batch(zone_service("b", "gcp"), listing="part"), GCP)
    way.begin_anew()
    await way.take(batch(zone_service("a", "gcp"), listing="end", token="a.2", continues=True), GCP)
    assert set(await bodies(store, "ZoneService")) == {"ZoneService/shop/a.gcp"}


async def test_what_a_restored_backup_does_not_know_is_kept_until_somebody_agrees(store: Store) -> None:
    way = intake(store)
    await way.take(batch(zone_service("a", "gcp"), zone_service("b", "gcp"), token="a.9"), GCP)
    held = (await way.take(batch(zone_service("b", "gcp"), listing="end", token="b.1"), GCP)).held
    assert held.kept == {ResourceId("ZoneService", "shop", "a.gcp")}
    assert held.confirmation == "agree-1"
    later = Intake(store, held, lambda: "agree-2")  # a restart in between changes nothing
    still = await later.take(batch(zone_service("b", "gcp"), listing="end", token="b.2", continues=True), GCP)
    assert (still.held.kept, still.held.confirmation) == (held.kept, "agree-1")
    assert len(await bodies(store, "ZoneService")) == 2
    agreed = await later.agree(GCP)
    assert (agreed.changed, agreed.held.kept, agreed.held.confirmation) == (1, frozenset(), "")
    assert set(await bodies(store, "ZoneService")) == {"ZoneService/shop/b.gcp"}


async def test_what_is_told_again_waits_for_nobody_any_more(store: Store) -> None:
    way = intake(store)
    await way.take(batch(zone_service("a", "gcp"), token="a.9"), GCP)
    await way.take(batch(listing="end", token="b.1"), GCP)
    assert way.held.kept
    taken = await way.take(batch(zone_service("a", "gcp"), token="b.2"), GCP)
    assert (taken.held.kept, taken.held.confirmation) == (frozenset(), "")


async def test_everything_is_asked_for_again_once_what_was_in_the_way_is_gone(store: Store) -> None:
    await put(store, timeout("slow"))
    way = intake(store)
    await way.take(batch(labelled(timeout("slow"), OF_GLOBAL), token="a.1"), GLOBAL)
    assert not await way.wants_listing()
    await store.write([Write("delete", ResourceId("Timeout", "shop", "slow"))])
    assert await way.wants_listing()
    await way.take(
        batch(labelled(timeout("slow"), OF_GLOBAL), listing="end", token="a.2", continues=True), GLOBAL
    )
    assert not await way.wants_listing()
    assert not way.held.conflicts


async def test_what_was_refused_is_tried_again_by_the_next_version(store: Store) -> None:
    way = intake(store)
    newer = labelled(manifest("Timeout", "slow", spec={"newer": 1}), OF_GLOBAL)
    held = (await way.take(batch(newer, token="a.1"), GLOBAL)).held
    assert not await way.wants_listing()
    assert await Intake(store, held, lambda: "").wants_listing()


async def test_a_zone_that_is_removed_takes_its_copies_along(store: Store) -> None:
    await take(store, GCP, *(zone_service(f"s{number}", "gcp") for number in range(5)))
    await put(store, zone_service("c", "aws"))
    assert await intake(store).forget(GCP) == 5
    assert set(await bodies(store, "ZoneService")) == {"ZoneService/shop/c.aws"}

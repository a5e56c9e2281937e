"""Control planes whose clocks are five minutes apart agree all the same: what is later decides nothing."""

import random
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from tests.kit.federation import (
    Site,
    bodies,
    connected,
    global_plane,
    name,
    put,
    site,
    zone,
    zone_service,
)  # fmt: skip
from tests.kit.wait import eventually

from sekisho.aio.clock import SystemClock
from sekisho.aio.tasks import background
from sekisho.federation.client import ZoneLink
from sekisho.identity.authority import BACKDATED
from sekisho.store import Store, open_memory

APART = timedelta(minutes=5)


class OtherClock(SystemClock):
    """Of a host whose clock is wrong by so much."""

    def __init__(self, by: timedelta) -> None:
        self._by = by

    def now(self) -> datetime:
        return super().now() + self._by


def link(at: Site, zone_name: str, store: Store, by: timedelta) -> ZoneLink:
    return ZoneLink(
        at.url,
        lambda: at.context(zone_name),
        store,
        zone_name,
        OtherClock(by),
        name=name,
        random=random.random,
    )


@pytest.mark.parametrize("by", [APART, -APART], ids=["ahead", "behind"])
async def test_a_zone_joins_and_comes_back_with_another_clock(tmp_path: Path, by: timedelta) -> None:
    at = site(tmp_path)
    async with open_memory() as world, open_memory() as gcp, open_memory() as azure, global_plane(at, world):
        await put(world, zone("gcp"))
        await put(world, zone("azure"))
        azure_link = link(at, "azure", azure, timedelta())
        async with background(azure_link.run(), name="azure"):
            for services in (1, 2):
                await put(gcp, zone_service(f"s-{services}", "gcp"))
                gcp_link = link(at, "gcp", gcp, by)
                async with background(gcp_link.run(), name="gcp"):
                    await connected(gcp_link)
                    await eventually(partial(_has, azure, services), what="azure knows it")
        status = (await bodies(world, "Zone"))["Zone//gcp"]["status"]
        synced = datetime.fromisoformat(status["lastSync"])
        assert abs(synced - datetime.now(UTC)) < APART / 2, "global tells its own time"
        told = {one["type"]: one["status"] for one in status["conditions"]}
        assert (told["Confirmation"], told["ClockSkewed"]) == ("False", "False")


HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("by", "reason", "words"),
    [(HOUR, "Ahead", "60 minutes ahead of"), (-HOUR, "Behind", "60 minutes behind")],
    ids=["ahead", "behind"],
)
async def test_an_hour_is_told_here_and_at_global_and_whose_clock_it_is(
    tmp_path: Path, by: timedelta, reason: str, words: str
) -> None:
    at = site(tmp_path)
    async with open_memory() as world, open_memory() as gcp, global_plane(at, world):
        await put(world, zone("gcp"))
        wrong = link(at, "gcp", gcp, by)
        with capture_logs() as lines:
            async with background(wrong.run(), name="gcp"):
                await connected(wrong)
                await eventually(partial(_skewed, world, "True"), what="the Zone says so")
        (told,) = [line["what"] for line in lines if line["event"] == "clocks differ at the link"]
        assert words in told
        found = await _condition(world)
        assert found["reason"] == reason
        assert f"its clock is {words} that of the global control plane" in found["message"]
        right = link(at, "gcp", gcp, timedelta())
        async with background(right.run(), name="gcp"):
            await eventually(partial(_skewed, world, "False"), what="it was set right")


async def _condition(world: Store) -> dict[str, Any]:
    status = (await bodies(world, "Zone"))["Zone//gcp"].get("status") or {}
    found = (one for one in status.get("conditions") or () if one["type"] == "ClockSkewed")
    return next(found, {})


async def _skewed(world: Store, status: str) -> bool:
    return (await _condition(world)).get("status") == status


async def _has(store: Store, count: int) -> bool:
    return len(await bodies(store, "ZoneService")) == count


def test_certificates_of_who_is_ahead_are_good_at_once() -> None:
    assert BACKDATED >= APART

"""Control planes whose clocks are five minutes apart agree all the same: what is later decides nothing."""

import random
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
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
        assert next(one for one in status["conditions"] if one["type"] == "Confirmation")["status"] == "False"


async def _has(store: Store, count: int) -> bool:
    return len(await bodies(store, "ZoneService")) == count


def test_certificates_of_who_is_ahead_are_good_at_once() -> None:
    assert BACKDATED >= APART

"""How late a zone is: from when it was told a change until it says to have heard it; and what it reports."""

from pathlib import Path

import pytest
from tests.kit.federation import Site, bodies, connected, global_plane, joined, put, site, timeout, zone
from tests.kit.relay import relay
from tests.kit.wait import eventually

from sekisho.federation import client
from sekisho.federation.messages import Report
from sekisho.federation.server import Federation
from sekisho.store import open_memory


@pytest.fixture
def no_report_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    """Zones tell how they are when there is a reason, and not because time has passed."""
    monkeypatch.setattr(client, "REPORT_EVERY", 3600.0)


async def until_heard(federation: Federation) -> None:
    async def heard() -> bool:
        return federation.lag("azure") == 0.0

    await eventually(heard, what="the zone has heard everything", every=0.01)


@pytest.mark.usefixtures("no_report_is_due")
async def test_a_zone_that_hears_says_so_long_before_its_next_report(tmp_path: Path) -> None:
    at = site(tmp_path)
    async with open_memory() as store, open_memory() as azure:
        await put(store, zone("azure"))
        async with global_plane(at, store) as federation, joined(at, "azure", azure) as link:
            await connected(link)
            await put(store, timeout("slow"))

            async def arrived() -> bool:
                return bool(await bodies(azure, "Timeout"))

            await eventually(arrived, what="the policy is in the zone")
            await until_heard(federation)


async def test_a_zone_that_does_not_hear_is_later_and_later(tmp_path: Path) -> None:
    at = site(tmp_path)
    async with open_memory() as store, open_memory() as azure:
        await put(store, zone("azure"))
        async with (
            global_plane(at, store) as federation,
            relay(at.port) as line,
            joined(Site(at.folder, at.authority, line.port), "azure", azure) as link,
        ):
            await connected(link)
            await until_heard(federation)
            line.hold()
            await put(store, timeout("slow"))

            async def late() -> bool:
                return federation.lag("azure") > 0.5

            await eventually(late, what="the zone is late")
            line.go_on()
            await until_heard(federation)


@pytest.mark.usefixtures("no_report_is_due")
async def test_what_a_zone_says_of_itself_is_told_at_once_when_asked_for(tmp_path: Path) -> None:
    at = site(tmp_path)
    async with open_memory() as store, open_memory() as azure:
        await put(store, zone("azure"))
        async with global_plane(at, store), joined(at, "azure", azure) as link:
            await connected(link)
            link.facts = lambda: Report(version="0.2.0")
            link.tell()

            async def told() -> bool:
                found = (await bodies(store, "Zone")).values()
                return any(one["status"]["controlPlane"]["version"] == "0.2.0" for one in found)

            await eventually(told, what="global knows")

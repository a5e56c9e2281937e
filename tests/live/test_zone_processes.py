"""Zones as real processes: they join, report, are asked, go on without a token, and are cut off."""

import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.kit.federated import CONTROL_PLANE, Federated, running_federation
from tests.kit.objects import manifest
from tests.kit.ports import free_port
from tests.kit.system import gateway, promised

from sekisho.client import Unavailable
from sekisho.client.credentials import TokenAnswer, TokenSpec
from sekisho.client.reviews import ask

pytestmark = pytest.mark.asyncio(loop_scope="module")

CUT_OFF = 5.0
"""Seconds within which a zone that is disabled, removed or revoked has no link any more."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def federated() -> AsyncIterator[Federated]:
    async with running_federation("azure", "gcp") as running:
        yield running


async def test_zones_that_joined_are_seen_by_global_and_see_it(federated: Federated) -> None:
    for name in ("azure", "gcp"):
        seen = await federated.seen(name)
        assert (seen["joined"], seen["connected"], seen["version"]) == (True, True, "0.1.0")
        assert seen["certificateExpires"]
        link = (await federated.zones[name].review())["link"]
        assert (link["connected"], link["certificateExpires"]) == (True, seen["certificateExpires"])
        assert (await federated.zones[name].review())["controlPlane"]["place"] == name
    zone = await federated.hub.client.get("Zone", "gcp")
    conditions = {one["type"]: one["status"] for one in zone["status"]["conditions"]}
    assert conditions["Connected"] == "True"


async def test_what_is_written_at_global_is_in_the_zones_and_their_secrets_stay_there(
    federated: Federated,
) -> None:
    await federated.hub.apply(manifest("Mesh", "everywhere", ""))
    secret = manifest("Secret", "key", "default")
    await federated.zones["gcp"].apply({**secret, "stringData": {"password": "x"}})

    async def arrived() -> bool:
        meshes = [await zone.client.list("Mesh") for zone in federated.zones.values()]
        return all("everywhere" in str(found.items) for found in meshes)

    await federated.hub.until(arrived, "the Mesh is in both zones", within=promised(2))
    assert "key" not in str((await federated.hub.client.list("Secret")).items)


async def test_what_a_zone_is_made_of_is_its_owner_s_alone(federated: Federated) -> None:
    state = federated.zones["gcp"].folder
    assert oct((state / "zone.json").stat().st_mode & 0o777) == "0o600"
    key = json.loads((state / "zone.json").read_text())["key"]
    log = federated.zones["gcp"].log(CONTROL_PLANE).read_text()
    assert "PRIVATE KEY" in key
    assert "PRIVATE KEY" not in log
    assert federated.token_file("gcp").read_text() not in log


async def test_a_zone_is_asked_through_its_own_link(federated: Federated) -> None:
    listener = {"name": "http", "protocol": "HTTP", "port": 18080}
    door = manifest(
        "Gateway", "door", "default", spec={"gatewayClassName": "sekisho", "listeners": [listener]}
    )
    await federated.zones["gcp"].apply(door)
    client, question = federated.hub.client, {"url": "http://shop.example.com:18080/"}

    async def told() -> bool:
        answer = await client.review("explanations", "Explanation", {**question, "zone": "gcp"})
        return answer["outcome"].startswith("answered 404")

    await federated.hub.until(told, "gcp says what its gateway answers")
    assert (await client.review("explanations", "Explanation", question))["outcome"] == "no gateway is served"
    dump = await client.review("configdumps", "ConfigDump", {"gateway": "default/door", "zone": "gcp"})
    assert {one["type"] for one in dump["resources"]} >= {"listener"}
    with pytest.raises(Unavailable, match="Expected `str`"):
        await client.review("configdumps", "ConfigDump", {"gateway": 5, "zone": "gcp"})
    assert federated.told("gcp", "asked by the global control plane")
    await federated.zones["gcp"].client.delete("Gateway", "door", "default")


async def test_the_proxies_of_a_zone_are_its_own_and_are_counted_at_global(federated: Federated) -> None:
    zone, port = federated.zones["gcp"], free_port()
    listener = {"name": "http", "protocol": "HTTP", "port": port}
    await zone.apply(manifest("Namespace", "shop"), gateway(listener))
    await zone.start_agent()
    try:
        await zone.answers(port, "shop.example.com", status=404)

        async def counted() -> bool:
            seen = await federated.seen("gcp")
            return (seen["proxies"], seen["inSync"]) == (1, 1)

        await federated.hub.until(counted, "global counts the proxy")
    finally:
        await zone.stop("agent")
        await zone.client.delete("Gateway", "web", "shop")


async def test_a_replayed_token_lets_nobody_in_and_is_written_down(federated: Federated) -> None:
    thief = await federated.add("thief")
    await federated.until_connected("thief")
    await thief.stop(CONTROL_PLANE)
    (thief.folder / "zone.json").unlink()
    await federated.start("thief")

    async def refused() -> bool:
        return bool(federated.told("hub", "sent again after its only use"))

    async def advised() -> bool:
        return "sekisho zone token thief" in str(federated.told("thief", "no certificate"))

    await federated.hub.until(refused, "the replay is in global's log")
    await federated.hub.until(advised, "the zone's own log says what to do")
    assert not (await federated.seen("thief"))["connected"]
    await federated.token("thief")
    await federated.until_connected("thief")
    await thief.stop(CONTROL_PLANE)
    await federated.hub.client.delete("Zone", "thief")


async def test_a_zone_that_is_disabled_is_cut_off_and_comes_back(federated: Federated) -> None:
    client = federated.hub.client
    await client.patch("Zone", "azure", patch={"spec": {"enabled": False}})
    assert await federated.until_connected("azure", connected=False) <= promised(CUT_OFF)
    await federated.until_connected("gcp")  # the zone that was removed before may have had it connect again

    async def told() -> bool:
        return "or it is disabled" in (await federated.zones["azure"].review())["link"]["fault"]

    await federated.hub.until(told, "the zone says why it has no link")
    await client.patch("Zone", "azure", patch={"spec": {"enabled": True}})
    await federated.until_connected("azure")


async def test_a_zone_whose_certificate_is_revoked_is_cut_off_until_it_gets_a_token(
    federated: Federated,
) -> None:
    spec = TokenSpec(action="revoke", id="zone/azure")
    await ask(federated.hub.client, "TokenReview", spec, TokenAnswer)
    assert await federated.until_connected("azure", connected=False) <= promised(CUT_OFF)
    await federated.until_connected("gcp")
    await federated.token("azure")
    await federated.until_connected("azure")


async def test_a_zone_starts_again_without_a_token_and_without_global(federated: Federated) -> None:
    zone = federated.zones["gcp"]
    await zone.stop(CONTROL_PLANE)
    await federated.hub.stop(CONTROL_PLANE)
    federated.token_file("gcp").unlink()
    await federated.start("gcp")
    assert await zone.client.list("Gateway")
    assert not (await zone.review())["link"]["connected"]
    await federated.start_hub()
    await federated.until_connected("azure", "gcp")


async def test_a_state_folder_is_not_another_zone_s(federated: Federated) -> None:
    zone = federated.zones["gcp"]
    await zone.stop(CONTROL_PLANE)
    words = await federated.fails_to_start("gcp", "elsewhere")
    assert "is the state of the zone gcp, and this is to be the zone elsewhere" in words
    await federated.start("gcp")
    await federated.until_connected("gcp")


async def test_the_certificate_of_another_zone_is_not_used(federated: Federated, tmp_path: Path) -> None:
    other = await federated.add("other")
    await federated.until_connected("other")
    await other.stop(CONTROL_PLANE)
    shutil.copy(federated.zones["gcp"].folder / "zone.json", other.folder / "zone.json")
    await federated.start("other")

    async def told() -> bool:
        return bool(federated.told("other", "stored certificate is not used"))

    await federated.hub.until(told, "the certificate is not used")
    assert not (await federated.seen("other"))["connected"]
    await other.stop(CONTROL_PLANE)
    await federated.hub.client.delete("Zone", "other")
    del federated.zones["other"]


async def test_a_zone_that_is_removed_is_cut_off_for_good(federated: Federated) -> None:
    await federated.hub.client.delete("Zone", "azure")
    assert await federated.until_connected("azure", connected=False) <= promised(CUT_OFF)
    assert await federated.seen("azure") == {}
    await federated.hub.apply(manifest("Zone", "azure", ""))

    async def refused() -> bool:
        return bool(federated.told("azure", "no certificate"))

    await federated.hub.until(refused, "the zone of before is not let in as the new one")
    assert not (await federated.seen("azure"))["connected"]

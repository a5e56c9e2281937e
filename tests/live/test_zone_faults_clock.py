"""A zone whose clock is five minutes ahead: calls go on. One whose clock is an hour behind: it is told."""

from functools import partial

import pytest
from tests.kit.clouds import Cloud, running_clouds
from tests.kit.federated import running_federation
from tests.kit.mesh import Member, goes_on

from sekisho.client.credentials import TrustAnswer, TrustSpec
from sekisho.client.reviews import ask

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]


async def test_zones_whose_clocks_are_five_minutes_apart_call_each_other() -> None:
    """All processes of gcp but its Envoys, whose clock is the host's, as azure's and global's is."""
    async with running_clouds(programs={"gcp": "tests.kit.other_clock"}) as clouds:
        azure, gcp = clouds.azure, clouds.gcp
        ways = []
        for here, there in ((azure, gcp), (gcp, azure)):
            await here.ingress("ingress", 1 if here is azure else 2)
            await here.join("catalog")
            ways.append((here, there, await here.join("web")))
        await clouds.permit("catalog", ("azure", "web"), ("gcp", "web"))
        for here, there, web in ways:
            far = f"catalog.{there.zone}"
            await here.learns(far, there.port_of("catalog"))
            await here.answers(web, far)
        trust = await ask(gcp.system.client, "TrustReview", TrustSpec(action="rotate"), TrustAnswer)
        assert trust.domains

        async def steady() -> bool:
            answer = await ask(gcp.system.client, "TrustReview", TrustSpec(action="status"), TrustAnswer)
            return answer.domains[0].stage == "Steady"

        async with azure.load(azure.members["web-1"], "catalog.gcp") as load:
            await gcp.system.until(steady, "the rotation ends", within=240)
            await goes_on(load)
        assert load.failures == []
        await clouds.hub.client.delete("TrafficPermission", "catalog", "shop")
        for here, there, web in ways:
            await clouds.hub.until(partial(_is_refused, here, web, f"catalog.{there.zone}"), "it is denied")


async def test_an_hour_apart_is_told_in_the_zone_and_at_global_and_says_whose_clock_it_is() -> None:
    """Behind, for the certificates of who is an hour ahead are good for nobody yet, itself included."""
    told = "60 minutes behind"
    async with running_federation("azure", "gcp", programs={"gcp": "tests.kit.late_clock"}) as federated:

        async def noticed() -> bool:
            zones = {one["name"]: one["clock"] for one in (await federated.hub.review())["zones"]}
            return told in zones["gcp"] and not zones["azure"]

        await federated.hub.until(noticed, "global tells of gcp's clock, and of no other")
        (line,) = federated.told("gcp", "clocks differ at the link")
        assert told in line["what"]
        assert told in (await federated.zones["gcp"].review())["link"]["clock"]
        assert not (await federated.zones["azure"].review())["link"]["clock"]


async def _is_refused(cloud: Cloud, client: Member, called: str) -> bool:
    answer = await cloud.call(client, called)
    return answer is None or answer.status != 200

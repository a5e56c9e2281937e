"""The story of acme.corp: what works between two clouds, then what breaks, and what goes on meanwhile."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection

from sekisho.aio.tasks import background
from sekisho.app.acme.calls import Answer, Gateway
from sekisho.app.acme.clouds import GLOBAL, Clouds
from sekisho.app.acme.laptop import Laptop
from sekisho.app.acme.load import Load, Tally
from sekisho.app.acme.told import Stage, Step

REACHED_WITHIN = 15.0
"""Seconds until a first request must have gone well: proxies may have just begun to listen."""
BROKEN_SECONDS = 4.0
"""How long a control plane stays away."""
INSTANCE_WITHIN = 2.0
"""Seconds after the death of an instance in which requests to it may fail: until its probe has said so."""
ZONE_WITHIN = 2.0
"""Seconds after the loss of a whole zone in which requests may fail."""
DENIED_WITHIN = 1.0
"""Seconds from the withdrawal of a permission until all zones deny."""
_CALLS = 10
"""Where this many ordinary calls, one after another, take longer than a limit, they are the limit: then the
machine is busy with something else."""
_TABLE_EVERY = 0.25
_PAUSE = 0.05
_FORBIDDEN = 403
_PERMISSION = ("trafficpermissions.sekisho.dev", "gateways-read-the-catalog", "sekisho-system")
_STANDBY = ("workloads.sekisho.dev", "catalog-3", "shop")


class Story:
    """Tells it once. Each part adds its steps; `went_well` is whether every one behaved."""

    def __init__(self, clouds: Clouds, stage: Stage, azure: Gateway, gcp: Gateway, laptop: Laptop) -> None:
        self._clouds, self._stage = clouds, stage
        self._azure, self._gcp, self._laptop = azure, gcp, laptop
        self._service = Tally("azure → catalog in gcp", lambda: azure.get("/catalog"))
        self._gateway = Tally("azure → gcp's gateway → catalog", lambda: azure.get("/through-gcp"))
        self._anywhere = Tally("azure → catalog anywhere", lambda: azure.get("/anywhere"))
        self._near = Tally("gcp → catalog in gcp", lambda: gcp.get("/catalog"))
        self._load = Load([self._service, self._gateway, self._anywhere, self._near])
        self.steps: list[Step] = []

    @property
    def went_well(self) -> bool:
        return bool(self.steps) and not any(step.fault for step in self.steps)

    async def tell(self) -> None:
        """All of it, in under a minute."""
        self._stage.chapter("Two clouds, one catalog")
        await self._reaches("https://api.gcp.acme.corp/catalog", self._gcp, "/catalog", "gcp", _NEAR)
        await self._reaches("https://api.azure.acme.corp/catalog", self._azure, "/catalog", "azure", _FAR)
        await self._reaches(
            "the same through gcp's API gateway, by catalog.gcp.acme.corp",
            self._azure, "/through-gcp", "gcp", _THROUGH,
        )  # fmt: skip
        self._tell(await self._laptop.calls())
        self._stage.chapter("Then things break, while requests run")
        async with background(self._load.run(), name="load"):
            await self._without("the global control plane", GLOBAL)
            await self._without("gcp's control plane", "gcp")
            await self._instance_dies()
            await self._permission_withdrawn()
            await self._zone_gone()
        self._stage.chapter("That was it")

    def _tell(self, step: Step) -> None:
        self.steps.append(step)
        self._stage.step(step)

    async def _reaches(self, what: str, gateway: Gateway, path: str, caller: str, way: str) -> None:
        """The catalog answers, and its sidecar saw the gateway of the right zone. The second call counts."""
        answer = await _in_the_end(lambda: gateway.get(path), _is_well)
        answer = answer if answer.fault else await gateway.get(path)
        expected = f"spiffe://default.{caller}.mesh.local/ns/edge/sa/api"
        fault = answer.fault or ("" if answer.caller == expected else f"the catalog saw {answer.caller}")
        self._tell(Step(what, f"{way} → {answer.instance} in {answer.zone}", answer.milliseconds, fault))

    async def _without(self, what: str, cloud: str) -> None:
        """A control plane stops, and comes back."""
        self._load.begin()
        await self._clouds[cloud].suspend("control plane")
        await self._watch(BROKEN_SECONDS)
        fault = self._lost()
        requests = sum(tally.requests for tally in self._load.tallies)
        self._tell(
            Step(f"{what} stops for {BROKEN_SECONDS:.0f} s", f"{requests} requests went on", None, fault)
        )
        await self._clouds[cloud].resume("control plane")

    async def _instance_dies(self) -> None:
        began = await self._broken(lambda: self._clouds["gcp"].suspend("service catalog-1"))
        await self._watch(INSTANCE_WITHIN + 2)
        self._tell(self._recovered("an instance of the catalog dies", began, INSTANCE_WITHIN))
        await self._clouds["gcp"].resume("service catalog-1")

    async def _permission_withdrawn(self) -> None:
        client = self._clouds.client(GLOBAL)
        kept = await client.get(*_PERMISSION)
        began = time.monotonic()
        await client.delete(*_PERMISSION)
        await self._in_both(_is_denied)
        took = time.monotonic() - began
        within = patience(DENIED_WITHIN, self._service.usual)
        fault = "" if took <= within else f"it took longer than {within:.1f} s"
        seen = "denied in both clouds"
        if took > DENIED_WITHIN and not fault:
            seen += f" (this machine is busy: an ordinary call takes {self._service.usual:.0f} ms)"
        self._tell(Step("a permission is withdrawn", seen, took * 1000, fault))
        written = {"name": kept["metadata"]["name"], "namespace": kept["metadata"]["namespace"]}
        await client.create({**kept, "metadata": written})
        await self._in_both(_is_well)

    async def _in_both(self, is_as_wished: Callable[[Answer], bool]) -> None:
        """Waits until requests to the catalog end so in both clouds."""
        async with asyncio.TaskGroup() as group:
            for tally in (self._service, self._near):
                group.create_task(_in_the_end(tally.call, is_as_wished), name=tally.name)

    async def _zone_gone(self) -> None:
        await self._clouds.client("azure").patch(*_STANDBY, patch={"spec": {"ready": True}})
        await _in_the_end(lambda: self._azure.get("/anywhere"), lambda found: found.zone == "azure")
        began = await self._broken(self._clouds["gcp"].lose_power)
        await self._watch(ZONE_WITHIN + 3)
        self._tell(self._recovered("all of gcp is gone", began, ZONE_WITHIN, [self._anywhere]))

    async def _broken(self, do: Callable[[], Awaitable[None]]) -> float:
        """Breaks something, and when that began."""
        self._load.begin()
        began = time.monotonic()
        await do()
        return began

    def _recovered(
        self, what: str, began: float, within: float, tallies: Collection[Tally] | None = None
    ) -> Step:
        """Whether the last request failed soon after the break."""
        chosen = self._load.tallies if tallies is None else tallies
        failed = sum(tally.faults.total() for tally in chosen)
        last = max((tally.last_fault for tally in chosen), default=0.0) - began
        answered = sum((tally.answered.total() for tally in chosen), 0)
        fault = "" if answered and (not failed or last <= within) else f"still failing after {last:.1f} s"
        seen = f"{failed} of {failed + answered} requests failed"
        seen += f", the last after {last:.1f} s" if failed else ""
        return Step(what, seen, None, fault)

    def _lost(self) -> str:
        """Which requests failed, or were not even answered."""
        lost = [f"{tally.name}: {dict(tally.faults)}" for tally in self._load.tallies if tally.faults]
        silent = [f"{tally.name}: nobody answered" for tally in self._load.tallies if not tally.requests]
        return "; ".join([*lost, *silent])

    async def _watch(self, seconds: float) -> None:
        """Shows how the requests go, for so long."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._stage.table(self._load.tallies)
            await asyncio.sleep(_TABLE_EVERY)
        self._stage.table(self._load.tallies)
        self._stage.table_over()


def patience(within: float, usual: float) -> float:
    """Seconds to allow for what should take `within` seconds, where a call usually takes `usual` ms."""
    return max(within, _CALLS * usual / 1000)


_NEAR = "internet → gateway of gcp"
_FAR = "internet → gateway of azure → mTLS → zone ingress of gcp"
_THROUGH = "internet → gateway of azure → mTLS → zone ingress of gcp → HTTPS inside → gateway of gcp"


def _is_denied(answer: Answer) -> bool:
    return answer.status == _FORBIDDEN


def _is_well(answer: Answer) -> bool:
    return not answer.fault


async def _in_the_end(call: Callable[[], Awaitable[Answer]], is_well: Callable[[Answer], bool]) -> Answer:
    """The first answer that is as wished, or the last one in time."""
    until = time.monotonic() + REACHED_WITHIN
    while True:
        answer = await call()
        if is_well(answer) or time.monotonic() > until:
            return answer
        await asyncio.sleep(_PAUSE)

"""The Workload of an agent that runs by hand: made, or brought up to date, when it starts."""

import random

import structlog

from sekisho.aio.backoff import Backoff
from sekisho.aio.clock import Clock
from sekisho.app.host.caller import Caller
from sekisho.app.host.own_workload import OwnWorkload
from sekisho.client import Client, ClientError, Forbidden, NotFound

log = structlog.get_logger(__name__)

MANAGER = "sekisho-agent"
"""Field manager of Workloads made by an agent."""


class Registration:
    """Sees to it that the Workload says where this instance is.

    An agent may say where its workload is, not who it is: labels and account are an administrator's, and so
    is the making of a Workload. With an administrator's token, it is made here, and removed at the end.
    """

    def __init__(self, own: OwnWorkload, caller: Caller, clock: Clock) -> None:
        self._own = own
        self._caller = caller
        self._clock = clock
        self._made = False

    async def run(self) -> None:
        """Registers, as often as it takes; a join token cannot, the certificate that comes of it can."""
        backoff = Backoff(random.random, first=0.1, limit=5.0)
        told = ""
        while True:
            try:
                return await self._register()
            except ClientError as error:
                if (reason := str(error)) != told:
                    log.info("workload is not registered yet", workload=str(self._own), reason=reason)
                told = reason
            await self._clock.sleep(backoff.next())

    async def _register(self) -> None:
        own, client = self._own, self._caller.client()
        try:
            live = await client.get("Workload", own.name, own.namespace)
        except NotFound:
            await self._make(self._caller.first)
        else:
            if own.address and live["spec"]["address"] != own.address:
                patch = {"spec": {"address": own.address}}
                await client.patch("Workload", own.name, own.namespace, patch=patch)
                log.info("workload has a new address", workload=str(own), address=own.address)

    async def _make(self, client: Client) -> None:
        if not self._own.address:
            log.error("there is no such Workload; with --address it can be made", workload=str(self._own))
            raise ClientError("there is no such Workload")
        try:
            await client.apply(self._own.manifest(), manager=MANAGER)
        except Forbidden as cause:
            raise ClientError(f"there is none, and to make it takes an administrator: {cause}") from cause
        self._made = True
        log.info("workload registered", workload=str(self._own), address=self._own.address)

    async def end(self) -> None:
        """Removes the Workload if it was made here; to be called when nobody is served any more."""
        if not self._made:
            return
        try:
            await self._caller.first.delete("Workload", self._own.name, self._own.namespace)
        except ClientError as error:
            log.warning("the workload was not removed", workload=str(self._own), reason=str(error))

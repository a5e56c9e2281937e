"""The agent's word on its workloads, written into their status over the API."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sekisho.agent.readiness import Readiness
from sekisho.agent.workload import PREFIX
from sekisho.client import Client, ClientError, Conflict, NotFound
from sekisho.identity.rotation import Unavailable
from sekisho.kit.clocks import rfc3339

READY = "Ready"
"""Type of the condition that the agent owns."""
ATTEMPTS = 5
"""Of a write, while others write to the same status."""

Now = Callable[[], datetime]


class ApiReporter:
    """Implements `agent.readiness.Reporter`."""

    def __init__(self, client: Callable[[], Client], now: Now = lambda: datetime.now(UTC)) -> None:
        """`client` gives the client of now: credentials change."""
        self._client = client
        self._now = now

    async def report(self, proxy: str, readiness: Readiness) -> None:
        """See `Reporter.report`. A Workload that is gone has no status to write."""
        namespace, _, name = proxy.removeprefix(PREFIX).partition("/")
        try:
            await self._write(namespace, name, readiness)
        except NotFound:
            return
        except ClientError as cause:
            raise Unavailable(str(cause)) from cause

    async def _write(self, namespace: str, name: str, readiness: Readiness) -> None:
        for left in reversed(range(ATTEMPTS)):
            live = await self._client().get("Workload", name, namespace)
            patch = self._patch(live, readiness)
            if patch is None:
                return
            try:
                await self._client().patch("Workload", name, namespace, patch=patch, subresource="status")
            except Conflict:  # somebody else wrote meanwhile, perhaps another condition: read it again
                if not left:
                    raise
            else:
                return

    def _patch(self, live: Mapping[str, Any], readiness: Readiness) -> Mapping[str, Any] | None:
        conditions: Sequence[Mapping[str, Any]] = (live.get("status") or {}).get("conditions") or ()
        before = next((one for one in conditions if one.get("type") == READY), None)
        status = "True" if readiness.ready else "False"
        wanted = {
            "type": READY,
            "status": status,
            "reason": readiness.reason,
            "message": readiness.message,
            "observedGeneration": live["metadata"].get("generation", 0),
        }
        if before is not None and wanted.items() <= before.items():
            return None
        since = before.get("lastTransitionTime") if before and before.get("status") == status else None
        wanted["lastTransitionTime"] = since or rfc3339(self._now())
        others = [one for one in conditions if one.get("type") != READY]
        return {
            "metadata": {"resourceVersion": live["metadata"]["resourceVersion"]},
            "status": {"conditions": [*others, wanted]},
        }

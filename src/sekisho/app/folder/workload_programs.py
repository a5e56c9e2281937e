"""The programs of a folder that are Workloads: what `sekisho up` has to know to start them."""

import asyncio
from collections.abc import Mapping
from typing import Any, NamedTuple

from sekisho.app.folder.service_variables import variables
from sekisho.client import Client, NotFound

_LOOK_EVERY = 0.1
"""Seconds."""


class Found(NamedTuple):
    """A Workload of the folder with a sidecar."""

    sidecar: tuple[tuple[str, int], ...]
    """Where its sidecar takes connections once it serves."""
    variables: Mapping[str, str]
    """For its program: where the services are that it may call."""


async def find(client: Client, workload: str) -> Found | None:
    """What belongs to `<namespace>/<name>`; None when there is no such Workload, or no sidecar beside it.

    Raises ClientError.
    """
    namespace, _, name = workload.partition("/")
    try:
        spec: Mapping[str, Any] = (await client.get("workloads.sekisho.dev", name, namespace))["spec"]
    except NotFound:
        return None
    if spec.get("sidecar") is None:
        return None
    sidecar = {"outboundAddresses": OUTBOUND_ADDRESSES, **spec["sidecar"]}
    places = tuple((spec["address"], port["port"]) for port in spec.get("ports") or ())
    return Found(places, await variables(client, namespace, sidecar))


async def becomes_ready(client: Client, workload: str, within: float) -> bool:
    """Whether others are told to call it within so many seconds."""
    try:
        async with asyncio.timeout(within):
            while True:
                if await _is_ready(client, workload):
                    return True
                await asyncio.sleep(_LOOK_EVERY)
    except (TimeoutError, NotFound):
        return False


async def _is_ready(client: Client, workload: str) -> bool:
    namespace, _, name = workload.partition("/")
    status = (await client.get("workloads.sekisho.dev", name, namespace)).get("status") or {}
    conditions = status.get("conditions") or ()
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


OUTBOUND_ADDRESSES = "127.2.0.0/16"
"""Default of `spec.sidecar.outboundAddresses`, which the API leaves out."""

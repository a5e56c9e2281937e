"""Where the Gateways can be reached."""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

from sekisho.client import Client, Key, present_then_changes

LOCAL = ("127.0.0.1", "::1", "0.0.0.0", "::")  # noqa: S104 - compared with, not bound to


async def programmed(client: Client, within: float) -> Mapping[Key, tuple[str, ...]]:
    """The URLs of every Gateway, once all are programmed or after `within` seconds; none where not."""
    found: Mapping[Key, tuple[str, ...]] = {}
    states = present_then_changes(client, "gateways", urls)
    try:
        async with asyncio.timeout(within), aclosing(states):
            async for found in states:
                if all(found.values()):
                    break
    except TimeoutError:
        return found
    return found


def urls(gateway: Mapping[str, Any]) -> tuple[str, ...]:
    """`http://localhost:8080` for each address and listener of a Gateway; none until it is programmed."""
    status = gateway.get("status") or {}
    states = {condition["type"]: condition["status"] for condition in status.get("conditions") or ()}
    if states.get("Programmed") != "True":
        return ()
    hosts = [address["value"] for address in status.get("addresses") or ()] or [LOCAL[0]]
    return tuple(
        f"{listener['protocol'].lower()}://{_host(host)}:{listener['port']}"
        for host in hosts
        for listener in gateway["spec"]["listeners"]
    )


def _host(address: str) -> str:
    if address in LOCAL:
        return "localhost"
    return f"[{address}]" if ":" in address else address

"""Where the Gateways can be reached."""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing, suppress
from typing import Any, NamedTuple

from sekisho.client import Client, Key, present_then_changes

LOCAL = ("127.0.0.1", "::1", "0.0.0.0", "::")  # noqa: S104 - compared with, not bound to


class Reached(NamedTuple):
    """A Gateway, for who waits for it."""

    urls: tuple[str, ...]
    is_decided: bool
    """It is served, or it is known why not: waiting longer changes nothing."""


async def programmed(client: Client, within: float) -> Mapping[Key, tuple[str, ...]]:
    """The URLs of every Gateway, none where it is not served: once that is decided of all, or after `within`
    seconds."""
    found: Mapping[Key, Reached] = {}
    states = present_then_changes(client, "gateways", reached)
    with suppress(TimeoutError):
        async with asyncio.timeout(within), aclosing(states):
            async for found in states:
                if all(one.is_decided for one in found.values()):
                    break
    return {key: one.urls for key, one in found.items()}


def reached(gateway: Mapping[str, Any]) -> Reached:
    """Of a Gateway as the API has it."""
    condition = _programmed(gateway.get("status") or {})
    is_decided = condition.get("status") == "True" or condition.get("reason", "Pending") != "Pending"
    return Reached(urls(gateway), is_decided)


def urls(gateway: Mapping[str, Any]) -> tuple[str, ...]:
    """`http://localhost:8080` for each address and port that is served; none until it is programmed."""
    status = gateway.get("status") or {}
    if _programmed(status).get("status") != "True":
        return ()
    served = {
        one["name"] for one in status.get("listeners") or () if _programmed(one).get("status") == "True"
    }
    hosts = [address["value"] for address in status.get("addresses") or ()] or [LOCAL[0]]
    found = (
        f"{listener['protocol'].lower()}://{_host(host)}:{listener['port']}"
        for host in hosts
        for listener in gateway["spec"].get("listeners") or ()
        if listener["name"] in served
    )
    return tuple(dict.fromkeys(found))


def _programmed(status: Mapping[str, Any]) -> Mapping[str, str]:
    return next((one for one in status.get("conditions") or () if one["type"] == "Programmed"), {})


def _host(address: str) -> str:
    if address in LOCAL:
        return "localhost"
    return f"[{address}]" if ":" in address else address

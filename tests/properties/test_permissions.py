"""Law: whom the simulator lets in, a real Envoy lets in, and nobody else.

Many ports with permissions of their own, as translation makes them of TrafficPermission; callers of several
identities, addresses and server names, over mutual TLS by HTTP/1.1 and HTTP/2, in plain text, and with bytes
nobody reads; requests in all spellings by which rules have been got round.
`SEKISHO_PERMISSIONS_PORTS` (40), `_CALLS` (100, of each port) and `_SEED` (1) make the corpus.
"""

import asyncio
import os
from pathlib import Path
from random import Random

import pytest

from sekisho.ir.incoming import reads_requests, receive
from sekisho.ir.transport import ALPN_HTTP2

from .permission_corpus import asked
from .permission_rig import Port, Rig, Said, arrival, running_rig, said

pytestmark = [pytest.mark.live, pytest.mark.timeout(3600)]

PORTS, CALLS, SEED = (
    int(os.environ.get(f"SEKISHO_PERMISSIONS_{name}", default))
    for name, default in (("PORTS", "40"), ("CALLS", "100"), ("SEED", "1"))
)
DOORS = 5
AT_ONCE = 40
"""Ports called at one time: with hundreds, callers would wait for processors and not for Envoy."""


async def test_the_verdict_of_the_simulator_is_that_of_envoy(tmp_path: Path) -> None:
    random = Random(SEED)
    differing: list[object] = []
    verdicts: dict[str, int] = {}
    turns = asyncio.Semaphore(AT_ONCE)

    async def compare(served: Port, own: Random) -> None:
        async with turns:
            await _compare(rig, served, own, differing, verdicts)

    # Side by side: Envoy takes a second to hang up on a malformed request by HTTP/2.
    async with running_rig(tmp_path, PORTS, random) as rig, asyncio.TaskGroup() as group:
        for number, served in enumerate(rig.ports):
            group.create_task(compare(served, Random(f"{SEED} {number}")))
    assert not differing, (len(differing), *differing[:5])
    assert min(verdicts.get(kind, 0) for kind in ("delivered", "answered", "refused")) > PORTS, verdicts


async def _compare(
    rig: Rig, served: Port, random: Random, differing: list[object], verdicts: dict[str, int]
) -> None:
    for door in served.doors(random, DOORS):
        caller = rig.caller(served, door)
        for _ in range(CALLS // DOORS):
            request = asked(random)
            arriving = arrival(served, door, request)
            expected = said(receive(served.inbound, arriving))
            if door.alpn == ALPN_HTTP2 and expected.status == 400 and random.random() < 0.8:
                continue  # each ends its connection
            seen = await caller.ask(request, reads=reads_requests(served.inbound, arriving))
            verdicts[seen.kind] = verdicts.get(seen.kind, 0) + 1
            if not _agree(seen, expected):
                differing.append((seen, expected, door, request, served.inbound.permissions))
        caller.close()


def _agree(seen: Said, expected: Said) -> bool:
    """By HTTP/2, a request that is malformed is not answered: its stream or connection is ended."""
    if expected == Said("answered", 400) and seen == Said("refused"):
        return True
    return seen == expected

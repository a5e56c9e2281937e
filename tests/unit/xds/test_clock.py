"""Limits of time do not run while the loop is too busy to listen."""

import asyncio
import time

from tests.kit.wait import eventually

from sekisho.xds.clock import PatientClock
from sekisho.xds.limits import Limits
from sekisho.xds.server import AdsServer
from sekisho.xds.view import View


class Loop(asyncio.AbstractEventLoop):
    """Time by hand."""

    now = 100.0

    def time(self) -> float:
        return self.now


def test_the_time_by_which_a_round_was_late_does_not_count() -> None:
    loop = Loop()
    clock = PatientClock(loop)
    clock.expect(1)
    loop.now = 101.01
    clock.arrived()
    assert clock.time() == 101.01
    clock.expect(1)
    loop.now = 108.01
    clock.arrived()
    assert abs(clock.time() - 102.01) < 0.001


async def test_a_handshake_that_we_were_too_busy_to_read_is_not_cut() -> None:
    server = AdsServer(lambda _peer, _node: [View("v")], limits=Limits(first_request=1.0))
    listening = await asyncio.get_running_loop().create_server(
        lambda: server._connection(None), "127.0.0.1", 0
    )
    reader, writer = await asyncio.open_connection(*listening.sockets[0].getsockname())
    try:

        async def accepted() -> bool:
            return server.connections == 1

        await eventually(accepted, what="accepted")
        time.sleep(1.5)  # noqa: ASYNC251 - that is the point: the loop is busy with others
        for _ in range(5):
            await asyncio.sleep(0.05)
        assert server.connections == 1
        assert not reader.at_eof()
    finally:
        writer.close()
        listening.close()
        await server.drain(1)

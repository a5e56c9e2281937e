"""The process itself: its admin interface, its stream to the control plane, and its backends over HTTP/2."""

import stat

import pytest
from tests.kit.gateway import Gateway, backend, forward, route
from tests.kit.live_gateway import gateway as gateway  # noqa: PLC0414 - a fixture
from tests.kit.system import promised
from tests.kit.wait import eventually

from sekisho import ir

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module")]


async def test_the_admin_interface_is_for_its_own_user_only(gateway: Gateway) -> None:
    assert stat.S_IMODE(gateway.envoy.admin_socket.stat().st_mode) == 0o600


@pytest.mark.parametrize("path", ["/ready", "/config_dump?include_eds", "/clusters", "/stats/prometheus"])
async def test_the_admin_interface_answers_questions(gateway: Gateway, path: str) -> None:
    assert (await gateway.envoy.admin(path)).status == 200


@pytest.mark.parametrize(
    "path", ["/quitquitquit", "/runtime_modify?a=b", "/logging?level=trace", "/reset_counters", "/heap_dump"]
)
async def test_the_admin_interface_changes_nothing(gateway: Gateway, path: str) -> None:
    assert (await gateway.envoy.admin(path, "POST")).status == 403
    assert await gateway.envoy.ready()


async def test_figures_stay_few(gateway: Gateway) -> None:
    """With two clusters and one listener; the part of each cluster decides how it grows."""
    await gateway.serve(route(forward()), host="count.test")
    await gateway.get("/", host="count.test")
    lines = (await gateway.envoy.admin("/stats?format=text")).body.decode().splitlines()
    assert any(line.startswith("cluster.one.upstream_rq_total: ") for line in lines)
    assert len([line for line in lines if line.startswith("cluster.one.")]) <= 18
    assert len(lines) < 300


async def test_a_backend_with_http2_prior_knowledge(gateway: Gateway) -> None:
    """The gateway's own port speaks both protocols, so it stands in for such a backend."""
    await gateway.serve(route(forward("one")), host="inside.test")
    gateway.ads.put(*backend("h2c", gateway.port, ir.Protocol.H2C))
    action = forward("h2c", host_rewrite=ir.HostRewrite("inside.test"))
    await gateway.serve(route(action), host="h2c.test")
    await gateway.ads.settled()

    async def answers() -> bool:
        return (await gateway.get("/", host="h2c.test")).status == 200

    await eventually(answers, what="the backend answers")


async def test_http2_is_spoken_to_such_a_backend_from_the_first_byte(gateway: Gateway) -> None:
    gateway.ads.put(*backend("preface", gateway.echoes["one"].port, ir.Protocol.H2C))
    await gateway.serve(route(forward("preface")), host="preface.test")
    assert (await gateway.get("/", host="preface.test", within=20)).status in {502, 503, 504}
    received = gateway.echoes["one"].received
    assert any((each["method"], each["path"], each["proto"]) == ("PRI", "*", "HTTP/2.0") for each in received)


async def test_a_lost_stream_is_taken_up_again_at_once_and_routes_stay_meanwhile(gateway: Gateway) -> None:
    await gateway.serve(route(ir.Respond(status=201)), host="back.test")
    streams = gateway.ads.streams
    gateway.ads.drop_streams()

    async def returned() -> bool:
        assert (await gateway.get("/", host="back.test")).status == 201
        return gateway.ads.streams > streams

    await eventually(returned, what="a new stream", within=promised(2))
    await gateway.ads.settled()
    assert (await gateway.get("/", host="back.test")).status == 201

"""What `client` does in a pod of the conformance harness."""

import asyncio
from typing import Any

import pytest
from conformance.cluster import calling, grpc, http1
from conformance.cluster.calling import Failed
from conformance.cluster.echo import Pod
from conformance.cluster.programs import Serve, listen


async def called(serve: Serve, line: str) -> str:
    """What is printed, with `:0` in the line meaning the pod's port."""
    async with await listen(Pod(name="echo-v1-0-0", namespace="shop"), ("127.0.0.1", 0), serve) as server:
        port: Any = server.sockets[0].getsockname()[1]
        order = calling.parse(line.replace(":0", f":{port}").split())
        return await asyncio.to_thread(calling.run, order, "shop")


async def test_an_answer_is_told_line_by_line() -> None:
    line = "http://127.0.0.1:0/a?b=c --method=PUT -H Tea:oolong -H Host:echo -H X-Echo-Set-Header:Cup:red"
    told = (await called(http1.serve, line)).splitlines()
    for expected in (
        "StatusCode=200", "Hostname=echo-v1-0-0", "Host=echo", "URL=/a?b=c", "Method=PUT",
        "RequestHeader=Tea:oolong", "ResponseHeader=Cup:red",
    ):  # fmt: skip
        assert expected in told


async def test_who_answers_something_else_than_the_pod_is_quoted_without_a_pod() -> None:
    told = await called(http1.serve, "http://127.0.0.1:0/status/503")
    assert told.startswith("StatusCode=503\n")
    assert "Hostname" not in told


@pytest.mark.parametrize(("serve", "scheme"), [(http1.serve, "http"), (grpc.serve, "grpc")])
async def test_many_answers_are_apart_by_an_empty_line(serve: Serve, scheme: str) -> None:
    sections = (await called(serve, f"{scheme}://127.0.0.1:0 --count=3")).split("\n\n")
    assert len(sections) == 3
    assert all("StatusCode=200" in one and "Hostname=echo-v1-0-0" in one for one in sections)


async def test_no_answer_is_a_failure() -> None:
    with pytest.raises(Failed, match="ConnectionRefusedError"):
        await asyncio.to_thread(calling.run, calling.parse(["http://127.0.0.1:1"]), "shop")


async def hung_up(pod: Pod, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)


async def test_a_call_that_is_hung_up_on_is_a_failure() -> None:
    with pytest.raises(Failed):
        await called(hung_up, "grpc://127.0.0.1:0")

"""A full disk under the store: writes are refused as such, all else goes on, and space is all it needs.

The disk of a running process is made full by its limit of file sizes (setrlimit(2), RLIMIT_FSIZE), which
needs no rights. tests/live/test_store_crash.py fills a real file system below the same store.
"""

import resource
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.kit.echo import serving_echo
from tests.kit.live_system import system
from tests.kit.load import Load, under_load
from tests.kit.objects import endpoint_slice, http_listener, manifest, route, service
from tests.kit.ports import free_port
from tests.kit.system import Manifest, System, gateway

from sekisho.client import Selection
from sekisho.client.errors import StorageFull

__all__ = ["system"]

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module")]

HOST = "shop.test"


@contextmanager
def full_disk(pid: int, size: int) -> Iterator[None]:
    """No file of this process grows beyond `size` bytes while the block runs."""
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))


async def fill(system: System, taken: list[str]) -> StorageFull:
    """Writes until it is refused; `taken` gets the names of what was acknowledged."""
    try:
        for number in range(100):
            await system.client.create(large(f"c{number}"))
            taken.append(f"c{number}")
    except StorageFull as refused:
        return refused
    raise AssertionError("the disk took everything")


def large(name: str) -> Manifest:
    return manifest("ConfigMap", name, data={"text": "x" * 20_000})


async def test_writes_get_507_while_reads_and_proxies_go_on_and_space_is_all_it_needs(system: System) -> None:
    port = free_port()
    async with serving_echo("one") as echo:
        await system.apply(
            gateway(http_listener(port=port)), service("cart"),
            endpoint_slice("cart", "127.0.0.1", port=echo.port), route("cart", HOST),
        )  # fmt: skip
        await system.answers(port, HOST)
        await system.in_sync()
        control_plane = system.process("control plane")
        taken = []
        async with under_load(port, HOST) as load:
            with full_disk(control_plane.pid, 600_000):
                refused = await fill(system, taken)
                assert (refused.status.code, refused.status.reason) == (507, "InsufficientStorage")
                assert "full" in refused.status.message
                for number in range(3):
                    with pytest.raises(StorageFull):
                        await system.client.create(large(f"refused{number}"))
                await reads_go_on(system, taken)
                before = load.answered
                await system.until(lambda: more(load, before), "requests are answered meanwhile")
            await system.client.create(large("after"))
            await system.apply(route("late", "late.test"))
            await system.answers(port, "late.test")
        assert load.failures == []
    assert system.process("control plane").pid == control_plane.pid
    await reads_go_on(system, [*taken, "after"])

    async def accepted() -> bool:
        return (await system.condition("HTTPRoute", "late", "Accepted")).get("status") == "True"

    await system.until(accepted, "statuses are written again")

    await system.kill("control plane")
    await system.start_control_plane()
    await system.in_sync()
    await reads_go_on(system, [*taken, "after"])


async def reads_go_on(system: System, expected: list[str]) -> None:
    listing = await system.client.list("configmaps", Selection(namespace="shop"))
    assert sorted(item["metadata"]["name"] for item in listing.items) == sorted(expected)
    assert (await system.review())["proxies"]


async def more(load: Load, before: int) -> bool:
    return load.answered > before + 20

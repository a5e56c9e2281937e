"""When what proxies were given is on the disks of their hosts, for while no control plane is there."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from sekisho.agent.journal import load
from sekisho.agent.options import directory_name
from sekisho.client.reviews import ConfigDump, ConfigDumpSpec, ask
from sekisho.control.config_dump import SHORT_NAMES
from tests.kit.system import System, promised
from tests.kit.wait import eventually

But = Callable[[str], bool]
_LONGEST = 5
"""Seconds; an agent writes within one."""


async def remembered(*systems: System, but: But = lambda _: False) -> None:
    """Returns once their agents have written as last known good what every proxy is to have now.

    Or after some seconds: which ways were fetched on demand is the proxies' affair, and what is missing then
    the test will see. `but` says of a resource, by its name, that no proxy has fetched it.
    """

    async def written() -> bool:
        proxies = [(system, proxy) for system in systems for proxy in (await system.review())["proxies"]]
        return all([await _is_written(system, proxy, but) for system, proxy in proxies])

    with suppress(TimeoutError):
        await eventually(written, what="the last known good is on the disk", within=promised(_LONGEST))


async def _is_written(system: System, proxy: dict[str, Any], but: But) -> bool:
    owner = ConfigDumpSpec(gateway=proxy["gateway"], workload=proxy["workload"])
    wanted = (await ask(system.client, "ConfigDump", owner, ConfigDump)).resources
    written = _written(system.folder, proxy["name"].rpartition("/")[0])
    return all((one.type, one.name, one.version) in written for one in wanted if not but(one.name))


def _written(folder: Path, proxy: str) -> set[tuple[str, str, str]]:
    """Type, name and version of what is kept for the proxy itself and for the agent beside it."""
    return {
        (SHORT_NAMES[name.type_url.rpartition(".")[2]], name.name, blob.version)
        for file in folder.rglob(f"{directory_name(proxy)}/*last-known-good")
        for name, blob in load(file).items()
    }

"""SPIRE itself: a server and an agent on loopback in a folder of their own, to be stopped and started."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.kit.evidence import process_folder
from tests.kit.ports import free_port
from tests.kit.system import PATIENCE, ROOT
from tests.kit.wait import eventually

TRUST_DOMAIN = "spire.test"
HOST = f"spiffe://{TRUST_DOMAIN}/host"
"""What the agent is called in entries."""
PLACES = (os.environ.get("SEKISHO_SPIRE", ""), str(ROOT / ".tools" / "bin"))
"""Folders of the programs, before the PATH."""


def _program(name: str) -> str | None:
    return shutil.which(name, path=os.pathsep.join([*filter(None, PLACES), os.environ.get("PATH", "")]))


def missing() -> str:
    """Why SPIRE cannot be run; empty when it can."""
    lacking = [name for name in ("spire-server", "spire-agent") if not _program(name)]
    where = "`make spire` builds them, or SEKISHO_SPIRE names their folder"
    return f"needs {' and '.join(lacking)}: {where}" if lacking else ""


needs_spire = pytest.mark.skipif(bool(missing()), reason=missing() or "-")
"""On tests that use `running_spire`."""

_SERVER = """
server {{
  bind_address = "127.0.0.1"
  bind_port = "{port}"
  socket_path = "{folder}/server.sock"
  trust_domain = "{domain}"
  data_dir = "{folder}/server"
  log_level = "INFO"
  ca_ttl = "{ca_ttl}"
  default_x509_svid_ttl = "1h"
}}
plugins {{
  DataStore "sql" {{
    plugin_data {{ database_type = "sqlite3" connection_string = "{folder}/server/store.sqlite3" }}
  }}
  NodeAttestor "join_token" {{ plugin_data {{}} }}
  KeyManager "disk" {{ plugin_data {{ keys_path = "{folder}/server/keys.json" }} }}
}}
"""
_AGENT = """
agent {{
  server_address = "127.0.0.1"
  server_port = "{port}"
  socket_path = "{folder}/agent.sock"
  trust_domain = "{domain}"
  trust_bundle_path = "{folder}/bundle.pem"
  data_dir = "{folder}/agent"
  log_level = "INFO"
}}
plugins {{
  NodeAttestor "join_token" {{ plugin_data {{}} }}
  KeyManager "disk" {{ plugin_data {{ directory = "{folder}/agent" }} }}
  WorkloadAttestor "unix" {{ plugin_data {{}} }}
}}
"""


class Spire:
    """Made by `running_spire`."""

    def __init__(self, folder: Path, ca_ttl: str) -> None:
        """`ca_ttl`: how long a root of its own is good for, such as `24h`."""
        self.folder = folder
        self.socket = folder / "agent.sock"
        """The agent's Workload API."""
        self._running: dict[str, asyncio.subprocess.Process] = {}
        values = {"folder": folder, "port": free_port(), "domain": TRUST_DOMAIN, "ca_ttl": ca_ttl}
        for name, text in (("server", _SERVER), ("agent", _AGENT)):
            (folder / name).mkdir()
            (folder / f"{name}.conf").write_text(text.format(**values))

    async def start(self, name: str, *more: str) -> None:
        """`server` or `agent`; returns once it is healthy."""
        command = (_found(f"spire-{name}"), "run", "-config", str(self.folder / f"{name}.conf"), *more)
        with (self.folder / f"{name}.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log)
        self._running[name] = process

        async def is_healthy() -> bool:
            assert process.returncode is None, (self.folder / f"{name}.log").read_text()[-2000:]
            return (await self._run(name, "healthcheck"))[0] == 0

        await eventually(is_healthy, what=f"the {name} of SPIRE is healthy", within=PATIENCE)

    async def stop(self, name: str) -> None:
        """SIGTERM; returns when it is gone."""
        process = self._running.pop(name)
        process.terminate()
        async with asyncio.timeout(PATIENCE):
            await process.wait()

    async def end(self) -> None:
        """Ends what still runs."""
        for name in sorted(self._running):
            await self.stop(name)

    async def join(self) -> None:
        """Starts the agent for the first time, by a join token."""
        (self.folder / "bundle.pem").write_text(await self.bundle())
        said = await self.server("token generate", "-spiffeID", HOST)
        await self.start("agent", "-joinToken", said.removeprefix("Token:").strip())

    async def register(self, path: str, ttl: int) -> None:
        """An entry for all processes of this user on the agent's host; `ttl`: seconds of a certificate."""
        await self.server(
            "entry create", "-parentID", HOST, "-spiffeID", f"spiffe://{TRUST_DOMAIN}{path}",
            "-selector", f"unix:uid:{os.getuid()}", "-x509SVIDTTL", str(ttl),
        )  # fmt: skip

    async def bundle(self) -> str:
        """The roots of now, PEM."""
        return await self.server("bundle show", "-format", "pem")

    async def server(self, command: str, *flags: str) -> str:
        """What a command of the server's program says."""
        code, said = await self._run("server", command, *flags)
        assert code == 0, said
        return said

    async def _run(self, name: str, command: str, *flags: str) -> tuple[int, str]:
        socket = str(self.folder / f"{name}.sock")
        process = await asyncio.create_subprocess_exec(
            _found(f"spire-{name}"), *command.split(), "-socketPath", socket, *flags,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        said, _ = await process.communicate()
        assert process.returncode is not None
        return process.returncode, said.decode()


def _found(name: str) -> str:
    program = _program(name)
    assert program, missing()
    return program


@asynccontextmanager
async def running_spire(ca_ttl: str = "24h") -> AsyncIterator[Spire]:
    """A server and an agent that has joined it."""
    with process_folder("sk-spire-") as folder:
        spire = Spire(folder, ca_ttl)
        try:
            await spire.start("server")
            await spire.join()
            yield spire
        finally:
            await spire.end()

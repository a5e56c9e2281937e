"""`sekisho demo` put together: the clouds are started, the story is told, everything is ended."""

import asyncio
import base64
import json
import shutil
import sys
from contextlib import AsyncExitStack
from pathlib import Path

from sekisho.aio.tasks import run_until
from sekisho.app.acme.calls import Gateway
from sekisho.app.acme.clouds import ZONES, Clouds
from sekisho.app.acme.laptop import Laptop
from sekisho.app.acme.story import Story
from sekisho.app.acme.told import Stage
from sekisho.app.folder import urls
from sekisho.app.lock import exclusive
from sekisho.app.settings import Demo
from sekisho.app.stopping import stop_requested
from sekisho.client import Key
from sekisho.identity.files import private_directory

MANAGER = "sekisho-demo"
GATEWAYS_WITHIN = 20.0
"""Seconds the gateways get to be programmed."""


def acme() -> Path:
    """The folder of the example, of this checkout or of the installed package, as one types it from here."""
    checkout = Path(__file__).parents[4] / "examples" / "acme"
    folder = checkout if checkout.is_dir() else Path(sys.prefix) / "share" / "sekisho" / "acme"
    here = Path.cwd()
    return folder.relative_to(here) if folder.is_relative_to(here) else folder


async def demo(settings: Demo, stage: Stage) -> bool | None:
    """Returns whether every step behaved; None when Ctrl-C or SIGTERM ended it before the last one.

    Raises lock.Busy when another demo runs in this state folder, ports.PortBusy, processes.Ended.
    """
    private_directory(settings.state)
    with exclusive(settings.state / "demo.lock"), stop_requested() as stop:
        told = _Told(settings, stage, stop)
        try:
            await run_until(stop, {"demo": told.run()})
        finally:
            await told.clouds.end()
        return told.went_well


class _Told:
    """One run of the demo."""

    def __init__(self, settings: Demo, stage: Stage, stop: asyncio.Event) -> None:
        self.went_well: bool | None = None
        self._settings, self._stage, self._stop = settings, stage, stop
        clouds = settings.state / "clouds"
        shutil.rmtree(clouds, ignore_errors=True)
        self.clouds = Clouds(acme(), clouds, stage, stop)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group, AsyncExitStack() as stack:
            self._stage.chapter("Starting a global control plane and two zones")
            await self.clouds.start(group)
            authority = await self._introduce()
            azure, gcp = [await self._gateway(stack, zone) for zone in ZONES]
            laptop = Laptop(self.clouds.client("azure"), acme() / "programs", authority)
            story = Story(self.clouds, self._stage, azure, gcp, laptop)
            await story.tell()
            self.went_well = story.went_well
            if self._settings.keep:
                await self.clouds["gcp"].resume()  # which lost its power at the end
                self.clouds.go_on()
                self._stage.chapter("Yours to play with, in another terminal")
                for command in suggestions(self.clouds.state, azure.host, azure.address):
                    self._stage.note(command)
            else:
                self._stop.set()

    async def _introduce(self) -> Path:
        """Brings the public certificate of gcp's gateway to azure, as operators would; returns its file."""
        text = _certificate(self.clouds["gcp"].state)
        config = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "gcp-authority", "namespace": "edge"},
            "data": {"ca.crt": text},
        }
        await self.clouds.client("azure").apply(config, manager=MANAGER)
        return _written(self.clouds.state / "gcp.pem", text)

    async def _gateway(self, stack: AsyncExitStack, zone: str) -> Gateway:
        """A client of the zone's API gateway, once that serves."""
        found = await urls.programmed(self.clouds.client(zone), GATEWAYS_WITHIN)
        base = next(iter(found[Key("edge", "api")]), "https://127.0.0.1:1")
        authority = _written(self.clouds.state / f"{zone}.pem", _certificate(self.clouds[zone].state))
        return await stack.enter_async_context(Gateway(f"api.{zone}.acme.corp", base, authority))


def suggestions(clouds: Path, host: str, address: str) -> tuple[str, ...]:
    """What to try while the clouds go on; `host` at `address` is azure's API gateway."""
    everywhere = f"--kubeconfig {clouds / 'global' / 'kubeconfig'}"
    azure = f"--kubeconfig {clouds / 'azure' / 'kubeconfig'}"
    return (
        f"curl -k --connect-to ::{address} https://{host}/catalog",
        f"sekisho status {everywhere}",
        f"sekisho doctor --from azure/shop/laptop tcp://catalog.gcp.acme.corp:8443 {everywhere}",
        f"sekisho explain https://{host}:{address.rpartition(':')[2]}/anywhere {azure}",
        f"sekisho zone disable gcp {everywhere}",
        f"sekisho zone enable gcp {everywhere}",
    )


def _certificate(state: Path) -> str:
    """The public certificate of the API gateway of the zone in this state folder, PEM."""
    secret = json.loads((state / "certificates" / "edge.wildcard.json").read_text())
    return base64.b64decode(secret["data"]["tls.crt"]).decode()


def _written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path

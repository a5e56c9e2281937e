"""A site on a real Envoy. Ports are as written; only the sockets are elsewhere, for nobody can promise 80."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sekisho import envoy
from sekisho.engine import Changes
from sekisho.envoy.outputs import changed_resources
from sekisho.protos import message
from tests.kit.ads import Ads, serving_ads
from tests.kit.envoy import Envoy, running_envoy
from tests.kit.gateway import bootstrap
from tests.kit.http import fetch
from tests.kit.ports import free_port
from tests.kit.wait import eventually

_LISTENER = "envoy.config.listener.v3.Listener"


@dataclass
class SiteEnvoy:
    """One Envoy that serves all Gateways of a site."""

    ads: Ads = field(default_factory=Ads)
    sockets: dict[int, int] = field(default_factory=dict)
    """Where the listener of a port really is."""

    async def publish(self, changes: Changes) -> None:
        """Returns when Envoy has acknowledged it, at once when there is none yet; fails when it refused."""
        changed = list(changed_resources(changes.outputs))
        by_url = self.ads.resources
        present = [one for _, _, _, one in changed if one is not None]
        self.ads.put(*(self._moved(one) if one.type_url.endswith(_LISTENER) else one for one in present))
        gone = [by_url[url][name] for _, url, name, one in changed if one is None and name in by_url[url]]
        self.ads.remove(*gone)
        if self.ads.streams:
            await self.settled()

    async def settled(self) -> None:
        await self.ads.settled()
        if self.ads.nacks:
            raise AssertionError(self.ads.nacks[-1])

    def _moved(self, listener: envoy.Resource) -> envoy.Resource:
        moved = message(_LISTENER).FromString(listener.body)
        socket = moved.address.socket_address
        socket.port_value = self.sockets.setdefault(socket.port_value, free_port())
        return envoy.resource(moved)

    async def listening(self) -> None:
        """Until every socket is open."""

        async def open_() -> bool:
            try:
                for port in self.sockets.values():
                    await fetch(port, "nobody.test")
            except (OSError, EOFError):
                return False
            return True

        await eventually(open_, what="all listeners are open")


@asynccontextmanager
async def running_site(folder: Path, site: SiteEnvoy) -> AsyncIterator[Envoy]:
    """Ready when Envoy has taken everything that was published."""
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(serving_ads(site.ads, folder / "xds.sock"))
        running = await stack.enter_async_context(running_envoy(bootstrap(folder), folder))
        await site.settled()
        yield running

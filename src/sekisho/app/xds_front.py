"""The xDS server as a control plane runs it: who may follow what, and whose streams end when that changes."""

from collections.abc import Callable, Collection, Sequence
from functools import partial

import structlog

from sekisho.aio.repeats import Repeats
from sekisho.app.identities.authentication import Peers
from sekisho.app.settings import Address
from sekisho.control.loop import ControlLoop
from sekisho.control.proxies import AGENT, owner_of
from sekisho.control.tally import Refused
from sekisho.model.names import ResourceId
from sekisho.xds.admission import Refusal
from sekisho.xds.contexts import Contexts
from sekisho.xds.rpc import Status
from sekisho.xds.server import AdsServer
from sekisho.xds.view import View

log = structlog.get_logger(__name__)


class XdsFront:
    """Lets proxies in, and ends the streams of those who are not let in any more."""

    def __init__(self, loop: ControlLoop, peers: Peers) -> None:
        self._peers = peers
        self._loop = loop
        self._authorize = authorizer(loop, peers)
        self._repeats = Repeats(loop.clock)
        self._ads = AdsServer(
            self._admit, loop.proxies, not_verified=partial(loop.tally.add, Refused.CONNECTION)
        )
        peers.revocations.on_change(self._cut_off)
        loop.on_move = self._send_on

    async def listen(self, address: Address, contexts: Contexts) -> Address:
        """Where it serves from then on. Raises OSError."""
        return Address(address.host, await self._ads.listen_tls(address.host, address.port, contexts))

    def forget_requests(self) -> None:
        """Drops what is remembered of requests of proxies."""
        self._ads.forget_requests()

    async def drain(self, seconds: float) -> None:
        """Ends all streams, in good order for as long."""
        await self._ads.drain(seconds)

    def _admit(self, peer: str | None, node_id: str) -> Sequence[View] | Refusal:
        found = self._authorize(peer, node_id)
        if isinstance(found, Refusal):
            self._loop.tally.add(Refused.STREAM)
            if (more := self._repeats.news(peer)) is not None:
                log.warning("a proxy was refused", peer=peer, reason=found.reason, **more)
        return found

    def _send_on(self, moved: Collection[ResourceId]) -> None:
        """Workloads that see another World than before begin anew, at once: they are sent the difference."""
        ended = self._ads.disconnect(
            lambda _, node: owner_of(node) in moved, "there is another view for it", Status.UNAVAILABLE
        )
        if ended:
            log.info("streams of workloads began anew", streams=ended)

    def _cut_off(self) -> None:
        ended = self._ads.disconnect(
            lambda peer, node: bool(self._peers.stream_refusal(peer, node.removeprefix(AGENT))),
            "the certificate was revoked",
        )
        log.info("revoked streams ended", streams=ended)


def authorizer(loop: ControlLoop, peers: Peers) -> Callable[[str | None, str], Sequence[View] | Refusal]:
    """A proxy, and the agent beside it, may follow the views of the Gateway or Workload in its certificate,
    as long as that is ours."""

    def authorize(peer: str | None, node_id: str) -> Sequence[View] | Refusal:
        owner = owner_of(node_id)
        if owner is None:
            return Refusal("the node id is not gateway|workload/<namespace>/<name>/<instance>")
        if refusal := peers.stream_refusal(peer, node_id.removeprefix(AGENT)):
            return Refusal(refusal)
        views = loop.views_of(owner)
        if views:
            return views
        if owner.kind == "Gateway":
            return Refusal(f"there is no Gateway {owner.namespace}/{owner.name} of a class of ours")
        return Refusal(f"there is no Workload {owner.namespace}/{owner.name} with a sidecar in a mesh")

    return authorize

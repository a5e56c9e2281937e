"""What a session tells whoever listens: who is there, who is in sync, who refused what."""

from typing import Any

from sekisho.xds.types import Name
from sekisho.xds.view import View


class Observer:
    """Hears everything and does nothing; override what is of interest.

    Called from inside the protocol, so it must be quick and must not raise.
    """

    def connected(self, proxy: str, node: Any, reached: list[int]) -> None:
        """A stream began. `node` is the `envoy.config.core.v3.Node` the proxy sent.

        `reached`: of each of its views, the commit up to which it has answered everything; of views that are
        empty, 0. The session brings it up to date after it called `synced` or `arrived`.
        """

    def sent(self, proxy: str, type_url: str, resources: int, octets: int) -> None:
        """A response with so many resources, of so many octets, goes to the proxy."""

    def synced(self, proxy: str, view: View, seq: int) -> None:
        """Everything the proxy asked for, up to commit `seq` of `view`, was sent and answered."""

    def arrived(self, proxy: str, view: View, before: int, seq: int) -> None:  # noqa: ARG002
        """The same, of a proxy that was in sync up to `before` already: for who has no use for its name.

        That is the most frequent event there is.
        """
        self.synced(proxy, view, seq)

    def rejected(self, proxy: str, name: Name, version: str, message: str) -> None:
        """The proxy refused this version, in Envoy's own words; it keeps what it had."""

    def accepted(self, proxy: str, *names: Name) -> None:
        """Names rejected before are good again: a new version was taken, or they are gone."""

    def disconnected(self, proxy: str, reason: str) -> None:
        """The stream ended."""

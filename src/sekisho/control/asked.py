"""The request that an explanation is about, out of a URL and headers."""

from typing import NamedTuple
from urllib.parse import SplitResult

from sekisho.client.reviews import ExplanationSpec
from sekisho.control.clients import Client
from sekisho.ir.calls import Call
from sekisho.translate.mesh.worlds import World

DEFAULT_PORTS = {"http": 80, "https": 443}


def call_of(url: SplitResult, spec: ExplanationSpec, port: int) -> Call:
    """As a client would send it to a port; a Host header counts more than the URL."""
    headers = tuple((name.lower(), value) for name, value in spec.headers)
    authority = url.netloc.rpartition("@")[2]
    return Call(
        scheme=url.scheme,
        host=next((value for name, value in headers if name == "host"), authority),
        port=port,
        path=(url.path or "/") + (f"?{url.query}" if url.query else ""),
        method=spec.method.upper(),
        headers=tuple(pair for pair in headers if pair[0] != "host"),
        claims=spec.claims,
    )


class Asked(NamedTuple):
    """A request that a workload is to make through its sidecar."""

    client: Client
    world: World
    """What the client's sidecar knows."""
    url: SplitResult
    spec: ExplanationSpec

    @property
    def host(self) -> str:
        """As it is called, without the dot at the end of an absolute name."""
        return (self.url.hostname or "").removesuffix(".")

    def call(self, port: int) -> Call:
        """It, to a port."""
        return call_of(self.url, self.spec, port)

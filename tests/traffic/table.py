"""The call table: `given these manifests, a call has this outcome`. One YAML file a topic, in `table/`.

Manifests are Gateway API, without apiVersion, and in namespace `shop`; all files are served together, so
each has ports of its own. Backends are `one`, `two`, `three`, `h2c`, `ws`, and `empty` (no endpoints); `one`
is an XBackend as well, called `localhost` outside. `certificate` is a Secret for every host that is asked for
by https. What a row does not say is not looked at.
"""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import yaml
from tests.kit.objects import endpoint_slice, gateway_class, manifest, service

from sekisho.ir.calls import Call

FOLDER = Path(__file__).parent / "table"
ECHOES = ("one", "two", "three", "ws")
H2C = "h2c"
BACKENDS = (*ECHOES, H2C)
APP_PROTOCOLS = {H2C: "kubernetes.io/h2c", "ws": "kubernetes.io/ws"}


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One call and its outcome."""

    send: str
    """`GET http://shop.test:8080/cart`: the Host is the URL's with its port, unless a header says another."""
    headers: dict[str, str] | list[tuple[str, str]] = {}
    status: int = 200
    backend: str = ""
    """Whose answer comes back."""
    tried: str = ""
    """The backend that is asked, though its own answer is not what comes back."""
    path: str | None = None
    """As the backend sees it; so are `host`, `protocol` and `sees` (None: it does not see this header)."""
    host: str | None = None
    protocol: str | None = None
    sees: dict[str, str | None] = {}
    location: str | None = None
    answers: dict[str, str | None] = {}
    """Headers of the answer; None: there is none of this name."""
    mirrors: list[str] | None = None
    """Backends that get a copy, sorted."""
    times: int = 1
    shares: dict[str, int] = {}
    """Weights of backends, of `times` calls; a number stands for answers with this status."""
    refused: bool = False
    """No answer: the connection is closed."""

    @property
    def call(self) -> Call:
        method, _, url = self.send.partition(" ")
        target = urlsplit(url)
        pairs = self.headers.items() if isinstance(self.headers, dict) else self.headers
        headers = tuple((name.lower(), value) for name, value in pairs)
        return Call(
            scheme=target.scheme,
            host=dict(headers).get("host", target.netloc),
            port=target.port or 0,
            path=url.partition(target.netloc)[2],
            method=method,
            headers=tuple(pair for pair in headers if pair[0] != "host"),
            server_name=target.hostname or "",
        )


@dataclass(frozen=True)
class Topic:
    """One file of the table."""

    name: str
    given: list[dict[str, Any]]
    rows: list[Row]


@dataclass(frozen=True)
class Table:
    """All files."""

    topics: list[Topic]
    ports: dict[str, int] = field(default_factory=dict)
    """Where each backend listens."""

    def manifests(self, certificate: dict[str, Any]) -> list[dict[str, Any]]:
        """Everything there is, backends included."""
        given = [one for topic in self.topics for one in topic.given]
        backends = [one for name in BACKENDS for one in self._backend(name)]
        return [
            manifest("Namespace", "shop"), gateway_class(), certificate, service("empty"), *backends,
            self._outside(), *given,
        ]  # fmt: skip

    def _outside(self) -> dict[str, Any]:
        where = {"type": "ExternalHostname", "externalHostname": {"hostname": "localhost"}}
        return manifest("XBackend", "one", spec={**where, "port": {"port": self.ports.get("one", 9000)}})

    def _backend(self, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
        exposed = service(name)
        if name in APP_PROTOCOLS:
            exposed["spec"]["ports"][0]["appProtocol"] = APP_PROTOCOLS[name]
        return exposed, endpoint_slice(name, "127.0.0.1", port=self.ports.get(name, 9000))

    @cached_property
    def tls_hosts(self) -> list[str]:
        calls = [row.call for topic in self.topics for row in topic.rows]
        return sorted({call.server_name for call in calls if call.scheme == "https"})


def load() -> list[Topic]:
    """Every topic, checked: ports and names are nobody else's."""
    topics = [_topic(file) for file in sorted(FOLDER.glob("*.yaml"))]
    given = [one for topic in topics for one in topic.given]
    names = [(one["kind"], one["metadata"]["name"]) for one in given]
    gateways = [one["spec"]["listeners"] for one in given if one["kind"] == "Gateway"]
    ports = [port for listeners in gateways for port in {each["port"] for each in listeners}]
    if len(set(names)) < len(names) or len(set(ports)) < len(ports):
        raise ValueError("two topics use one name or port")
    return topics


def _topic(file: Path) -> Topic:
    content = yaml.safe_load(file.read_text())
    given = [manifest(**one) for one in content["given"]]
    return Topic(file.stem, given, [msgspec.convert(row, Row) for row in content["calls"]])

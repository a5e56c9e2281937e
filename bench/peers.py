"""What the gateway is compared with: Envoys with the hand-written configurations of bench/hand_written/."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Template

import yaml
from google.protobuf import json_format
from tests.kit.envoy import running_envoy
from tests.kit.pki import Leaf
from tests.kit.ports import free_port

from bench.harness import ROOT
from sekisho.protos import descriptor_pool, message

_CONFIGURATIONS = ROOT / "bench" / "hand_written"


@dataclass(frozen=True, slots=True)
class Peer:
    """A running Envoy."""

    pid: int
    http_port: int
    https_port: int


@asynccontextmanager
async def running_peer(
    name: str, folder: Path, backend_port: int, *, hosts: Sequence[str], certificate: Leaf
) -> AsyncIterator[Peer]:
    """Runs `hand_written/<name>.yaml` with one worker; `hosts` are the hostnames of a plain route table."""
    folder = folder / name
    folder.mkdir()
    certificate.write(folder, "tls")
    (folder / "routes.json").write_text(json.dumps(_plain_routes(hosts)))
    ports = {"http_port": free_port(), "https_port": free_port(), "backend_port": backend_port}
    text = Template((_CONFIGURATIONS / f"{name}.yaml").read_text()).safe_substitute(folder=folder, **ports)
    bootstrap = message("envoy.config.bootstrap.v3.Bootstrap")()
    json_format.ParseDict(yaml.safe_load(text), bootstrap, descriptor_pool=descriptor_pool())
    async with running_envoy(bootstrap, folder) as envoy:
        yield Peer(envoy.process.pid, ports["http_port"], ports["https_port"])


def _plain_routes(hosts: Sequence[str]) -> dict[str, object]:
    """A DiscoveryResponse, as Envoy reads it from a file: one virtual host per hostname."""
    routes = [{"match": {"prefix": "/"}, "route": {"cluster": "backend"}}]
    virtual_hosts = [{"name": host, "domains": [host], "routes": routes} for host in hosts]
    kind = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
    return {"resources": [{"@type": kind, "name": "routes", "virtual_hosts": virtual_hosts}]}

"""A real Envoy comes back over TLS: it resumes its session, and is who it was."""

from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict
from tests.kit.envoy import Envoy, running_envoy
from tests.kit.pki import TestAuthority
from tests.kit.wait import eventually

from sekisho.protos import descriptor_pool, message
from sekisho.xds.contexts import Contexts
from sekisho.xds.server import AdsServer
from sekisho.xds.tls import Peer, server_context
from sekisho.xds.types import PREFIX
from sekisho.xds.view import View

pytestmark = pytest.mark.live

PROXY = "spiffe://demo.default.mesh.local/proxy"
TLS = "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"
HTTP = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def bootstrap(folder: Path, port: int, authority: TestAuthority) -> Any:
    """An Envoy with nothing but the way to us; all that is about TLS sessions is as Envoy has it."""
    certificate, key = authority.leaf(uris=[PROXY]).write(folder, "proxy")
    trusted = folder / "ca.pem"
    trusted.write_bytes(authority.certificate)
    own = {"certificate_chain": {"filename": str(certificate)}, "private_key": {"filename": str(key)}}
    common = {
        "tls_certificates": [own],
        "validation_context": {"trusted_ca": {"filename": str(trusted)}},
        "alpn_protocols": ["h2"],
    }
    here = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    way = {
        "name": "xds",
        "type": "STATIC",
        "typed_extension_protocol_options": {
            HTTP: {"@type": PREFIX + HTTP, "explicit_http_config": {"http2_protocol_options": {}}}
        },
        "transport_socket": {
            "name": "tls",
            "typed_config": {"@type": PREFIX + TLS, "common_tls_context": common, "sni": "localhost"},
        },
        "load_assignment": {
            "cluster_name": "xds",
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": here}}]}],
        },
    }
    service = {"envoy_grpc": {"cluster_name": "xds"}}
    content = {
        "admin": {"address": {"pipe": {"path": str(folder / "admin.sock"), "mode": 0o600}}},
        "node": {"id": "envoy", "cluster": "test"},
        "dynamic_resources": {
            "ads_config": {
                "api_type": "DELTA_GRPC",
                "transport_api_version": "V3",
                "grpc_services": [service],
            },
            "cds_config": {"ads": {}, "resource_api_version": "V3"},
        },
        "static_resources": {"clusters": [way]},
    }
    made = message("envoy.config.bootstrap.v3.Bootstrap")()
    return ParseDict(content, made, descriptor_pool=descriptor_pool())


class Front:
    """Who came."""

    def __init__(self) -> None:
        self.view = View("v")
        self.seen: list[tuple[str, int]] = []

    def authorize(self, peer: str | None, _node: str) -> list[View]:
        assert isinstance(peer, Peer)
        self.seen.append((str(peer), peer.serial))
        return [self.view]


async def reused(envoy: Envoy) -> int:
    """How many sessions Envoy says it resumed."""
    answer = (await envoy.admin("/stats?filter=^cluster.xds.ssl.session_reused$")).body.decode()
    return int(answer.rsplit(":", 1)[1])


async def test_envoy_resumes_its_session_and_is_who_it_was(tmp_path: Path) -> None:
    authority, front = TestAuthority(), Front()
    files = authority.leaf(dns=["localhost"]).write(tmp_path, "server")
    contexts = Contexts(lambda: server_context(*files, authority.certificate.decode()))
    server = AdsServer(front.authorize)
    port = await server.listen_tls("127.0.0.1", 0, contexts)

    async def came(times: int) -> None:
        async def enough() -> bool:
            return len(front.seen) >= times

        await eventually(enough, what=f"Envoy came {times} times")

    try:
        async with running_envoy(bootstrap(tmp_path, port, authority), tmp_path) as envoy:
            await came(1)
            assert await reused(envoy) == 0
            for connection in list(server._connections):
                connection.abort()
            await came(2)
            assert await reused(envoy) == 1
            assert front.seen[0] == front.seen[1] == (PROXY, front.seen[0][1])
    finally:
        await server.drain(1)

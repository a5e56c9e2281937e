"""A SPIRE agent's Workload API as far as it is written down, on grpc.aio: not SPIRE itself."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from sekisho.identity.keys import Credentials
from sekisho.identity.workload_api import (
    X509BundlesRequest,
    X509BundlesResponse,
    X509SVIDRequest,
    X509SVIDResponse,
)


class WorkloadApi:
    """Tells everybody who asks the same identities and roots, and again when they change."""

    def __init__(self) -> None:
        self._svids = X509SVIDResponse()
        self._bundles = X509BundlesResponse()
        self._changed = asyncio.Condition()
        self.without_header = 0
        """Calls that were refused because they did not say that they mean this API."""
        self.calls = 0
        self.told = 0
        """Responses."""

    async def tell(self, *identities: tuple[str, Credentials]) -> None:
        """From now on, these: SPIFFE ID as told, and what goes with it."""
        svids = [svid_message(spiffe_id, held) for spiffe_id, held in identities]
        async with self._changed:
            self._svids = X509SVIDResponse(svids=svids)
            self._changed.notify_all()

    async def tell_roots(self, **bundles: bytes) -> None:
        """From now on, these: DER by the name of a trust domain, `_` for its dots."""
        told = {f"spiffe://{name.replace('_', '.')}": roots for name, roots in bundles.items()}
        async with self._changed:
            self._bundles = X509BundlesResponse(bundles=told)
            self._changed.notify_all()

    async def fetch_svids(self, _: Any, context: Any) -> AsyncIterator[Any]:
        """FetchX509SVID."""
        async for told in self._each(context, lambda: self._svids):
            if not told.svids:
                await context.abort(grpc.StatusCode.PERMISSION_DENIED, "no identity issued")
            yield told

    async def fetch_bundles(self, _: Any, context: Any) -> AsyncIterator[Any]:
        """FetchX509Bundles."""
        async for told in self._each(context, lambda: self._bundles):
            yield told

    async def _each(self, context: Any, current: Callable[[], Any]) -> AsyncIterator[Any]:
        if ("workload.spiffe.io", "true") not in tuple(context.invocation_metadata()):
            self.without_header += 1
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "security header missing from request")
        self.calls += 1
        told = None
        while True:
            async with self._changed:
                while current() is told:
                    await self._changed.wait()
                told = current()
            yield told
            self.told += 1


@asynccontextmanager
async def running_workload_api(socket: Path, api: WorkloadApi) -> AsyncIterator[None]:
    """Listens on a unix socket for the time of the block."""
    server = grpc.aio.server()
    handlers = {
        "FetchX509SVID": _handler(api.fetch_svids, X509SVIDRequest, X509SVIDResponse),
        "FetchX509Bundles": _handler(api.fetch_bundles, X509BundlesRequest, X509BundlesResponse),
    }
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("SpiffeWorkloadAPI", handlers)])
    server.add_insecure_port(f"unix:{socket}")
    await server.start()
    try:
        yield
    finally:
        await server.stop(0)


def _handler(behavior: Any, request: Any, response: Any) -> Any:
    return grpc.unary_stream_rpc_method_handler(
        behavior, request_deserializer=request.FromString, response_serializer=response.SerializeToString
    )


def svid_message(spiffe_id: str, held: Credentials) -> dict[str, Any]:
    """X509SVID, as the fields of its message."""
    key = load_pem_private_key(held.key.reveal(), None)
    return {
        "spiffe_id": spiffe_id,
        "x509_svid": der(held.issued.chain),
        "x509_svid_key": key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
        "bundle": der(held.issued.bundle),
    }


def der(pem: bytes) -> bytes:
    """Certificates, one behind another."""
    return b"".join(each.public_bytes(Encoding.DER) for each in x509.load_pem_x509_certificates(pem))

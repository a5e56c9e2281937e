"""A SPIRE agent's Workload API as far as it is written down, on grpc.aio: not SPIRE itself."""

import asyncio
from collections.abc import AsyncIterator, Sequence
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
from sekisho.identity.workload_api import X509SVIDRequest, X509SVIDResponse


class WorkloadApi:
    """Tells everybody who asks the same identities, and again when they change."""

    def __init__(self) -> None:
        self._response = X509SVIDResponse()
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
            self._response = X509SVIDResponse(svids=svids)
            self._changed.notify_all()

    async def fetch(self, _: Any, context: Any) -> AsyncIterator[Any]:
        """FetchX509SVID."""
        if ("workload.spiffe.io", "true") not in tuple(context.invocation_metadata()):
            self.without_header += 1
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "security header missing from request")
        self.calls += 1
        told = None
        while True:
            async with self._changed:
                while self._response is told:
                    await self._changed.wait()
                told = self._response
            if not told.svids:
                await context.abort(grpc.StatusCode.PERMISSION_DENIED, "no identity issued")
            yield told
            self.told += 1


@asynccontextmanager
async def running_workload_api(socket: Path, api: WorkloadApi) -> AsyncIterator[None]:
    """Listens on a unix socket for the time of the block."""
    server = grpc.aio.server()
    handler = grpc.unary_stream_rpc_method_handler(
        api.fetch,
        request_deserializer=X509SVIDRequest.FromString,
        response_serializer=X509SVIDResponse.SerializeToString,
    )
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler("SpiffeWorkloadAPI", {"FetchX509SVID": handler})]
    )
    server.add_insecure_port(f"unix:{socket}")
    await server.start()
    try:
        yield
    finally:
        await server.stop(0)


def svid_message(spiffe_id: str, held: Credentials) -> dict[str, Any]:
    """X509SVID, as the fields of its message."""
    key = load_pem_private_key(held.key.reveal(), None)
    return {
        "spiffe_id": spiffe_id,
        "x509_svid": _der(x509.load_pem_x509_certificates(held.issued.chain)),
        "x509_svid_key": key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
        "bundle": _der(x509.load_pem_x509_certificates(held.issued.bundle)),
    }


def _der(certificates: Sequence[x509.Certificate]) -> bytes:
    return b"".join(each.public_bytes(Encoding.DER) for each in certificates)

"""A proxy's identity from a SPIRE agent: its SPIFFE Workload API, followed for as long as it runs.

The API is gRPC on a unix socket (SPIFFE Workload API, sections 4 and 6): one stream, on which the agent sends
the certificate of now and each one that follows. Who calls, it sees from the socket.
"""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import structlog
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from sekisho.aio.backoff import Backoff
from sekisho.aio.clock import Clock
from sekisho.identity import pairs
from sekisho.identity.authority import Refused
from sekisho.identity.keys import Credentials, Issued, belongs, key_pem
from sekisho.identity.rotation import FIRST_RETRY, LONGEST_RETRY, Unavailable
from sekisho.identity.spiffe import peer_identity

log = structlog.get_logger(__name__)

FETCH = "/SpiffeWorkloadAPI/FetchX509SVID"
HEADER = ("workload.spiffe.io", "true")
"""Without it the API refuses: a program that was made to call some address does not send it."""


def _messages() -> tuple[type[Any], type[Any]]:
    """X509SVIDRequest and X509SVIDResponse, as far as they are read here."""
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="sekisho/workload.proto", syntax="proto3")
    file.message_type.add(name="X509SVIDRequest")
    svid = file.message_type.add(name="X509SVID")
    for number, (name, type_) in enumerate(
        (("spiffe_id", field.TYPE_STRING), ("x509_svid", field.TYPE_BYTES),
         ("x509_svid_key", field.TYPE_BYTES), ("bundle", field.TYPE_BYTES)), start=1,
    ):  # fmt: skip
        svid.field.add(name=name, number=number, type=type_, label=field.LABEL_OPTIONAL)
    response = file.message_type.add(name="X509SVIDResponse")
    response.field.add(
        name="svids", number=1, type=field.TYPE_MESSAGE, type_name=".X509SVID", label=field.LABEL_REPEATED
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    made = (pool.FindMessageTypeByName(name) for name in ("X509SVIDRequest", "X509SVIDResponse"))
    request, answer = map(message_factory.GetMessageClass, made)
    return request, answer


X509SVIDRequest, X509SVIDResponse = _messages()


class SpireIdentity:
    """Implements `agent.secrets.Identity`: the certificate and key of now, kept in memory only."""

    def __init__(self, socket: Path, *, clock: Clock, random: Callable[[], float]) -> None:
        """`socket` is the SPIRE agent's; `random` spreads attempts."""
        self._socket = socket
        self._clock = clock
        self._backoff = Backoff(random, first=FIRST_RETRY, limit=LONGEST_RETRY)
        self._held: Credentials | None = None
        self._listeners: list[Callable[[], None]] = []

    @property
    def held(self) -> Credentials | None:
        """The certificate and key of now, if any."""
        return self._held

    def on_renewal(self, listener: Callable[[], None]) -> None:
        """Calls `listener` after each renewal, the first one too."""
        self._listeners.append(listener)

    async def run(self) -> None:
        """Follows the agent through its absences, until cancelled. What was had last stays in use."""
        while True:
            try:
                async for held in self._stream():
                    self._use(held)
            except (Refused, Unavailable) as error:
                wait = self._backoff.next()
                log.warning("no identity from SPIRE", socket=str(self._socket), reason=str(error))
            else:
                wait = self._backoff.next()
            await self._clock.sleep(wait)

    async def _stream(self) -> AsyncIterator[Credentials]:
        options = [("grpc.default_authority", "localhost"), ("grpc.use_local_subchannel_pool", 1)]
        async with grpc.aio.insecure_channel(f"unix:{self._socket}", options) as channel:
            call: Any = channel.unary_stream
            fetch = call(
                FETCH,
                request_serializer=X509SVIDRequest.SerializeToString,
                response_deserializer=X509SVIDResponse.FromString,
            )
            try:
                async for response in fetch(X509SVIDRequest(), metadata=(HEADER,)):
                    yield credentials(response)
            except grpc.aio.AioRpcError as error:
                raise Unavailable(f"{error.code().name}: {error.details()}") from error

    def _use(self, held: Credentials) -> None:
        self._backoff.reset()
        self._held = held
        for listener in self._listeners:
            listener()
        log.info("identity from SPIRE", identity=str(peer_identity(held.issued.leaf())),
                 expires=held.issued.not_after.isoformat())  # fmt: skip


def credentials(response: Any) -> Credentials:
    """The first identity of a response, which is the default one (section 6.2.1). Raises Refused."""
    if not response.svids:
        raise Refused("the SPIRE agent knows no identity for this process")
    svid = response.svids[0]
    try:
        key = serialization.load_der_private_key(svid.x509_svid_key, password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise Refused("the key of the identity is not of an elliptic curve: set SPIRE's key type to EC")
        chain, bundle = (_pem(each) for each in (svid.x509_svid, svid.bundle))
        made = Credentials(key_pem(key), Issued.of(chain, bundle))
        identity = peer_identity(made.issued.leaf())
    except (ValueError, TypeError) as error:
        raise Refused(f"the SPIRE agent's answer is unusable: {error}") from error
    if str(identity) != svid.spiffe_id or not belongs(made.key, made.issued.leaf()):
        raise Refused(f"the SPIRE agent's answer is for {identity}, or for another key")
    return made


def _pem(certificates: bytes) -> bytes:
    """PEM of certificates that stand one behind another in DER."""
    found, rest = [], certificates
    while rest:
        length = _length(rest)
        found.append(pairs.pem(x509.load_der_x509_certificate(rest[:length])))
        rest = rest[length:]
    return b"".join(found)


def _length(der: bytes) -> int:
    """Octets of the first element (X.690 section 8.1.3)."""
    if len(der) < 2:  # noqa: PLR2004 - tag and length
        raise ValueError("a certificate is cut off")
    first = der[1]
    if first < 0x80:  # noqa: PLR2004 - the short form
        return 2 + first
    more = first & 0x7F
    return 2 + more + int.from_bytes(der[2 : 2 + more], "big")

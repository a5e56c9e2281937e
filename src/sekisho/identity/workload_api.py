"""The SPIFFE Workload API, asked: what a SPIRE agent on this host says of identities and roots, as streams.

It is gRPC on a unix socket (SPIFFE Workload API, sections 4 to 6). A stream begins with what holds now and
goes on with each change. Who calls, the agent sees from the socket.
"""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from cryptography import x509
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from sekisho.identity import pairs
from sekisho.identity.rotation import Unavailable

HEADER = ("workload.spiffe.io", "true")
"""Without it the API refuses: a program that was made to call some address does not send it."""
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
"""Seconds between streams, doubling: it is on this host, and an entry that was made is to be of use soon."""


def _messages() -> tuple[type[Any], ...]:
    """Requests and responses of FetchX509SVID and FetchX509Bundles, as far as they are read here."""
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="sekisho/workload.proto", syntax="proto3")

    def add(message: Any, number: int, name: str, type_: Any, of: str = "") -> None:
        label = field.LABEL_REPEATED if of else field.LABEL_OPTIONAL
        message.field.add(name=name, number=number, type=type_, type_name=of or None, label=label)

    file.message_type.add(name="X509SVIDRequest")
    file.message_type.add(name="X509BundlesRequest")
    svid = file.message_type.add(name="X509SVID")
    add(svid, 1, "spiffe_id", field.TYPE_STRING)
    add(svid, 2, "x509_svid", field.TYPE_BYTES)
    add(svid, 3, "x509_svid_key", field.TYPE_BYTES)
    add(svid, 4, "bundle", field.TYPE_BYTES)
    svids = file.message_type.add(name="X509SVIDResponse")
    add(svids, 1, "svids", field.TYPE_MESSAGE, ".X509SVID")
    bundles = file.message_type.add(name="X509BundlesResponse")
    entry = bundles.nested_type.add(name="BundlesEntry")
    entry.options.map_entry = True
    add(entry, 1, "key", field.TYPE_STRING)
    add(entry, 2, "value", field.TYPE_BYTES)
    add(bundles, 2, "bundles", field.TYPE_MESSAGE, ".X509BundlesResponse.BundlesEntry")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    names = ("X509SVIDRequest", "X509SVIDResponse", "X509BundlesRequest", "X509BundlesResponse")
    return tuple(message_factory.GetMessageClass(pool.FindMessageTypeByName(name)) for name in names)


X509SVIDRequest, X509SVIDResponse, X509BundlesRequest, X509BundlesResponse = _messages()


def svids(socket: Path) -> AsyncGenerator[Any]:
    """X509SVIDResponses: the identities of this process. Raises Unavailable, with the agent's own words."""
    return _stream(socket, "FetchX509SVID", X509SVIDRequest(), X509SVIDResponse)


def bundles(socket: Path) -> AsyncGenerator[Any]:
    """X509BundlesResponses: the roots of each trust domain the agent knows. Raises Unavailable."""
    return _stream(socket, "FetchX509Bundles", X509BundlesRequest(), X509BundlesResponse)


async def _stream(socket: Path, method: str, request: Any, response: type[Any]) -> AsyncGenerator[Any]:
    import grpc.aio  # noqa: PLC0415 - 8 MB that each control plane would hold, for the few that follow SPIRE

    options = [("grpc.default_authority", "localhost"), ("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.insecure_channel(f"unix:{socket}", options) as channel:
        call: Any = channel.unary_stream
        fetch = call(
            f"/SpiffeWorkloadAPI/{method}",
            request_serializer=type(request).SerializeToString,
            response_deserializer=response.FromString,
        )
        try:
            async for answer in fetch(request, metadata=(HEADER,)):
                yield answer
        except grpc.aio.AioRpcError as error:
            raise Unavailable(f"{error.code().name}: {error.details()}") from error


def pem_of(certificates: bytes) -> bytes:
    """PEM of certificates that stand one behind another in DER. Raises ValueError."""
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

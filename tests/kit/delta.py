"""Short ways to write the messages of delta ADS, and a stream that is two queues."""

import asyncio
from typing import Any

from sekisho.protos import message

Request = message("envoy.service.discovery.v3.DeltaDiscoveryRequest")
Response = message("envoy.service.discovery.v3.DeltaDiscoveryResponse")


def request(type_url: str, *, nonce: str = "", error: str = "", **fields: Any) -> bytes:
    """A DeltaDiscoveryRequest. `have` is initial_resource_versions; `subscribe`, `unsubscribe` are names."""
    made = Request(
        type_url=type_url,
        response_nonce=nonce,
        initial_resource_versions=fields.get("have", {}),
        resource_names_subscribe=fields.get("subscribe", ()),
        resource_names_unsubscribe=fields.get("unsubscribe", ()),
    )
    if error:
        made.error_detail.code, made.error_detail.message = 3, error
    return bytes(made.SerializeToString())


def response(type_url: str, nonce: str, *removed: str, **bodies: bytes) -> bytes:
    """A DeltaDiscoveryResponse; each resource's version is its body as text."""
    resources = [
        {"name": name, "version": body.decode(), "resource": {"type_url": type_url, "value": body}}
        for name, body in bodies.items()
    ]
    made = Response(type_url=type_url, nonce=nonce, resources=resources, removed_resources=removed)
    return bytes(made.SerializeToString())


class QueueStream:
    """A `Stream` of which a test plays the other side; an exception put in is raised by `read`."""

    def __init__(self) -> None:
        self.incoming: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()
        self.outgoing: asyncio.Queue[bytes] = asyncio.Queue()

    async def read(self) -> bytes | None:
        message = await self.incoming.get()
        if isinstance(message, Exception):
            raise message
        return message

    async def write(self, message: bytes) -> None:
        await self.outgoing.put(message)

    def say(self, *messages: bytes | Exception | None) -> None:
        for each in messages:
            self.incoming.put_nowait(each)

    async def heard(self) -> bytes:
        """The next message written."""
        return await asyncio.wait_for(self.outgoing.get(), 60)

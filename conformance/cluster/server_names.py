"""Server names that TLS clients of pods asked for: Python tells them during the handshake only."""

import asyncio
import ssl
from weakref import WeakKeyDictionary

_ASKED: WeakKeyDictionary[ssl.SSLObject, str] = WeakKeyDictionary()


def note(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
    """`ssl.SSLContext.sni_callback`."""
    _ASKED[connection] = name or ""


def server_name(writer: asyncio.StreamWriter) -> str | None:
    """What a connection asked for; None where it has no TLS."""
    connection: ssl.SSLObject | None = writer.get_extra_info("ssl_object")
    return None if connection is None else _ASKED.get(connection, "")

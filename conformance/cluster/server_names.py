"""What TLS clients of pods said of themselves and of whom they asked for."""

import asyncio
import ssl
from weakref import WeakKeyDictionary

_ASKED: WeakKeyDictionary[ssl.SSLObject, str] = WeakKeyDictionary()


def note(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
    """`ssl.SSLContext.sni_callback`: Python tells server names during the handshake only."""
    _ASKED[connection] = name or ""


def server_name(writer: asyncio.StreamWriter) -> str | None:
    """What a connection asked for; None where it has no TLS."""
    connection: ssl.SSLObject | None = writer.get_extra_info("ssl_object")
    return None if connection is None else _ASKED.get(connection, "")


def certificates(writer: asyncio.StreamWriter) -> tuple[str, ...]:
    """The client's own certificate (PEM); none where it showed none."""
    connection: ssl.SSLObject | None = writer.get_extra_info("ssl_object")
    found = None if connection is None else connection.getpeercert(binary_form=True)
    return () if found is None else (ssl.DER_cert_to_PEM_cert(found),)

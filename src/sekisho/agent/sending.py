"""Writes to connections that the other side had time to leave."""

import asyncio


def send(writer: asyncio.StreamWriter, octets: bytes) -> None:
    """As `writer.write`, but raises ConnectionResetError where the connection is gone.

    There, asyncio's own loop writes nothing, and uvloop's raises RuntimeError.
    """
    if writer.is_closing():
        raise ConnectionResetError("the other side closed the connection")
    writer.write(octets)

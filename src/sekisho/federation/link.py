"""The connection of a zone to the global control plane: HTTPS requests, and what can go wrong with them."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import msgspec

from sekisho.federation import wire
from sekisho.federation.messages import Answer, Batch, Upload
from sekisho.kit.clocks import with_hint

CONNECT_SECONDS = 5.0
"""For a connection with TLS."""
SILENCE = 12.0
"""Seconds without a byte after which the link counts as dead: global says something every 5."""


class LinkFailed(Exception):
    """Global cannot be reached, or does not want us; for people."""


class Link:
    """A pool of connections to one global control plane, all with one certificate."""

    def __init__(self, url: str, context: ssl.SSLContext, server_name: str = "") -> None:
        """`server_name` is expected in global's certificate, where that is not the host of `url`."""
        self._extensions = {"sni_hostname": server_name} if server_name else {}
        self._http = httpx2.AsyncClient(
            base_url=url,
            verify=context,
            timeout=httpx2.Timeout(SILENCE, connect=CONNECT_SECONDS),
            trust_env=False,  # a proxy from the environment has no business between control planes
            follow_redirects=False,
        )

    async def close(self) -> None:
        """Ends all connections."""
        await self._http.aclose()

    @asynccontextmanager
    async def down(self, since: str, *, listing: bool) -> AsyncIterator[AsyncIterator[Batch]]:
        """What global tells from a token on. Raises LinkFailed, here and while iterating."""
        parameters = {"since": since} | ({"listing": "1"} if listing else {})
        with _failures():
            async with self._http.stream(
                "GET", wire.DOWN_PATH, params=parameters, extensions=self._extensions
            ) as answer:
                if answer.status_code != httpx2.codes.OK:
                    raise LinkFailed(_told(answer.status_code, await answer.aread()))
                yield _batches(answer)

    async def held(self) -> Answer:
        """What global holds of us. Raises LinkFailed."""
        with _failures():
            answer = await self._http.get(wire.UP_PATH, extensions=self._extensions)
        return _answer(answer)

    async def up(self, upload: Upload) -> Answer:
        """Tells global. Raises LinkFailed, also when that does not follow what it holds."""
        headers = {"content-type": wire.MEDIA_TYPE, "content-encoding": "gzip"}
        with _failures():
            answer = await self._http.post(
                wire.UP_PATH,
                content=wire.compressed(upload),
                headers=headers,
                extensions=self._extensions,
            )
        return _answer(answer)


class _failures:  # noqa: N801 - reads as a block
    """Turns what HTTP raises into LinkFailed."""

    def __enter__(self) -> None: ...

    def __exit__(self, _type: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, httpx2.TimeoutException):
            raise LinkFailed("the global control plane does not answer in time") from error
        if isinstance(error, httpx2.HTTPError | ssl.SSLError | OSError):
            raise LinkFailed(with_hint(str(error)) or type(error).__name__) from error
        if isinstance(error, wire.Malformed | msgspec.DecodeError | RecursionError):
            raise LinkFailed(f"the global control plane says what we cannot read: {error}") from error


async def _batches(answer: httpx2.Response) -> AsyncIterator[Batch]:
    lines = wire.Lines()
    async for chunk in answer.aiter_bytes():
        for line in lines.feed(chunk):
            yield msgspec.json.decode(line, type=Batch)


def _answer(answer: httpx2.Response) -> Answer:
    if answer.status_code != httpx2.codes.OK:
        raise LinkFailed(_told(answer.status_code, answer.content))
    try:
        return msgspec.json.decode(answer.content, type=Answer)
    except msgspec.DecodeError as error:
        raise LinkFailed(f"the global control plane says what we cannot read: {error}") from error


def _told(code: int, content: bytes) -> str:
    try:
        status: Any = msgspec.json.decode(content)
        message = status["message"]
    except (msgspec.DecodeError, LookupError, TypeError):
        message = "no Status"
    return f"the global control plane answered {code}: {message}"

"""HTTP requests to one API server: JSON in, JSON out, failures as typed exceptions."""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from sekisho.client.errors import ApiError, Unreachable, error
from sekisho.client.kubeconfig import Access
from sekisho.kit.clocks import with_hint

CONNECT_TIMEOUT = 5.0
"""Seconds until a connection with TLS must be open."""
ANSWER_TIMEOUT = 30.0
"""Seconds of silence after which a request is given up."""

JSON_TYPE = "application/json"
Parameters = Mapping[str, str]


class Transport:
    """A pool of connections to the server of `access`. Close it with `close`."""

    def __init__(self, access: Access, *, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self.access = access
        self._extensions = {"sni_hostname": access.server_name} if access.server_name else {}
        self._http = httpx2.AsyncClient(
            base_url=access.server,
            verify=access.tls() if access.server.startswith("https:") else False,
            timeout=httpx2.Timeout(ANSWER_TIMEOUT, connect=CONNECT_TIMEOUT),
            trust_env=False,  # a proxy from the environment would see the token
            transport=transport,
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def request(
        self,
        method: str,
        path: str,
        *,
        parameters: Parameters | None = None,
        body: Any = None,
        content_type: str = JSON_TYPE,
        accept: str = JSON_TYPE,
    ) -> Any:
        """The decoded answer. Raises Unreachable or an ApiError."""
        headers = self._headers(accept) | ({"Content-Type": content_type} if body is not None else {})
        try:
            answer = await self._http.request(
                method,
                path,
                params=dict(parameters or {}),
                headers=headers,
                content=None if body is None else json.dumps(body),
                extensions=self._extensions,
            )
        except httpx2.TransportError as cause:
            raise _unreachable(self.access.server, cause) from cause
        if answer.is_success:
            return _decoded(answer.content, answer.status_code)
        raise _failure(answer, answer.content)

    async def text(self, path: str) -> str:
        """A plain text answer (`/metrics`). Raises Unreachable or an ApiError."""
        try:
            headers = self._headers("*/*")
            answer = await self._http.get(path, headers=headers, extensions=self._extensions)
        except httpx2.TransportError as cause:
            raise _unreachable(self.access.server, cause) from cause
        if answer.is_success:
            return str(answer.text)
        raise _failure(answer, answer.content)

    @asynccontextmanager
    async def lines(
        self, path: str, parameters: Parameters, *, silence: float, accept: str = JSON_TYPE
    ) -> AsyncIterator[AsyncGenerator[Sequence[bytes]]]:
        """A streamed answer in batches of whole lines, given up after `silence` seconds without a byte.

        A reader that was busy finds what arrived meanwhile in one batch.

        Raises Unreachable or an ApiError, both here and while iterating.
        """
        timeout = httpx2.Timeout(silence, connect=CONNECT_TIMEOUT)
        try:
            async with self._http.stream(
                "GET", path, params=dict(parameters), headers=self._headers(accept), timeout=timeout,
                extensions=self._extensions,
            ) as answer:  # fmt: skip
                if not answer.is_success:
                    raise _failure(answer, await answer.aread())
                yield _lines(answer)
        except httpx2.TransportError as cause:
            raise _unreachable(self.access.server, cause) from cause

    def _headers(self, accept: str) -> dict[str, str]:
        token = self.access.bearer()
        return {"Accept": accept} | ({"Authorization": f"Bearer {token}"} if token else {})


async def _lines(answer: httpx2.Response) -> AsyncGenerator[Sequence[bytes]]:
    # httpx2's own aiter_lines also splits at U+2028 and its like, which may stand inside JSON strings.
    rest = bytearray()
    async for chunk in answer.aiter_bytes():
        rest += chunk
        if b"\n" in chunk:
            *whole, tail = rest.split(b"\n")
            rest = bytearray(tail)
            yield tuple(bytes(line) for line in whole if line)


def _decoded(content: bytes, code: int) -> Any:
    try:
        return json.loads(content)
    except ValueError as cause:
        raise error(code, {"message": "the answer is not JSON: is this a Kubernetes-shaped API?"}) from cause


def _failure(answer: httpx2.Response, content: bytes) -> ApiError:
    try:
        body = json.loads(content)
    except ValueError:
        body = {}
    seconds = answer.headers.get("Retry-After", "")
    return error(
        answer.status_code,
        body if isinstance(body, Mapping) else {},
        float(seconds) if seconds.isdigit() else 0.0,
    )


def _unreachable(server: str, cause: httpx2.TransportError) -> Unreachable:
    text = with_hint(str(cause)) or type(cause).__name__
    if isinstance(cause, httpx2.TimeoutException):
        text = "no answer in time"
    return Unreachable(server, text)

"""Envoy's admin interface over its unix socket: the few questions and orders the agent has."""

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

TIMEOUT = 2.0
"""Seconds for an exchange; the admin runs on Envoy's main thread, which a big update holds for a while."""
LONGEST_ANSWER = 4 * 1024 * 1024

_STATUS = re.compile(r"HTTP/1\.1 (\d{3}) ")
_BUSY = re.compile(r"(?!http\.admin\.)http\..*\.downstream_rq_active: (\d+)")
_SESSIONS = re.compile(r"tcp\..*\.downstream_cx_active: (\d+)")
_CONNECTED = re.compile(r"(?!listener\.admin\.)(?!.*\.worker_)listener\..*\.downstream_cx_active: (\d+)")
_STATS = "/stats?filter=" + quote(r"\.downstream_(rq|cx)_active$")


class AdminUnavailable(Exception):
    """Envoy's admin does not answer: it is starting, ending, or gone."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What an Envoy is serving at this moment, without its admin interface."""

    requests: int
    """HTTP requests in progress, and open TCP sessions."""
    connections: int
    """Open connections of clients, idle ones too."""


@dataclass(frozen=True, slots=True)
class Admin:
    """The admin socket of one Envoy. Every method raises AdminUnavailable."""

    socket: Path

    async def is_ready(self) -> bool:
        """Whether Envoy has its first configuration and serves (`/ready` answers 200)."""
        status, _ = await self._ask("GET", "/ready")
        return status == 200  # noqa: PLR2004  HTTP's OK

    async def traffic(self) -> Traffic:
        """Counts of now. They come from gauges: `stats_matcher` of the bootstrap must let them through."""
        _, text = await self._ask("GET", _STATS)
        requests, sessions, connections = (
            sum(int(match[1]) for line in text.splitlines() if (match := pattern.fullmatch(line)))
            for pattern in (_BUSY, _SESSIONS, _CONNECTED)
        )
        return Traffic(requests + sessions, connections)

    async def prometheus(self, *, used_only: bool) -> str:
        """All metrics in Prometheus' text form; `used_only`: without those that never counted anything."""
        _, text = await self._ask("GET", "/stats/prometheus" + ("?usedonly" if used_only else ""))
        return text

    async def send_elsewhere(self) -> None:
        """Asks clients, answer by answer, to go elsewhere: GOAWAY, or `connection: close`. All goes on."""
        await self._order("/healthcheck/fail")

    async def welcome(self) -> None:
        """Lets clients stay, again."""
        await self._order("/healthcheck/ok")

    async def begin_drain(self) -> None:
        """Sends clients elsewhere, and new ones too. Listeners stay open.

        Envoy 1.40 never closes them by itself when told to skip its exit.
        """
        await self.send_elsewhere()
        await self._order("/drain_listeners?graceful&skip_exit")

    async def close_listeners(self) -> None:
        """Takes no new connections any more; those that are open are served on."""
        await self._order("/drain_listeners")

    async def _order(self, target: str) -> None:
        status, text = await self._ask("POST", target)
        if status != 200:  # noqa: PLR2004  HTTP's OK
            raise AdminUnavailable(f"{target} answered {status}: {text.strip()[:200]}")

    async def _ask(self, method: str, target: str) -> tuple[int, str]:
        try:
            async with asyncio.timeout(TIMEOUT):
                return await self._exchange(method, target)
        except (OSError, TimeoutError, ValueError, asyncio.IncompleteReadError) as error:
            raise AdminUnavailable(f"{self.socket} does not answer: {error!r}") from error

    async def _exchange(self, method: str, target: str) -> tuple[int, str]:
        reader, writer = await asyncio.open_unix_connection(str(self.socket))
        try:
            # Without keep-alive the end of the answer is the end of the stream. HTTP/1.0 is refused (426).
            writer.write(f"{method} {target} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            body = b""
            while len(body) < LONGEST_ANSWER and (part := await reader.read(1 << 16)):
                body += part
        finally:
            writer.close()
        if "transfer-encoding: chunked" in head.lower():
            body = _unchunked(body)
        if not (status := _STATUS.match(head)):
            raise ValueError(f"no HTTP answer: {head[:100]!r}")
        return int(status[1]), body.decode(errors="replace")


def _unchunked(body: bytes) -> bytes:
    parts = []
    while body:
        size, _, rest = body.partition(b"\r\n")
        length = int(size, 16)
        parts.append(rest[:length])
        body = rest[length + 2 :]
    return b"".join(parts)

"""One Prometheus endpoint for Envoy and the application behind it: scraped together, told together."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import re2
import structlog

from sekisho.agent.admin import Admin, AdminUnavailable
from sekisho.agent.sending import send
from sekisho.ir.agent import ApplicationMetrics, MetricsEndpoint

log = structlog.get_logger()

PATIENCE = 3.0
"""Seconds for an application's metrics; Prometheus itself waits 10 by default."""
LARGEST = 16 * 1024 * 1024
"""Bytes taken of an application's metrics."""
MOST_SCRAPES = 8
"""At one time; more are refused, since each costs a scrape of Envoy."""
_HEAD = 16 * 1024
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Unscraped(Exception):
    """An application's metrics could not be had; the message says why."""


class MetricsServer:
    """The endpoint of one proxy."""

    def __init__(self, endpoint: MetricsEndpoint, admin: Admin) -> None:
        self._endpoint = endpoint
        self._admin = admin
        self._keep = [re2.compile(pattern) for pattern in endpoint.include]
        self._drop = [re2.compile(pattern) for pattern in endpoint.exclude]
        self._scrapes = 0

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Serves for as long as the block lasts. Raises OSError when the port is taken."""
        server = await asyncio.start_server(
            self._serve, self._endpoint.address, self._endpoint.port, limit=_HEAD
        )
        try:
            yield
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(4 * PATIENCE):
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                send(writer, await self._answer(head))
                await writer.drain()
        except (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError):
            pass  # the scraper left, or is none
        finally:
            writer.close()

    async def _answer(self, head: str) -> bytes:
        method, _, rest = head.partition(" ")
        if method != "GET" or rest.partition(" ")[0].partition("?")[0] != self._endpoint.path:
            return _response("404 Not Found", f"metrics are at {self._endpoint.path}\n")
        if self._scrapes >= MOST_SCRAPES:
            return _response("503 Service Unavailable", "too many scrapes at once\n")
        self._scrapes += 1
        try:
            return _response("200 OK", await self.text())
        finally:
            self._scrapes -= 1

    async def text(self) -> str:
        """All metrics of now. A source that fails is left out, and told by `sekisho_scrape_up`."""
        applications = self._endpoint.applications
        async with asyncio.TaskGroup() as group:
            own = group.create_task(self._envoy())
            others = [group.create_task(self._scraped(each)) for each in applications]
        up = {"envoy": own.result()}
        up |= {each.name: other.result() for each, other in zip(applications, others, strict=True)}
        told = [text for text in up.values() if text is not None]
        return "".join([*_merged(told), _up_lines(up)])

    async def _envoy(self) -> str | None:
        try:
            text = await self._admin.prometheus(used_only=not self._endpoint.unused)
        except AdminUnavailable:
            return None
        return "".join(line for line in text.splitlines(keepends=True) if self._is_wanted(line))

    def _is_wanted(self, line: str) -> bool:
        name = _metric(line)
        if self._keep and not any(pattern.fullmatch(name) for pattern in self._keep):
            return False
        return not any(pattern.fullmatch(name) for pattern in self._drop)

    async def _scraped(self, application: ApplicationMetrics) -> str | None:
        try:
            async with asyncio.timeout(PATIENCE):
                return await _fetch(application)
        except (OSError, EOFError, TimeoutError, ValueError, Unscraped) as error:
            log.warning("metrics of the application are missing", name=application.name, reason=str(error))
            return None


async def _fetch(application: ApplicationMetrics) -> str:
    reader, writer = await asyncio.open_connection(application.address, application.port)
    try:
        # HTTP/1.0: the answer comes whole and without chunks, and its end is the end of the connection.
        request = (
            f"GET {application.path} HTTP/1.0\r\nhost: {application.address}\r\naccept: text/plain\r\n\r\n"
        )
        writer.write(request.encode("latin-1"))
        answer = b""
        while len(answer) < LARGEST and (part := await reader.read(1 << 16)):
            answer += part
    finally:
        writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    status = head.split(b" ", 2)[1:2]
    if status != [b"200"]:
        raise Unscraped(f"it answered {head[:60]!r}")
    text = body.decode(errors="replace")
    return text if text.endswith("\n") else f"{text}\n"


def _merged(texts: Iterable[str]) -> Iterable[str]:
    """The lines of all; what HELP and TYPE say of a name, only the first time it is said."""
    described: set[str] = set()
    for text in texts:
        for line in text.splitlines(keepends=True):
            if line.startswith(("# HELP ", "# TYPE ")):
                about = " ".join(line.split(" ", 3)[:3])
                if about in described:
                    continue
                described.add(about)
            elif line.startswith("# EOF"):
                continue
            yield line


def _up_lines(sources: dict[str, str | None]) -> str:
    lines = ["# TYPE sekisho_scrape_up gauge"]
    lines += [
        f'sekisho_scrape_up{{source="{_label(name)}"}} {int(text is not None)}'
        for name, text in sources.items()
    ]
    return "\n".join(lines) + "\n"


def _label(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _metric(line: str) -> str:
    if line.startswith("# "):
        return line.split(" ", 3)[2] if line.count(" ") > 1 else ""
    return line.partition("{")[0].partition(" ")[0].strip()


def _response(status: str, body: str) -> bytes:
    content = body.encode()
    lines = [
        f"HTTP/1.1 {status}",
        f"content-type: {CONTENT_TYPE}",
        f"content-length: {len(content)}",
        "connection: close",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + content

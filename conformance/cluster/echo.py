"""What a pod runs: the contract of the suite's echo-basic image, without any I/O.

Every answer tells the request as JSON. `X-Echo-Set-Header: name:value,…` sets headers of the response,
`?delay=1s` waits, `/status/503` answers so, and
`/retry/…?uuid=a&succeedAfter=2[&responseCode=503][&delayRetry=1s]` fails first: without a
code, by resetting the connection.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

Headers = Mapping[str, list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What came in."""

    method: str
    target: str
    """As sent: path and query."""
    protocol: str
    """`HTTP/1.1`, `HTTP/2.0`."""
    host: str
    headers: Headers
    """Without Host; names as Go writes them: `X-Header-Set`."""
    server_name: str | None = None
    """Of the TLS handshake; None without TLS."""
    client_certificates: tuple[str, ...] = ()
    """PEM, as the client showed them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What goes out, and when."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    delay: float = 0.0
    """Seconds to wait before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset:
    """No answer: the connection is reset, after a delay in seconds."""

    delay: float


@dataclass(slots=True, kw_only=True)
class Pod:
    """The state of one pod's program."""

    name: str
    namespace: str
    service: str = ""
    ingress: str = ""
    log: list[tuple[datetime, str]] = field(default_factory=list)
    """When a line was printed, and the line."""
    failures: Counter[str] = field(default_factory=Counter)
    """Failed attempts by the uuid of their request."""

    def context(self) -> dict[str, str]:
        """Who answers, as every answer tells it."""
        return {
            "namespace": self.namespace, "ingress": self.ingress, "service": self.service, "pod": self.name
        }  # fmt: skip

    def answer(self, request: Request, client: str) -> Answer | Reset:
        """What the image answers."""
        target = urlsplit(request.target)
        query = {name: values[0] for name, values in parse_qs(target.query).items()}
        path = target.path.replace("//", "/")
        if path == "/health":
            return Answer(status=200, body=b"OK")
        if match := re.fullmatch(r"/status/(\d\d\d)", path):
            return Answer(status=int(match[1]))
        if path.startswith("/retry/") and (failure := self._failure(query)) is not None:
            return failure
        return self._echo(request, client, seconds(query.get("delay", "")))

    def _failure(self, query: Mapping[str, str]) -> Answer | Reset | None:
        """How this attempt fails; None once there were enough of them."""
        if "uuid" not in query or not query.get("succeedAfter", "").isdigit():
            return Answer(status=400)
        if self.failures[query["uuid"]] >= int(query["succeedAfter"]):
            return None
        self.failures[query["uuid"]] += 1
        delay = seconds(query.get("delayRetry", ""))
        code = query.get("responseCode", "")
        return Answer(status=int(code), delay=delay) if code.isdigit() else Reset(delay=delay)

    def _echo(self, request: Request, client: str, delay: float) -> Answer:
        line = f"Echoing back request made to {request.target} to client ({client})"
        self.log.append((datetime.now(UTC), line))
        told: dict[str, object] = {
            "path": request.target,
            "host": request.host,
            "method": request.method,
            "proto": request.protocol,
            "headers": request.headers,
            "httpPort": "3000",
            **self.context(),
        }
        if request.server_name is not None:
            told["tls"] = {
                "serverName": request.server_name,
                "peerCertificates": list(request.client_certificates),
            }
        headers = (("Content-Type", "application/json"), *asked_headers(request.headers))
        return Answer(status=200, body=json.dumps(told, indent=1).encode(), headers=headers, delay=delay)


def asked_headers(headers: Headers) -> tuple[tuple[str, str], ...]:
    """What `X-Echo-Set-Header` asks for; the values of one name are joined."""
    asked: dict[str, str] = {}
    for text in headers.get("X-Echo-Set-Header", []):
        for pair in text.split(","):
            name, _, value = pair.strip().partition(":")
            if name:
                asked[name] = f"{asked[name]},{value.strip()}" if name in asked else value
    return tuple(asked.items())


def canonical(name: str) -> str:
    """A header's name as Go's net/http writes it."""
    return "-".join(part.capitalize() for part in name.split("-"))


_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0}


def seconds(duration: str) -> float:
    """Go's `1s`, `250ms`, `1m`; 0 for none. Raises KeyError or ValueError for anything else."""
    if not duration:
        return 0.0
    number = duration.rstrip("ms")
    return float(number) * _UNITS[duration.removeprefix(number)]

"""What `client` does in a pod: calls over HTTP or gRPC, told line by line as the suite reads them.

Everything here waits in the thread it is called in, which is in the pod's network: there sockets are made.
"""

import argparse
import http.client
import json
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

import dns.exception
import dns.message
import dns.query
import dns.rdatatype
import dns.resolver
from tests.kit.netns import ROUTER

from conformance.cluster import grpc_calls

_WITHIN = 15.0
"""Seconds for one call; the longest delay any test asks for is less."""


class Failed(Exception):
    """There was no answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A command line, parsed."""

    url: SplitResult
    method: str
    headers: dict[str, str]
    count: int


def parse(arguments: Sequence[str]) -> Order:
    """`client http://echo/path --method=GET -H name:value --count=500`; without `client`."""
    parser = argparse.ArgumentParser(exit_on_error=False)
    parser.add_argument("url", type=urlsplit)
    parser.add_argument("--method", default="GET")
    parser.add_argument("-H", dest="headers", action="append", default=[])
    parser.add_argument("--count", type=int, default=1)
    parsed = parser.parse_args(arguments)
    headers = dict(pair.split(":", 1) for pair in parsed.headers)
    return Order(url=parsed.url, method=parsed.method, headers=headers, count=parsed.count)


def run(order: Order, namespace: str) -> str:
    """One section per answer, with an empty line between two. Raises Failed."""
    call = _grpc if order.url.scheme == "grpc" else _http
    try:
        host = order.url.hostname or ""
        address = host if _is_address(host) else find(host, namespace)
        with socket.create_connection((address, order.url.port or 80), timeout=_WITHIN) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return "\n".join("\n".join([*lines, ""]) for lines in call(order, connection))
    except (OSError, http.client.HTTPException, dns.exception.DNSException, grpc_calls.Refused) as error:
        raise Failed(f"{order.url.geturl()}: {type(error).__name__}: {error}") from error


def find(host: str, namespace: str) -> str:
    """The address of a name, tried with the domains a pod has in its resolv.conf. Raises Failed.

    The name server is the cluster's; the agent answers in its place.
    """
    for domain in (f".{namespace}.svc.cluster.local", ".svc.cluster.local", ".cluster.local", ""):
        query = dns.message.make_query(f"{host}{domain}", dns.rdatatype.A)
        answer = dns.query.udp(query, ROUTER, timeout=_WITHIN)
        found = [
            record.address
            for each in answer.answer
            for record in each
            if record.rdtype == query.question[0].rdtype
        ]
        if found:
            return str(found[0])
    raise Failed(f"{host}: there is no such name")


def _is_address(host: str) -> bool:
    return host.replace(".", "").isdigit()


def _http(order: Order, connection: socket.socket) -> Iterator[list[str]]:
    """All on one connection."""
    caller = http.client.HTTPConnection(order.url.netloc)
    caller.sock = connection
    target = (order.url.path or "/") + (f"?{order.url.query}" if order.url.query else "")
    for _ in range(order.count):
        caller.request(order.method, target, headers=order.headers)
        answer = caller.getresponse()
        body = answer.read()
        headers = [f"ResponseHeader={name}:{value}" for name, value in answer.getheaders()]
        yield [f"StatusCode={answer.status}", *headers, *_told(body)]


def _told(body: bytes) -> list[str]:
    """What the pod that answered says about the request; nothing where no pod has answered."""
    try:
        told = json.loads(body)
    except ValueError:
        return []
    headers = [
        f"RequestHeader={name}:{value}" for name, values in told["headers"].items() for value in values
    ]
    return [
        f"Hostname={told['pod']}", f"Host={told['host']}", f"URL={told['path']}",
        f"Method={told['method']}", f"Proto={told['proto']}", *headers,
    ]  # fmt: skip


def _grpc(order: Order, connection: socket.socket) -> Iterator[list[str]]:
    for pod in grpc_calls.echo(connection, order.url.netloc, order.headers, order.count):
        yield ["StatusCode=200", f"Hostname={pod}"]

"""Rules of readiness probes."""

from collections.abc import Collection, Iterator

from sekisho.model import paths
from sekisho.model.fields import Port, PortName
from sekisho.model.mistakes import value_mistakes
from sekisho.model.probe import Probe, ProbePort
from sekisho.model.problems import Problem
from sekisho.model.reasons import Reason


def probe(path: str, value: Probe, port_names: Collection[str | None]) -> Iterator[Problem]:
    """Exactly one way to look, at a port that is there."""
    given = {"httpGet": value.http_get, "tcpSocket": value.tcp_socket, "grpc": value.grpc}
    chosen = [name for name, handler in given.items() if handler is not None]
    if len(chosen) != 1:
        found = ", ".join(chosen) or "none"
        yield Problem(path, f"expected exactly one of {', '.join(given)}, found {found}")
    if value.http_get:
        where = paths.field(path, "httpGet")
        yield from _port(paths.field(where, "port"), value.http_get.port, port_names)
        if not value.http_get.path.startswith("/") or not value.http_get.path.isprintable():
            yield Problem(paths.field(where, "path"), "expected a path that begins with `/`")
    if value.tcp_socket:
        yield from _port(paths.field(path, "tcpSocket.port"), value.tcp_socket.port, port_names)


def _port(path: str, port: ProbePort, names: Collection[str | None]) -> Iterator[Problem]:
    if isinstance(port, int):
        yield from value_mistakes(Port, port, path)
    elif port not in names:
        known = ", ".join(sorted(filter(None, names))) or "none has a name"
        message = f'no port of the workload is called "{port[:60]}"'
        yield from value_mistakes(PortName, port, path) or [
            Problem(path, message, f"its ports: {known}", Reason.INVALID)
        ]

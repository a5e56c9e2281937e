"""Rules of the values of policies about what proxies tell: logs, spans, metrics."""

import re
from collections.abc import Iterator

from sekisho.kit import durations
from sekisho.kit.text import did_you_mean
from sekisho.model import paths
from sekisho.model.fields import Port
from sekisho.model.mistakes import value_mistakes
from sekisho.model.policies.access_log import AccessLogDefault, LogFormat, TcpLog
from sekisho.model.policies.collectors import Collector
from sekisho.model.policies.log_operators import OPERATORS
from sekisho.model.policies.metrics import ApplicationMetrics, MetricsDefault, OpenTelemetryMetrics
from sekisho.model.policies.tracing import TracingDefault
from sekisho.model.problems import Problem
from sekisho.model.reasons import Reason
from sekisho.model.validation import regex
from sekisho.model.validation.policies_values import one_of, percentage
from sekisho.model.validation.shared import host, ip_version, no_backend, stranger, unique

_BACKENDS = {"File": "file", "Tcp": "tcp", "OpenTelemetry": "open_telemetry"}
_PUBLISHED = {"Prometheus": "prometheus", "OpenTelemetry": "open_telemetry"}
SHORTEST_INTERVAL, LONGEST_INTERVAL = 1000, 3_600_000
"""Milliseconds between two sendings of metrics; each costs the proxy a look at all it counts."""
_TRACERS = {"Zipkin": "zipkin", "OpenTelemetry": "open_telemetry"}
_FORMATS = {"Plain": "plain", "Json": "json"}
_PATH = re.compile(r"/[!-~]*")
"""No space and no end of line: those would end the line of the agent's request."""
_OPERATOR = re.compile(r"%%|%([A-Z0-9_]+)(?:\([^()%]*\))?(?::[0-9]{1,6})?%")
"""Envoy's command operators: `%NAME%`, `%NAME(ARGUMENT):LENGTH%`, and `%%` for the sign itself."""


def access_log(path: str, value: AccessLogDefault) -> Iterator[Problem]:
    """Backends and formats."""
    for index, backend in enumerate(value.backends or ()):
        where = paths.item(paths.field(path, "backends"), index)
        yield from one_of(where, backend, _BACKENDS)
        if backend.file and backend.file.format:
            yield from _format(paths.field(where, "file.format"), backend.file.format)
        if backend.tcp:
            address, number = _host_and_port(backend.tcp)
            place = paths.field(where, "tcp.address")
            yield from value_mistakes(Port, number, place)
            yield from host(place, address)
            if backend.tcp.format:
                yield from _format(paths.field(where, "tcp.format"), backend.tcp.format)
        if otel := backend.open_telemetry:
            place = paths.field(where, "openTelemetry")
            yield from _collector(paths.field(place, "collector"), otel.collector)
            yield from _operators(paths.field(place, "body"), otel.body or "")
            for position, attribute in enumerate(otel.attributes):
                yield from _operators(f"{place}.attributes[{position}].value", attribute.value)


def access_log_of_others(path: str, value: AccessLogDefault) -> Iterator[Problem]:
    """Lines about calls to one's own service, which proxies of all callers write, wherever they are."""
    for index, backend in enumerate(value.backends or ()):
        where = paths.item(paths.field(path, "backends"), index)
        if backend.tcp:
            yield from stranger(paths.field(where, "tcp.address"), _host_and_port(backend.tcp)[0])
        if backend.open_telemetry and (address := backend.open_telemetry.collector.address) is not None:
            yield from stranger(paths.field(where, "openTelemetry.collector.address"), address.lower())


def _host_and_port(server: TcpLog) -> tuple[str, int]:
    address, _, number = server.address.rpartition(":")
    return address.strip("[]").lower(), int(number)


def _format(path: str, format_: LogFormat) -> Iterator[Problem]:
    yield from one_of(path, format_, _FORMATS)
    yield from _operators(paths.field(path, "plain"), format_.plain or "")
    fields = format_.json or ()
    yield from unique(paths.field(path, "json"), (field.key for field in fields), "key", "key")
    for index, field in enumerate(fields):
        yield from _operators(f"{path}.json[{index}].value", field.value)


def _operators(path: str, text: str) -> Iterator[Problem]:
    """What is left of a text without its command operators has no `%`, or Envoy refuses the listener."""
    if "%" in _OPERATOR.sub("", text):
        hint = "such as %RESPONSE_CODE% or %REQ(X-NAME)%; write %% for the sign itself"
        yield Problem(path, "has a `%` that belongs to no command operator", hint)
    for name in _OPERATOR.findall(text):
        if name and name not in OPERATORS:
            yield Problem(path, f"unknown command operator %{name}%", did_you_mean(name, OPERATORS))


def _collector(path: str, collector: Collector) -> Iterator[Problem]:
    """An address and its port, or a Service."""
    if (collector.address is None) == (collector.service is None):
        yield Problem(path, "expected an address or a service", reason=Reason.REQUIRED)
    elif collector.address is not None and collector.port is None:
        yield Problem(paths.field(path, "port"), "is required with an address", reason=Reason.REQUIRED)
    elif collector.service is not None and collector.port is not None:
        hint = "write it inside of service"
        yield Problem(paths.field(path, "port"), "is of the address", hint, Reason.FORBIDDEN)
    if collector.address is not None:
        yield from host(paths.field(path, "address"), collector.address.lower())


def tracing(path: str, value: TracingDefault) -> Iterator[Problem]:
    """The backend, shares, tags."""
    for index, backend in enumerate(value.backends or ()):
        where = paths.item(paths.field(path, "backends"), index)
        yield from one_of(where, backend, _TRACERS)
        if backend.zipkin:
            yield from _collector(paths.field(where, "zipkin.collector"), backend.zipkin.collector)
        if backend.open_telemetry:
            place = paths.field(where, "openTelemetry.collector")
            yield from _collector(place, backend.open_telemetry.collector)
    if value.sampling:
        for name in ("overall", "client", "random"):
            share = getattr(value.sampling, name)
            if share is not None:
                yield from percentage(paths.field(path, f"sampling.{name}"), share)
    tags = value.tags or ()
    yield from unique(paths.field(path, "tags"), (tag.name for tag in tags), "name", "tag")
    for index, tag in enumerate(tags):
        if (tag.literal is None) == (tag.header is None):
            where = paths.item(paths.field(path, "tags"), index)
            yield Problem(where, "expected either literal or header", reason=Reason.REQUIRED)


def metrics(path: str, value: MetricsDefault) -> Iterator[Problem]:
    """Expressions, backends."""
    profiles = value.sidecar.profiles if value.sidecar else None
    for name in ("exclude", "include"):
        for index, selector in enumerate((getattr(profiles, name) if profiles else None) or ()):
            if selector.type == "Regex":
                where = paths.field(path, f"sidecar.profiles.{name}[{index}].match")
                yield from regex.problems(where, selector.match)
    applications = value.applications or ()
    where = paths.field(path, "applications")
    yield from unique(where, (one.name for one in applications), "name", "name")
    for index, application in enumerate(applications):
        yield from _application(paths.item(where, index), application)
    for index, backend in enumerate(value.backends or ()):
        where = paths.item(paths.field(path, "backends"), index)
        yield from one_of(where, backend, _PUBLISHED)
        if backend.open_telemetry:
            yield from _pushed(paths.field(where, "openTelemetry"), backend.open_telemetry)


def _pushed(path: str, wanted: OpenTelemetryMetrics) -> Iterator[Problem]:
    """The agent sends them, which calls no Services: it is not what its proxy is for."""
    place = paths.field(path, "collector")
    yield from _collector(place, wanted.collector)
    if wanted.collector.service is not None:
        yield Problem(
            paths.field(place, "service"), "the agent sends metrics, and calls no Services", "use an address",
            Reason.FORBIDDEN,
        )  # fmt: skip
    interval = durations.parse(wanted.refresh_interval)
    if not SHORTEST_INTERVAL <= interval <= LONGEST_INTERVAL:
        range_ = f"{durations.format(SHORTEST_INTERVAL)} to {durations.format(LONGEST_INTERVAL)}"
        message = f"expected {range_}, found {durations.format(interval)}"
        yield Problem(paths.field(path, "refreshInterval"), message)


def _application(path: str, application: ApplicationMetrics) -> Iterator[Problem]:
    """The agent asks there, and tells whoever asks it: not what a cloud tells the host."""
    if not _PATH.fullmatch(application.path):
        yield Problem(paths.field(path, "path"), "expected a path that begins with `/`, in printable ASCII")
    text, where = application.address, paths.field(path, "address")
    if text is None:
        return
    if ip_version(text) is None:
        yield Problem(where, f'expected an IP address, found "{text[:60]}"')
    elif why := no_backend(text):
        yield Problem(where, f"{text} {why}", reason=Reason.FORBIDDEN)

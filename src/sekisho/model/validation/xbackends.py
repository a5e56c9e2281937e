"""Rules of XBackend and XBackendTrafficPolicy (the CEL rules of their CRDs, and what cannot be meant)."""

from collections.abc import Iterator

from sekisho.kit import durations
from sekisho.model import paths
from sekisho.model.fields import DnsLabel
from sekisho.model.mistakes import value_mistakes
from sekisho.model.problems import Problem
from sekisho.model.reasons import Reason
from sekisho.model.validation import sessions
from sekisho.model.validation.backend_tls_policy import tls_validation
from sekisho.model.validation.shared import host, ip_version, unique
from sekisho.model.xbackend import XBackend, XBackendSpec, XBackendTls
from sekisho.model.xbackend_traffic_policy import RetryConstraint, XBackendTrafficPolicy

_INSIDE = (".cluster.local", ".mesh.local")
"""Names of Kubernetes and of our meshes: what they lead to is named by its own kind."""
_SECOND, _HOUR = 1_000, 3_600_000


def xbackend(resource: XBackend) -> Iterator[Problem]:
    """A name outside, and TLS that fits what is spoken."""
    spec = resource.spec
    if spec.port.name:
        yield from value_mistakes(DnsLabel, spec.port.name, "spec.port.name")
    if spec.external_hostname is None:
        message = "is required for type ExternalHostname"
        yield Problem("spec.externalHostname", message, reason=Reason.REQUIRED)
    else:
        yield from _hostname("spec.externalHostname.hostname", spec.external_hostname.hostname)
    if spec.tls is not None:
        yield from _tls("spec.tls", spec, spec.tls)


def _hostname(path: str, hostname: str) -> Iterator[Problem]:
    if ip_version(hostname) is not None:
        yield Problem(path, "expected a host name, found an IP address")
    else:
        yield from host(path, hostname)
    if hostname.endswith(_INSIDE):
        yield Problem(path, f"{hostname} is inside: use a backendRef to what it is the name of")


def _tls(path: str, spec: XBackendSpec, tls: XBackendTls) -> Iterator[Problem]:
    shown = tls.client_certificate_ref is not None
    if tls.mode == "ClientAndServer" and not shown:
        where = paths.field(path, "clientCertificateRef")
        yield Problem(where, "is required for mode ClientAndServer", reason=Reason.REQUIRED)
    if tls.mode != "ClientAndServer" and shown:
        message = f"belongs to mode ClientAndServer, and the mode is {tls.mode}"
        yield Problem(paths.field(path, "clientCertificateRef"), message, reason=Reason.FORBIDDEN)
    if tls.mode != "None" and spec.protocol == "H2C":
        message, hint = "H2C is HTTP/2 without TLS", "use protocol HTTP2"
        yield Problem("spec.protocol", message, hint, Reason.FORBIDDEN)
    if tls.validation is not None:
        yield from tls_validation(paths.field(path, "validation"), tls.validation)


def xbackend_traffic_policy(resource: XBackendTrafficPolicy) -> Iterator[Problem]:
    """Targets, times, sessions."""
    spec = resource.spec
    targets = ((target.group, target.kind, target.name) for target in spec.target_refs)
    yield from unique("spec.targetRefs", targets, "", "target")
    if spec.retry_constraint is not None:
        yield from _constraint("spec.retryConstraint", spec.retry_constraint)
    if spec.session_persistence is not None:
        yield from sessions.session("spec.sessionPersistence", spec.session_persistence)


def _constraint(path: str, wanted: RetryConstraint) -> Iterator[Problem]:
    budget, rate = wanted.budget.interval, wanted.min_retry_rate.interval
    if not _SECOND <= durations.parse(budget) <= _HOUR:
        where = paths.field(path, "budget.interval")
        yield Problem(where, f"expected 1s to 1h, found {budget}")
    if rate is not None and not 0 < durations.parse(rate) <= _HOUR:
        where = paths.field(path, "minRetryRate.interval")
        yield Problem(where, f"expected more than 0s and at most 1h, found {rate}")

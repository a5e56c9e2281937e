"""Rules of MeshTLS, and of TLS versions wherever they stand."""

from collections.abc import Iterator

from sekisho.model import paths
from sekisho.model.mesh_tls import MeshTLS, TlsVersions
from sekisho.model.problems import Problem
from sekisho.model.reasons import Reason
from sekisho.model.validation import targets


def mesh_tls(resource: MeshTLS) -> Iterator[Problem]:
    """Target; versions and ciphers, which both ends must agree on, for the whole mesh only."""
    reference = resource.spec.target_ref
    yield from targets.target(resource, reference, ("Mesh", "Workload", "Service"))
    for index, rule in enumerate(resource.spec.rules):
        where = paths.field(paths.item("spec.rules", index), "default")
        for name, value in (
            ("tlsVersion", rule.default.tls_version),
            ("tlsCiphers", rule.default.tls_ciphers),
        ):
            if value is not None and reference is not None and reference.kind != "Mesh":
                message = "can be said for the whole mesh only, because both ends must agree"
                hint = "write a MeshTLS with targetRef.kind Mesh"
                yield Problem(paths.field(where, name), message, hint, Reason.FORBIDDEN)
        if rule.default.tls_version:
            yield from tls_versions(paths.field(where, "tlsVersion"), rule.default.tls_version)


def tls_versions(path: str, versions: TlsVersions) -> Iterator[Problem]:
    """The oldest is not newer than the newest."""
    if versions.min == "TLS13" and versions.max == "TLS12":
        yield Problem(paths.field(path, "min"), "expected a version not newer than max, TLS12")

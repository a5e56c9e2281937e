"""Whose tokens are believed: at a port of a workload, and at Gateways."""

from collections.abc import Iterator

from msgspec.structs import replace

from sekisho import ir
from sekisho.model.mesh import MeshSpec


def with_token_issuers(inbound: ir.Inbound, mesh: MeshSpec) -> ir.Inbound:
    """Tokens are verified where some condition asks for their claims, and nowhere else."""
    if not mesh.jwt_providers or not any(caller.claims for caller in _callers(inbound)):
        return inbound
    return replace(inbound, token_issuers=issuers_of(mesh))


def issuers_of(mesh: MeshSpec) -> tuple[ir.TokenIssuer, ...]:
    """All who are believed in a mesh."""
    return tuple(
        ir.TokenIssuer(name=one.name, issuer=one.issuer, audiences=one.audiences, keys=one.jwks.inline)
        for one in mesh.jwt_providers
    )


def _callers(inbound: ir.Inbound) -> Iterator[ir.Caller]:
    yield from (rule.caller for rule in inbound.permissions.rules)
    for conditions in (inbound.rate_limits, inbound.faults, inbound.times, inbound.access_logs):
        yield from (one.caller for one in conditions if one.caller is not None)

"""Whose tokens a port of a workload believes."""

from collections.abc import Iterator

from msgspec.structs import replace

from sekisho import ir
from sekisho.model.mesh import MeshSpec


def with_token_issuers(inbound: ir.Inbound, mesh: MeshSpec) -> ir.Inbound:
    """Tokens are verified where some condition asks for their claims, and nowhere else."""
    if not mesh.jwt_providers or not any(caller.claims for caller in _callers(inbound)):
        return inbound
    issuers = tuple(
        ir.TokenIssuer(name=one.name, issuer=one.issuer, audiences=one.audiences, keys=one.jwks.inline)
        for one in mesh.jwt_providers
    )
    return replace(inbound, token_issuers=issuers)


def _callers(inbound: ir.Inbound) -> Iterator[ir.Caller]:
    yield from (rule.caller for rule in inbound.permissions.rules)
    for conditions in (inbound.rate_limits, inbound.faults, inbound.times, inbound.access_logs):
        yield from (one.caller for one in conditions if one.caller is not None)

"""A port that takes callers without mutual TLS beside the others, unread; and one of a captured workload."""

from tests.kit.sidecar import ORIGIN, TRUST_DOMAIN, inbound
from tests.kit.static import Plan

from sekisho import ir

PLAN = Plan(
    captured=(ir.CapturedInbound(origin=ORIGIN),),
    inbounds=(
        inbound(
            5432,
            5432,
            address="10.0.0.7",
            target_address="10.0.0.7",
            bound=False,
            protocol=ir.Protocol.TCP,
            inspected=False,
            tls=ir.MutualTls(mode=ir.MutualTlsMode.PERMISSIVE, trust_domains=(TRUST_DOMAIN, "other.test")),
        ),
        inbound(80, 80, address="10.0.0.8", target_address="10.0.0.8", bound=False, transparent=True),
    ),
)

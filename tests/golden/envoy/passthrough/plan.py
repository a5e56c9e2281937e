"""What becomes of captured connections to the outside: everything let through, nothing, or what is named."""

from tests.kit.sidecar import ORIGIN
from tests.kit.static import Plan

from sekisho import ir


def passthrough(port: int, **fields: object) -> ir.Passthrough:
    return ir.Passthrough(name=f"passthrough/{port}", port=port, origin=ORIGIN, **fields)  # type: ignore[arg-type]


PLAN = Plan(
    passthroughs=(
        passthrough(15001, everything=True, transparent=True),
        passthrough(15002),
        passthrough(15004, everything=True, closed=("241.0.0.0/8", "fd5e::/96")),
        passthrough(
            15005,
            closed=("241.0.0.0/8",),
            matches=(
                ir.PassthroughMatch(ranges=("241.0.0.1/32", "0.0.0.0/0")),
                ir.PassthroughMatch(hostnames=("example.org",), port=443, protocol="tls"),
            ),
        ),
        passthrough(
            15003,
            matches=(
                ir.PassthroughMatch(hostnames=("*.example.com", "example.org"), protocol="tls"),
                ir.PassthroughMatch(hostnames=("plain.example.com",), port=80, protocol="http"),
                ir.PassthroughMatch(ranges=("192.0.2.0/24", "2001:db8::/32"), port=443),
                ir.PassthroughMatch(ranges=("198.51.100.7/32",)),
            ),
        ),
    )
)

"""A chain that several listeners share, found by server name beside the chains; and callers that must say who
they are."""

from tests.kit.gateway import ORIGIN
from tests.kit.static import Plan

from sekisho import ir


def chain(name: str, *server_names: str, shared: bool = False, required: bool = True) -> ir.Chain:
    callers = ir.CallerValidation(authorities="authorities/Gateway/shop/edge/443", required=required)
    tls = ir.TlsTermination(certificates=(f"secret/shop/{name.strip('~')}",), callers=callers)
    return ir.Chain(
        table="443/https",
        name=f"443/{name}",
        server_names=server_names,
        shared=shared,
        tls=tls,
        origin=ORIGIN,
    )


PLAN = Plan(
    listeners=(
        ir.Listener(
            name="http/::/443",
            address="::",
            port=443,
            chains=(
                chain("any", required=False),
                chain("wild", "*.example.com"),
                chain("~shop", "a.example.com", "b.example.com", shared=True),
            ),
            origin=ORIGIN,
        ),
    )
)

"""TLS with a chain for each listener of the Gateway: exact name, wildcard, and everything else."""

from tests.kit.gateway import ORIGIN
from tests.kit.static import Plan

from sekisho import ir


def chain(name: str, *server_names: str, least: str = "1.2") -> ir.Chain:
    tls = ir.TlsTermination(certificates=(f"secret/shop/{name}",), min_version=least)
    return ir.Chain(table=f"443/{name}", server_names=server_names, tls=tls, origin=ORIGIN)


PLAN = Plan(
    listeners=(
        ir.Listener(
            name="http/::/443",
            address="::",
            port=443,
            chains=(
                chain("any"),
                chain("shop", "shop.example.com", least="1.3"),
                chain("wild", "*.example.com"),
            ),
            origin=ORIGIN,
        ),
    )
)

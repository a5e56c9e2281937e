"""Who may follow a stream as whom, by certificate and node id: nobody by the look of a name."""

from pathlib import Path

import pytest

from sekisho.aio.clock import SystemClock
from sekisho.app.identities.authentication import Peers
from sekisho.app.zones.place import Place
from sekisho.control.proxies import AGENT, owner_of
from sekisho.identity.authority import PROXY_LIFETIME
from sekisho.identity.revocation import Revocations

CART, WEB = "workload/shop/cart-1", "gateway/shop/web"


@pytest.fixture
def peers(tmp_path: Path) -> Peers:
    domain = Place().trust_domain
    return Peers(domain, Revocations(tmp_path / "revocations.json", PROXY_LIFETIME, SystemClock()))


def is_let_in(peers: Peers, spiffe_id: str, node: str) -> bool:
    return owner_of(node) is not None and not peers.stream_refusal(spiffe_id, node.removeprefix(AGENT))


@pytest.mark.parametrize("proxy", [CART, WEB])
def test_a_certificate_is_for_its_proxy_and_the_agent_beside_it(peers: Peers, proxy: str) -> None:
    for node in (proxy, f"{proxy}/host-1", f"agent/{proxy}/host-1"):
        assert is_let_in(peers, f"spiffe://{Place().trust_domain}/{proxy}", node)


@pytest.mark.parametrize(
    "node",
    [
        "", "agent/", "agent", "/", "workload", "workload/shop", "workload//cart-1", "workload/shop/",
        "workload/shop/cart-10/h", "workload/shop/cart/h", "workload/shop/cart-2/h",
        "workload/shop/cart-1/h/x",
        "workload/shop/cart-1/../cart-2", "Workload/shop/cart-1/h", " workload/shop/cart-1/h",
        "agent/agent/workload/shop/cart-1/h", "agent/workload/shop/cart-2/h", "agent/gateway/shop/web/h",
        "gateway/shop/cart-1/h", "gateway/shop/web/h", "control-plane",
    ],
)  # fmt: skip
def test_a_node_id_that_is_not_its_own_opens_nothing(peers: Peers, node: str) -> None:
    assert not is_let_in(peers, f"spiffe://{Place().trust_domain}/{CART}", node)


@pytest.mark.parametrize(
    "spiffe_id",
    [
        f"spiffe://default.default.mesh.local/{CART}",
        "spiffe://default.default.mesh.local/ns/shop/sa/cart",
        f"spiffe://{Place().trust_domain}.evil/{CART}",
        f"spiffe://{Place().trust_domain}/control-plane",
        f"spiffe://{Place().trust_domain}/workload/shop/cart",
        f"spiffe://{Place().trust_domain}/workload",
    ],
)
def test_a_traffic_identity_or_that_of_another_opens_no_stream(peers: Peers, spiffe_id: str) -> None:
    assert not is_let_in(peers, spiffe_id, f"{CART}/h")
    assert not is_let_in(peers, spiffe_id, f"agent/{CART}/h")

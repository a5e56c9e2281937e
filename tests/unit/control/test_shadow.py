"""What would be if policies in shadow counted, as proxies would be given it."""

from tests.unit.translate.mesh.mesh import shop
from tests.unit.translate.world import document

from sekisho.client.reviews import ConfigDumpSpec
from sekisho.control.shadow import shadow_dump, shadow_engine
from sekisho.translate.facts import ShadowKey
from sekisho.translate.mesh.names import Destination

TO_CART = {"targetRef": {"kind": "Service", "name": "cart"}, "default": {"connectionTimeout": "9s"}}
LATER = document(
    "Timeout", "later", metadata={"labels": {"sekisho.dev/effect": "shadow"}}, spec={"to": [TO_CART]}
)


def test_a_dump_with_shadows_has_what_they_would_change_and_the_live_engine_does_not() -> None:
    found = shop(LATER)
    spec = ConfigDumpSpec(workload="shop/web-1", type="cluster", shadow=True)
    dumped = {one.name: one.body for one in shadow_dump(found.engine.leaves(), spec).resources}
    assert dumped["shop/cart/80"]["connect_timeout"] == "9s"
    live = found.cluster("web-1", Destination("Service", "shop", "cart", 80))
    assert live is not None
    assert live.connect_timeout_ms == 5000


def test_a_shadow_engine_has_the_same_leaves_and_one_more() -> None:
    found = shop(LATER)
    assert shadow_engine(found.engine).leaves() == found.engine.leaves() | {ShadowKey(): True}

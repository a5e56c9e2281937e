"""Plans for a policy to change, and the rules that say how."""

from typing import Any, TypeVar

import msgspec

from sekisho import ir
from sekisho.ir.callers import Text
from sekisho.model.names import Origin, ResourceId
from sekisho.policies.merging import Order, Part
from sekisho.policies.rules import EVERYBODY, Rule

ORIGIN = Origin(ResourceId("Service", "shop", "cart"))
CLUSTER = ir.Cluster(name="shop/cart/80", origin=ORIGIN)
FORWARD = ir.Forward(shares=(ir.Share(cluster="shop/cart/80", weight=1, origin=ORIGIN),))
OUTBOUND = ir.Outbound(
    name="outbound/shop/cart/80", addresses=("241.0.0.1",), port=80, bound=False, tcp=None, origin=ORIGIN
)
BYTES = msgspec.structs.replace(OUTBOUND, tcp=ir.TcpForward(shares=(("shop/cart/80", 1),)))
INBOUND = ir.Inbound(
    name="inbound/80", address="10.0.0.1", port=80, bound=True, target_address="127.0.0.1", target_port=80,
    protocol=ir.Protocol.HTTP1, tls=None, inspected=False, permissions=ir.Permissions(), origin=ORIGIN,
)  # fmt: skip
SOME = ir.Caller(identities=(Text("exact", "spiffe://a.b/c"),))

T = TypeVar("T")


def conf(type_: type[T], **fields: Any) -> T:
    return msgspec.convert(fields, type_)


def rule(document: dict[str, Any], caller: ir.Caller = EVERYBODY, number: int = 0) -> Rule:
    place = Order(0, False, 1, 0, 0, False, (number, 1), (1,), 0)  # noqa: FBT003
    return Rule(caller, Part(place, Origin(ResourceId("Timeout", "shop", "a"), f"rules[{number}]"), document))

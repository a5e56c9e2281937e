"""What a stage says it looks at is all it looks at: leaving out the rest makes no difference to it."""

from typing import Any

import pytest

from sekisho import ir
from sekisho.model.names import Origin, ResourceId
from sekisho.model.policies.retry import RetryDefault, RetryHttp, RetryTcp
from sekisho.model.policies.timeout import TimeoutDefault, TimeoutHttp
from sekisho.policies.registry import BY_KIND, REGISTRY, Stage

ORIGIN = Origin(ResourceId("Service", "shop", "cart"))
CLUSTER = ir.Cluster(name="shop/cart/80", protocol=ir.Protocol.HTTP1, transport=None, origin=ORIGIN)
OUTBOUND = ir.Outbound(
    name="outbound/shop/cart/80", addresses=("241.0.0.1",), port=80, bound=False,
    tcp=ir.TcpForward(shares=(("shop/cart/80", 1),)), origin=ORIGIN,
)  # fmt: skip
PLAIN: dict[Stage, Any] = {"cluster": CLUSTER, "outbound": OUTBOUND}
EVERYTHING = {
    "Timeout": TimeoutDefault(
        connection_timeout="1s",
        idle_timeout="2s",
        http=TimeoutHttp(
            request_timeout="3s",
            stream_idle_timeout="4s",
            max_stream_duration="5s",
            max_connection_duration="6s",
            request_headers_timeout="7s",
        ),
    ),
    "Retry": RetryDefault(tcp=RetryTcp(max_connect_attempt=3), http=RetryHttp(num_retries=4)),
}
"""By kind: something in every field."""


@pytest.mark.parametrize(
    ("kind", "stage"), [(policy.kind, stage) for policy in REGISTRY for stage in policy.looks_at]
)
def test_what_is_left_out_makes_no_difference(kind: str, stage: Stage) -> None:
    policy, conf = BY_KIND[kind], EVERYTHING[kind]
    looked_at = policy.looks_at[stage](conf)
    change = getattr(policy, stage)
    assert looked_at != conf
    assert change(PLAIN[stage], looked_at) == change(PLAIN[stage], conf) != PLAIN[stage]

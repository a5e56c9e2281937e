"""The flags of an agent of one workload."""

import pytest

from sekisho.app.host.own_workload import OwnPort, parse
from sekisho.app.settings import BadSetting, agent, own_workload
from sekisho.model.document import check


def test_all_flags_make_a_workload_the_api_takes() -> None:
    own = parse(
        "shop/cart-1", address="10.0.0.1", ports=("http=8080:9000", "tcp=99"), labels=("app=cart",),
        account="cart", capture="tproxy",
    )  # fmt: skip
    assert own.ports == (OwnPort("http", 8080, 9000), OwnPort("tcp", 99, 99))
    assert own.captures
    made = check("Workload", own.manifest()).resource
    assert (made.spec.service_account_name, made.spec.sidecar.capture) == ("cart", "TransparentProxy")
    assert made.spec.ports[0].target_port == 9000


@pytest.mark.parametrize(
    ("text", "flags", "named"),
    [
        ("cart", {}, "--workload"),
        ("shop/../x", {}, "--workload"),
        ("shop/c", {"address": "here"}, "--address"),
        ("shop/c", {"ports": ("8080",)}, "--port"),
        ("shop/c", {"ports": ("http=0",)}, "--port"),
        ("shop/c", {"ports": ("http=80:70000",)}, "--port"),
        ("shop/c", {"labels": ("app",)}, "--label"),
        ("shop/c", {"capture": "all"}, "--capture"),
    ],
)
def test_a_mistake_names_its_flag(text: str, flags: dict[str, object], named: str) -> None:
    with pytest.raises(BadSetting, match=f"^{named}: "):
        own_workload(text, **flags)


def test_it_has_a_state_folder_of_its_own_and_the_hosts_kubeconfig() -> None:
    chosen = agent(workload=parse("shop/cart"), environment={})
    assert str(chosen.state) == ".sekisho/workloads/shop.cart"
    assert str(chosen.kubeconfig) == ".sekisho/agent/kubeconfig"

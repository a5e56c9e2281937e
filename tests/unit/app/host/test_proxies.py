"""Which proxies a host is to run, from what the API says."""

from sekisho.agent.host import ProxySpec
from sekisho.app.host.proxies import HostProxies, OneWorkload, is_local
from sekisho.client import Client, Key
from sekisho.translate.gateway.classes import CONTROLLER_NAME


async def test_gateways_of_our_classes_are_wanted_and_changes_told(client: Client) -> None:
    proxies = HostProxies(client)
    proxies._take_gateways({Key("shop", "door"): "sekisho", Key("shop", "other"): "istio"})
    proxies._take_classes({Key("", "sekisho"): CONTROLLER_NAME, Key("", "istio"): "istio.io/gateway"})
    assert proxies._specs.value is None
    proxies._take_workloads({})
    told = proxies.watch()
    assert await anext(told) == {ProxySpec("gateway/shop/door")}
    proxies._take_gateways({Key("shop", "other"): "istio"})
    assert await anext(told) == frozenset()
    proxies._take_gateways({Key("shop", "door"): "sekisho", Key("a", "b"): "sekisho"})
    assert await anext(told) == {ProxySpec("gateway/shop/door"), ProxySpec("gateway/a/b")}


async def test_nothing_is_told_before_both_classes_and_gateways_are_known(client: Client) -> None:
    """Else an agent that starts would end the proxies of its predecessor."""
    proxies = HostProxies(client)
    proxies._take_gateways({Key("shop", "door"): "sekisho"})
    assert proxies._specs.value is None


async def test_workloads_with_a_sidecar_and_an_address_of_this_host_are_wanted(client: Client) -> None:
    proxies = HostProxies(client)
    proxies._take_gateways({})
    proxies._take_classes({})
    proxies._take_workloads(
        {Key("shop", "a"): "127.0.0.7", Key("shop", "b"): "192.0.2.1", Key("shop", "c"): ""}
    )
    assert await anext(proxies.watch()) == {ProxySpec("workload/shop/a")}


def test_an_address_is_local_when_a_socket_can_have_it() -> None:
    assert is_local("127.3.2.1")
    assert is_local("::1")
    assert not any(map(is_local, ("192.0.2.1", "2001:db8::1", "localhost.test", "")))


async def test_an_agent_of_one_workload_wants_nothing_else() -> None:
    assert await anext(OneWorkload("shop/a").watch()) == {ProxySpec("workload/shop/a")}

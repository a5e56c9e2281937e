"""`sekisho status`: what has no conditions of its own to say what is wrong with it."""

from typing import Any

from tests.kit.objects import gateway_class, http_listener, id_of, manifest, write
from tests.unit.control.test_loop import running, until

from sekisho.control.system_status import system_status

PARAMETERS = {
    "apiGroup": "gateway.networking.k8s.io", "kind": "Gateway",
    "scope": "Namespace", "namespace": "shop", "name": "web",
}  # fmt: skip


def world() -> list[dict[str, Any]]:
    spec = {
        "gatewayClassName": "sekisho",
        "listeners": [http_listener()],
        "allowedListeners": {"namespaces": {"from": "All"}},
    }
    by_class = {"controller": "sekisho.dev/ingress-controller", "parameters": PARAMETERS}
    return [
        manifest("Namespace", "shop"), gateway_class(), manifest("Gateway", "web", spec=spec),
        manifest("IngressClass", "own", spec=by_class),
    ]  # fmt: skip


def ingress() -> dict[str, Any]:
    backend = {"service": {"name": "gone", "port": {"number": 80}}}
    rule = {"host": "a.test", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    tls = [{"hosts": ["a.test"], "secretName": "missing"}]
    made = manifest("Ingress", "door", spec={"ingressClassName": "own", "rules": [rule], "tls": tls})
    made["metadata"]["annotations"] = {"sekisho.dev/source": "shop/door.yaml:3"}
    return made


async def test_what_is_wrong_with_an_ingress_is_told_in_its_name_and_place() -> None:
    async with running() as (store, loop):
        await store.write([write("create", one) for one in (*world(), ingress())])

        def told() -> dict[str, str]:
            troubles = system_status(loop, "", 0).troubles
            assert {one.resource for one in troubles} <= {str(id_of(ingress()))}
            assert all((one.file, one.line) == ("shop/door.yaml", 3) for one in troubles)
            return {one.reason: one.message for one in troubles}

        await until(lambda: {"InvalidCertificateRef", "BackendNotFound"} <= told().keys())
        assert told()["InvalidCertificateRef"] == "Secret/shop/missing does not exist."
        (web,) = system_status(loop, "", 0).gateways
        assert web.listener_sets == 0, "what an Ingress adds is nobody's ListenerSet"


async def test_a_gateway_of_a_class_that_does_not_exist_is_told_with_the_one_that_was_meant() -> None:
    spec = {"gatewayClassName": "sekiso", "listeners": [http_listener()]}
    wrong = manifest("Gateway", "door", spec=spec)
    wrong["metadata"]["annotations"] = {"sekisho.dev/source": "shop/door.yaml:3"}
    copied = manifest("Gateway", "elsewhere", spec=spec)
    copied["metadata"]["labels"] = {"sekisho.dev/origin": "zone"}
    others = manifest("GatewayClass", "theirs", spec={"controllerName": "example.com/controller"})
    fine = manifest("Gateway", "fine", spec={**spec, "gatewayClassName": "theirs"})
    async with running() as (store, loop):
        await store.write([write("create", one) for one in (*world(), others, wrong, copied, fine)])
        await until(lambda: system_status(loop, "", 0).troubles != ())
        (told,) = system_status(loop, "", 0).troubles
        assert (told.resource, told.path, told.file, told.line) == (
            str(id_of(wrong)), "spec.gatewayClassName", "shop/door.yaml", 3,
        )  # fmt: skip
        assert told.message == 'GatewayClass/sekiso does not exist (did you mean "sekisho"?)'
        assert system_status(loop, "", 0, "global").troubles == ()

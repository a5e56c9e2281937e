"""Ingresses: the class they get, and what kubectl shows of them."""

from typing import Any

import pytest

from .harness import Api
from .test_tables import rows

INGRESSES = "/apis/networking.k8s.io/v1/namespaces/default/ingresses"
CLASSES = "/apis/networking.k8s.io/v1/ingressclasses"
OLD = "kubernetes.io/ingress.class"


def ingress(name: str = "web", annotations: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    backend = {"service": {"name": "cart", "port": {"number": 80}}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": name, "annotations": annotations or {}},
        "spec": {"defaultBackend": backend, **spec},
    }


def ingress_class(name: str, *, default: bool) -> dict[str, Any]:
    annotation = {"ingressclass.kubernetes.io/is-default-class": str(default).lower()}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IngressClass",
        "metadata": {"name": name, "annotations": annotation},
        "spec": {"controller": "sekisho.dev/ingress-controller"},
    }


async def test_an_ingress_that_names_no_class_gets_the_default_one(api: Api) -> None:
    await api.ok("POST", CLASSES, ingress_class("other", default=False))
    await api.ok("POST", CLASSES, ingress_class("usual", default=True))
    made = await api.ok("POST", INGRESSES, ingress())
    assert made["spec"]["ingressClassName"] == "usual"


async def test_one_that_names_a_class_in_either_way_keeps_it(api: Api) -> None:
    await api.ok("POST", CLASSES, ingress_class("usual", default=True))
    named = await api.ok("POST", INGRESSES, ingress("a", ingressClassName="other"))
    annotated = await api.ok("POST", INGRESSES, ingress("b", {OLD: "other"}))
    assert named["spec"]["ingressClassName"] == "other"
    assert "ingressClassName" not in annotated["spec"]


async def test_without_a_default_class_it_has_none(api: Api) -> None:
    made = await api.ok("POST", INGRESSES, ingress())
    assert "ingressClassName" not in made["spec"]
    assert made["status"] == {"loadBalancer": {}}


async def test_between_two_defaults_nobody_chooses(api: Api) -> None:
    for name in ("a", "b"):
        await api.ok("POST", CLASSES, ingress_class(name, default=True))
    answer = await api.call("POST", INGRESSES, ingress())
    assert answer.status_code == 403
    assert "there are 2 default ones, a, b" in answer.json()["message"]


async def test_a_class_is_not_named_twice(api: Api) -> None:
    answer = await api.call("POST", INGRESSES, ingress("web", {OLD: "a"}, ingressClassName="a"))
    assert answer.status_code == 403
    assert "cannot both be set" in answer.json()["message"]


@pytest.mark.parametrize(
    ("hosts", "shown"),
    [
        ((), "*"),
        (("a.test",), "a.test"),
        (("a.test", "*.b.test", "c.test", "d.test"), "a.test,*.b.test,c.test + 1 more..."),
    ],
)
async def test_ingresses_show_what_callers_need(api: Api, hosts: tuple[str, ...], shown: str) -> None:
    rules = [{"host": host} for host in hosts]
    tls = [{"hosts": ["a.test"], "secretName": "key"}]
    made = await api.ok("POST", INGRESSES, ingress(ingressClassName="usual", rules=rules, tls=tls))
    made["status"] = {"loadBalancer": {"ingress": [{"ip": "10.0.0.1"}, {"hostname": "lb.test"}]}}
    await api.ok("PUT", f"{INGRESSES}/web/status", made)
    assert await rows(api, INGRESSES) == [["web", "usual", shown, "10.0.0.1,lb.test", "80, 443"]]


async def test_classes_show_who_serves_them(api: Api) -> None:
    parameters = {"apiGroup": "gateway.networking.k8s.io", "kind": "Gateway", "name": "edge"}
    given = ingress_class("own", default=False)
    given["spec"]["parameters"] = {**parameters, "scope": "Namespace", "namespace": "shop"}
    await api.ok("POST", CLASSES, given)
    await api.ok("POST", CLASSES, ingress_class("usual", default=True))
    controller = "sekisho.dev/ingress-controller"
    assert await rows(api, CLASSES) == [
        ["own", controller, "Gateway.gateway.networking.k8s.io/edge"],
        ["usual", controller, "<none>"],
    ]

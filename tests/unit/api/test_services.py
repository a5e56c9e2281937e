"""The virtual address of a Service, as Kubernetes gives it."""

import asyncio
from typing import Any

import pytest

from sekisho.model.names import ResourceId
from sekisho.store.protocol import Write

from .harness import SERVICES, Api, service


async def test_a_service_gets_an_address_and_keeps_it(api: Api) -> None:
    made = await api.ok("POST", SERVICES, service())
    address = made["spec"]["clusterIP"]
    assert address.startswith("241.0.")
    assert made["spec"]["clusterIPs"] == [address]
    replaced = await api.ok("PUT", f"{SERVICES}/cart", service(selector={"app": "cart"}))
    assert replaced["spec"]["clusterIP"] == address


@pytest.mark.parametrize(
    ("spec", "address"),
    [
        ({"clusterIP": "None"}, "None"),
        ({"clusterIP": "241.0.2.3"}, "241.0.2.3"),
        ({"type": "ExternalName", "externalName": "a.b"}, None),
    ],
)
async def test_a_service_that_says_what_address_it_wants_is_obeyed(
    api: Api, spec: dict[str, Any], address: str | None
) -> None:
    assert (await api.ok("POST", SERVICES, service(**spec)))["spec"].get("clusterIP") == address


async def test_an_address_that_is_taken_is_refused(api: Api) -> None:
    made = await api.ok("POST", SERVICES, service("a"))
    refused = await api.refused(422, "POST", SERVICES, service("b", clusterIP=made["spec"]["clusterIP"]))
    assert refused["details"]["causes"] == [
        {
            "reason": "FieldValueDuplicate",
            "field": "spec.clusterIP",
            "message": f"{made['spec']['clusterIP']} is the address of another Service "
            "(leave it out to get a free one)",
        }
    ]


async def test_an_address_outside_of_the_range_is_refused(api: Api) -> None:
    refused = await api.refused(422, "POST", SERVICES, service(clusterIP="10.1.2.3"))
    (cause,) = refused["details"]["causes"]
    assert (cause["field"], cause["reason"]) == ("spec.clusterIP", "FieldValueForbidden")
    assert "10.1.2.3 is not in the range of virtual addresses, 241.0.0.0/9" in cause["message"]


async def test_an_address_never_changes_and_is_free_once_its_service_is_gone(api: Api) -> None:
    await api.ok("POST", SERVICES, service(clusterIP="241.0.2.3"))
    refused = await api.refused(422, "PUT", f"{SERVICES}/cart", service(clusterIP="241.0.2.4"))
    assert "spec.clusterIP: can never change" in refused["message"]
    await api.ok("DELETE", f"{SERVICES}/cart")
    assert (await api.ok("POST", SERVICES, service("b", clusterIP="241.0.2.3")))["spec"]["clusterIPs"] == [
        "241.0.2.3"
    ]


async def test_a_service_that_becomes_external_gives_its_address_back_and_may_come_home(api: Api) -> None:
    await api.ok("POST", SERVICES, service(clusterIP="241.0.2.3"))
    external = {"type": "ExternalName", "externalName": "a.b"}
    changed = await api.ok("PUT", f"{SERVICES}/cart", service(**external))
    assert "clusterIP" not in changed["spec"]
    assert "clusterIPs" not in changed["spec"]
    await api.ok("POST", SERVICES, service("b", clusterIP="241.0.2.3"))
    back = await api.ok("PUT", f"{SERVICES}/cart", service())
    assert back["spec"]["clusterIP"].startswith("241.0.")


async def test_a_dry_run_takes_no_address(api: Api) -> None:
    await api.ok("POST", f"{SERVICES}?dryRun=All", service(clusterIP="241.0.2.3"))
    await api.ok("POST", SERVICES, service("b", clusterIP="241.0.2.3"))


async def test_services_made_at_the_same_time_get_addresses_of_their_own(api: Api) -> None:
    made = await asyncio.gather(*(api.ok("POST", SERVICES, service(f"s{index}")) for index in range(40)))
    assert len({each["spec"]["clusterIP"] for each in made}) == 40


async def test_the_address_of_an_applied_service_belongs_to_no_applier(api: Api) -> None:
    url = f"{SERVICES}/cart?fieldManager=me"
    apply = {"content_type": "application/apply-patch+yaml"}
    made = await api.ok("PATCH", url, service(), **apply)
    again = await api.ok("PATCH", url, service(selector={"app": "cart"}), **apply)
    assert again["spec"]["clusterIP"] == made["spec"]["clusterIP"]
    owned = [entry["fieldsV1"]["f:spec"].keys() for entry in again["metadata"]["managedFields"]]
    assert not any("f:clusterIP" in keys for keys in owned)


async def test_a_start_completes_services_stored_without_address(api: Api) -> None:
    old = ResourceId("Service", "default", "old")
    await api.store.write([Write("create", old, service("old"))])
    await api.app.start()
    assert (await api.ok("GET", f"{SERVICES}/old"))["spec"]["clusterIP"].startswith("241.0.")

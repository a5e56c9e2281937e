"""What a program that is a Workload is told, from a real API."""

import pytest
from tests.kit.objects import manifest

from sekisho.app.folder.service_variables import of_service
from sekisho.app.folder.workload_programs import find
from sekisho.client import Client

PORTS = [{"name": "http", "port": 9050}, {"name": "admin-x", "port": 9051}]


@pytest.fixture(autouse=True)
async def _resources(client: Client) -> None:
    for name in ("shop", "bank"):
        await client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    for namespace, name, address in (
        ("shop", "cat-alog", "241.0.1.2"), ("bank", "pay", "241.0.0.9"), ("bank", "other", "241.0.0.8"),
        ("shop", "headless", "None"),
    ):  # fmt: skip
        made = manifest("Service", name, spec={"clusterIP": address, "ports": PORTS})
        made["metadata"]["namespace"] = namespace
        await client.create(made)


async def test_services_of_the_namespace_and_reachable_ones_elsewhere_are_told(client: Client) -> None:
    sidecar = {"outboundAddresses": "127.5.0.0/16", "reachable": [{"name": "pay", "namespace": "bank"}]}
    spec = {"address": "127.0.12.1", "ports": [{"port": 9050}], "sidecar": sidecar}
    await client.create(manifest("Workload", "cart", spec=spec))
    found = await find(client, "shop/cart")
    assert found is not None
    assert found.sidecar == (("127.0.12.1", 9050),)
    assert found.variables["CAT_ALOG_SERVICE_HOST"] == "127.5.1.2"
    assert found.variables["CAT_ALOG_SERVICE_PORT"] == "9050"
    assert found.variables["CAT_ALOG_SERVICE_PORT_ADMIN_X"] == "9051"
    assert found.variables["PAY_SERVICE_HOST"] == "127.5.0.9"
    assert not any(name.startswith(("OTHER", "HEADLESS")) for name in found.variables)


async def test_without_a_sidecar_there_is_nothing_to_wait_for(client: Client) -> None:
    await client.create(manifest("Workload", "plain", spec={"address": "127.0.0.1"}))
    assert await find(client, "shop/plain") is None
    assert await find(client, "shop/gone") is None


async def test_what_the_api_leaves_out_has_its_default(client: Client) -> None:
    await client.create(manifest("Workload", "cart", spec={"address": "127.0.0.1", "sidecar": {}}))
    found = await find(client, "shop/cart")
    assert found is not None
    assert found.variables["CAT_ALOG_SERVICE_HOST"] == "127.2.1.2"


def test_the_first_port_is_the_one_without_a_name() -> None:
    service = {"metadata": {"name": "a"}, "spec": {"ports": [{"port": 1}, {"port": 2}]}}
    assert of_service(service, "h") == {"A_SERVICE_HOST": "h", "A_SERVICE_PORT": "1"}

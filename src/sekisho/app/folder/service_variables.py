"""How a program finds the services of the mesh without DNS: the environment variables of Kubernetes.

`CATALOG_SERVICE_HOST` and `CATALOG_SERVICE_PORT`, and `CATALOG_SERVICE_PORT_HTTP` for a named port; the host
is the loopback address at which the program's own sidecar stands for the Service.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sekisho.client import Client, Selection
from sekisho.translate.mesh.names import outbound_address

HEADLESS = "None"


async def variables(client: Client, namespace: str, sidecar: Mapping[str, Any]) -> Mapping[str, str]:
    """Those for a workload of this namespace: of the Services in it, and of those elsewhere that its sidecar
    names as reachable. Raises ClientError.

    `sidecar`: `Workload.spec.sidecar` as the API gives it, with its defaults.
    """
    found: dict[str, str] = {}
    for service in await _services(client, namespace, sidecar.get("reachable") or ()):
        address = service["spec"].get("clusterIP") or HEADLESS
        if address != HEADLESS:
            found |= of_service(service, outbound_address(address, sidecar["outboundAddresses"]))
    return found


def of_service(service: Mapping[str, Any], host: str) -> Mapping[str, str]:
    """The variables of one Service that is called at `host`."""
    prefix = _word(service["metadata"]["name"])
    ports = service["spec"].get("ports") or ()
    found = {f"{prefix}_SERVICE_HOST": host}
    for port in reversed(ports):
        found[f"{prefix}_SERVICE_PORT"] = str(port["port"])  # the first one's stays, as in Kubernetes
        if name := port.get("name"):
            found[f"{prefix}_SERVICE_PORT_{_word(name)}"] = str(port["port"])
    return found


async def _services(
    client: Client, namespace: str, reachable: Iterable[Mapping[str, Any]]
) -> Iterable[Mapping[str, Any]]:
    own = list((await client.list("services", Selection(namespace=namespace))).items)
    for one in reachable:
        where, name = one.get("namespace") or namespace, one.get("name")
        if one.get("kind", "Service") == "Service" and name and where != namespace:
            own.append(await client.get("Service", name, where))
    return own


def _word(name: str) -> str:
    return name.upper().replace("-", "_").replace(".", "_")

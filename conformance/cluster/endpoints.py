"""Services with a selector get an EndpointSlice of the pods it selects, as in a cluster; pods of the mesh are
Workloads, which Services select themselves."""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing, suppress
from typing import Any

from conformance.cluster.objects import POD, Object, Objects
from conformance.cluster.programs import is_member
from sekisho.client import Client, Forbidden, Key, NotFound, present_then_changes

MANAGER = "conformance-endpoints"


class Endpoints:
    """Keeps the slices equal to Services and pods."""

    def __init__(self, client: Client, objects: Objects) -> None:
        self._client = client
        self._objects = objects
        self._services: Mapping[Key, Object] = {}
        self._written: dict[Key, Object] = {}
        self._settling = asyncio.Lock()

    async def run(self) -> None:
        """Follows Services until cancelled."""
        states = present_then_changes(self._client, "services", dict)
        async with aclosing(states):
            async for self._services in states:
                await self.settle()

    async def settle(self) -> None:
        """Writes what differs from what was written."""
        async with self._settling:
            wanted = {
                place: _slice(service, self._pods(place, service))
                for place, service in self._services.items()
                if service["spec"].get("selector")
            }
            for place in self._written.keys() - wanted.keys():
                await self._delete(place)
            for place, document in wanted.items():
                if self._written.get(place) != document:
                    await self._write(place, document)

    def _pods(self, place: Key, service: Object) -> list[Object]:
        selected = self._objects.list(POD, place.namespace, service["spec"]["selector"])
        return [pod for pod in selected if not is_member(pod["spec"])]

    async def _write(self, place: Key, document: Object) -> None:
        with suppress(NotFound, Forbidden):  # its namespace is gone, or about to be: so is the Service
            await self._client.apply(document, manager=MANAGER, force=True)
            self._written[place] = document

    async def _delete(self, place: Key) -> None:
        document = self._written.pop(place)
        with suppress(NotFound):
            await self._client.delete("EndpointSlice", document["metadata"]["name"], place.namespace)


def _slice(service: Object, pods: list[Object]) -> dict[str, Any]:
    metadata = service["metadata"]
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{metadata['name']}-pods",
            "namespace": metadata["namespace"],
            "labels": {
                "kubernetes.io/service-name": metadata["name"],
                "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
            },
        },
        "addressType": "IPv4",
        "ports": [
            {
                "name": port.get("name", ""),
                "protocol": port.get("protocol", "TCP"),
                "port": port.get("targetPort", port["port"]),
            }
            for port in service["spec"]["ports"]
        ],
        "endpoints": [_endpoint(pod) for pod in pods],
    }


def _endpoint(pod: Object) -> Object:
    return {
        "addresses": [pod["status"]["podIP"]],
        "conditions": {"ready": True, "serving": True, "terminating": False},
        "nodeName": pod["spec"]["nodeName"],
        "targetRef": {
            "kind": "Pod",
            "name": pod["metadata"]["name"],
            "namespace": pod["metadata"]["namespace"],
            "uid": pod["metadata"]["uid"],
        },
    }

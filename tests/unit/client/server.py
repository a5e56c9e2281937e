"""A stand-in API server: objects of one kind in memory, watches fed by hand, every request remembered."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2

from sekisho.client import Client
from sekisho.client.kubeconfig import Access
from sekisho.client.transport import Transport

GROUP = "gateway.networking.k8s.io"
RESOURCES = {
    "/api/v1": [{"name": "namespaces", "kind": "Namespace", "namespaced": False, "shortNames": ["ns"]}],
    f"/apis/{GROUP}/v1": [
        {
            "name": "gateways",
            "singularName": "gateway",
            "kind": "Gateway",
            "namespaced": True,
            "shortNames": ["gtw"],
        },
        {"name": "gateways/status", "kind": "Gateway", "namespaced": True},
    ],
}


def gateway(name: str, revision: int = 1, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "Gateway",
        "metadata": {"name": name, "namespace": "shop", "resourceVersion": str(revision)},
        "spec": spec,
    }


def line(type_: str, object_: dict[str, Any]) -> bytes:
    return json.dumps({"type": type_, "object": object_}).encode() + b"\n"


class Stream(httpx2.AsyncByteStream):
    """A response body in the given pieces; ends after the last one."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece


class Server:
    """Answers from `answers` first (in order), then by itself."""

    def __init__(self) -> None:
        self.requests: list[httpx2.Request] = []
        self.listings: list[httpx2.Response | Exception] = []
        self.watches: list[httpx2.Response | Exception] = []
        self.answers: list[httpx2.Response | Exception] = []

    def client(self) -> Client:
        access = Access(server="http://api.test", token="secret-token")
        return Client(Transport(access, transport=httpx2.MockTransport(self._answer)))

    def calls(self, method: str) -> list[httpx2.Request]:
        return [request for request in self.requests if request.method == method]

    async def _answer(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        path = request.url.path
        if path == "/apis":
            groups = [{"name": GROUP, "preferredVersion": {"groupVersion": f"{GROUP}/v1"}}]
            return httpx2.Response(200, json={"groups": groups})
        if path in RESOURCES:
            return httpx2.Response(200, json={"resources": RESOURCES[path]})
        if request.url.params.get("watch"):
            return _next(self.watches)
        if request.method == "GET" and path.endswith("/gateways") and self.listings:
            return _next(self.listings)
        return _next(self.answers)


def _next(answers: list[httpx2.Response | Exception]) -> httpx2.Response:
    answer = answers.pop(0) if answers else httpx2.Response(404, json={"reason": "NotFound", "message": "no"})
    if isinstance(answer, Exception):
        raise answer
    return answer


def listing(revision: int, *items: dict[str, Any]) -> httpx2.Response:
    bare = [{k: v for k, v in item.items() if k not in ("apiVersion", "kind")} for item in items]
    return httpx2.Response(200, json={"metadata": {"resourceVersion": str(revision)}, "items": bare})


def streamed(*pieces: bytes) -> httpx2.Response:
    return httpx2.Response(200, stream=Stream(list(pieces)))


def failure(code: int, reason: str, message: str, **more: Any) -> httpx2.Response:
    return httpx2.Response(code, json={"kind": "Status", "reason": reason, "message": message, **more})

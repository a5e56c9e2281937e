"""The API as the suite sees it: Sekisho's own, unchanged, and beside it the kinds of a cluster."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import httpx2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from conformance.cluster.kubelet import Kubelet
from conformance.cluster.objects import DEPLOYMENT, KINDS, POD, Conflict, Kind, Objects

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_JSON = "application/json"
_HOP_BY_HOP = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "accept-encoding", "content-encoding"}
)
"""Headers of a connection and not of a message (RFC 9110, 7.6.1), and what the client library sets itself."""

Settle = Callable[[], Awaitable[None]]


class Front:
    """Answers for `KINDS`, forwards everything else."""

    def __init__(
        self, upstream: httpx2.AsyncClient, objects: Objects, kubelet: Kubelet, settle: Settle
    ) -> None:
        """`settle` is awaited after every write, before it is answered."""
        self._upstream = upstream
        self._objects = objects
        self._kubelet = kubelet
        self._settle = settle

    def application(self) -> Starlette:
        """As ASGI."""
        routes = [
            Route("/api/v1", self._core),
            Route("/apis", self._groups),
            Route(DEPLOYMENT.prefix, self._apps),
            Route(f"{POD.prefix}/namespaces/{{namespace}}/pods/{{name}}/log", self._log),
        ]
        for kind in KINDS:
            routes += self._routes(kind)
        return Starlette(routes=[*routes, Route("/{path:path}", self._forward, methods=_METHODS)])

    def _routes(self, kind: Kind) -> list[Route]:
        async def collection(request: Request) -> Response:
            return await self._collection(kind, request)

        async def one(request: Request) -> Response:
            return await self._one(kind, request)

        inside = f"{kind.prefix}/namespaces/{{namespace}}/{kind.plural}"
        return [
            Route(f"{kind.prefix}/{kind.plural}", collection),
            Route(inside, collection, methods=["GET", "POST"]),
            Route(f"{inside}/{{name}}", one, methods=["GET", "PUT", "DELETE"]),
        ]

    # Discovery

    async def _core(self, request: Request) -> Response:
        answer = await self._ask(request)
        answer["resources"] += [kind.discovery for kind in KINDS if kind.prefix == "/api/v1"]
        return JSONResponse(answer)

    async def _groups(self, request: Request) -> Response:
        answer = await self._ask(request)
        version = {"groupVersion": DEPLOYMENT.api_version, "version": "v1"}
        answer["groups"].append({"name": "apps", "versions": [version], "preferredVersion": version})
        return JSONResponse(answer)

    async def _apps(self, _: Request) -> Response:
        found = {"groupVersion": DEPLOYMENT.api_version, "resources": [DEPLOYMENT.discovery]}
        return JSONResponse({"kind": "APIResourceList", "apiVersion": "v1", **found})

    async def _ask(self, request: Request) -> dict[str, Any]:
        """Upstream's answer in the plain form of discovery, which every client understands."""
        headers = {"accept": _JSON, "authorization": request.headers.get("authorization", "")}
        answer = await self._upstream.get(request.url.path, headers=headers)
        answer.raise_for_status()
        return dict(answer.json())

    # Kinds of the cluster

    async def _collection(self, kind: Kind, request: Request) -> Response:
        if request.method == "POST":
            try:
                made = self._objects.create(kind, request.path_params["namespace"], await request.json())
            except Conflict as error:
                return _failure(409, "AlreadyExists", str(error))
            await self._settle()
            return JSONResponse(made, 201)
        selector = request.query_params.get("labelSelector", "")
        labels = dict(pair.split("=", 1) for pair in selector.split(",") if pair)
        items = self._objects.list(kind, request.path_params.get("namespace"), labels)
        head = {"kind": f"{kind.kind}List", "apiVersion": kind.api_version, "metadata": {}}
        return JSONResponse({**head, "items": items})

    async def _one(self, kind: Kind, request: Request) -> Response:
        namespace, name = request.path_params["namespace"], request.path_params["name"]
        try:
            match request.method:
                case "PUT":
                    found = self._objects.update(kind, namespace, await request.json())
                case "DELETE":
                    found = self._objects.delete(kind, namespace, name)
                case _:
                    return JSONResponse(self._objects.get(kind, namespace, name))
        except KeyError:
            return _failure(404, "NotFound", f'{kind.plural} "{name}" not found')
        except Conflict as error:
            return _failure(409, "Conflict", str(error))
        await self._settle()
        return JSONResponse(found)

    async def _log(self, request: Request) -> Response:
        try:
            program = self._kubelet.program(**request.path_params)
        except KeyError:
            return _failure(404, "NotFound", "no such pod")
        since = datetime.fromisoformat(request.query_params.get("sinceTime", "1970-01-01T00:00:00Z"))
        return PlainTextResponse("".join(f"{line}\n" for when, line in program.log if when >= since))

    # Everything else

    async def _forward(self, request: Request) -> Response:
        answer = await self._upstream.request(
            request.method,
            request.url.path,
            params=request.url.query,
            headers=[(name, value) for name, value in request.headers.items() if name not in _HOP_BY_HOP],
            content=await request.body(),
        )
        if request.method == "POST" and request.url.path.endswith("/secrets"):
            await self._settle()  # pods may have waited for it
        headers = {name: value for name, value in answer.headers.items() if name not in _HOP_BY_HOP}
        return Response(answer.content, answer.status_code, headers)


def _failure(code: int, reason: str, message: str) -> Response:
    status = {"status": "Failure", "reason": reason, "message": message, "code": code}
    return JSONResponse({"kind": "Status", "apiVersion": "v1", "metadata": {}, **status}, code)

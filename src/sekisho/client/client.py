"""The typed calls: get, list, create, update, patch, apply, delete, watch."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from sekisho.client import kubeconfig
from sekisho.client.discovery import Catalog, ResourceType, resource_types
from sekisho.client.errors import UnknownKind
from sekisho.client.transport import Transport
from sekisho.client.watching import Event, events

Object = dict[str, Any]
"""A Kubernetes object as JSON: apiVersion, kind, metadata, spec, status."""

TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1,application/json"
MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"

REVIEWS = "/apis/sekisho.dev/v1alpha1"
"""Where the create-only kinds are posted: questions whose answer is in `status`."""


@dataclass(frozen=True, slots=True)
class Collection:
    """A consistent picture of one kind."""

    items: tuple[Object, ...]
    revision: str
    """The resourceVersion to watch from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which objects of a kind. The default is all of them."""

    namespace: str | None = None
    """None for all namespaces."""
    labels: str = ""
    """Label selector: `app=shop,tier!=test`."""
    fields: str = ""
    """Field selector: `metadata.name=cart`."""

    def parameters(self) -> dict[str, str]:
        selectors = {"labelSelector": self.labels, "fieldSelector": self.fields}
        return {key: value for key, value in selectors.items() if value}


EVERYTHING = Selection()


class Client:
    """One API server. Every call raises `Unreachable`, `UnknownKind` or an `ApiError`.

    `kind` is any name a person might use: `HTTPRoute`, `httproutes`, `httproute.gateway.networking.k8s.io`,
    or a short name the server declares. Use as `async with`, or call `close`.
    """

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self._catalog: Catalog | None = None
        self._discovering = asyncio.Lock()  # one discovery serves everyone who asks meanwhile

    @classmethod
    def from_kubeconfig(cls, path: Path, context: str = "", *, confined: bool = False) -> Self:
        """Raises `kubeconfig.BadKubeconfig`; see `kubeconfig.read`."""
        return cls(Transport(kubeconfig.read(path, context, confined=confined)))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self.transport.close()

    async def catalog(self, *, refresh: bool = False) -> Catalog:
        """What the server serves; asked once, then remembered."""
        async with self._discovering:
            if self._catalog is None or refresh:
                self._catalog = Catalog(await _discover(self.transport))
            return self._catalog

    async def resource_type(self, kind: str) -> ResourceType:
        """Asks the server again when it did not know `kind` before. Raises UnknownKind."""
        try:
            return (await self.catalog()).find(kind)
        except UnknownKind:
            return (await self.catalog(refresh=True)).find(kind)

    async def version(self) -> Object:
        """The server's `/version`."""
        return _object(await self.transport.request("GET", "/version"))

    async def get(self, kind: str, name: str, namespace: str = "") -> Object:
        """Raises NotFound."""
        type_ = await self.resource_type(kind)
        return _object(await self.transport.request("GET", type_.path(namespace, name)))

    async def list(self, kind: str, selection: Selection = EVERYTHING) -> Collection:
        """Every item, with `apiVersion` and `kind` filled in (servers leave them out of list items)."""
        type_ = await self.resource_type(kind)
        answer = await self.transport.request(
            "GET", type_.path(selection.namespace), parameters=selection.parameters()
        )
        head = {"apiVersion": type_.api_version, "kind": type_.kind}
        items = tuple(head | item for item in answer.get("items") or ())
        return Collection(items, str(answer["metadata"]["resourceVersion"]))

    async def table(self, kind: str, selection: Selection = EVERYTHING, name: str = "") -> Object:
        """What `get` prints: a `meta.k8s.io/v1` Table of the objects, or of the one called `name`."""
        type_ = await self.resource_type(kind)
        path = type_.path(selection.namespace, name)
        parameters = {} if name else selection.parameters()
        return _object(await self.transport.request("GET", path, parameters=parameters, accept=TABLE))

    async def create(self, object_: Mapping[str, Any], *, dry_run: bool = False) -> Object:
        """Raises AlreadyExists or Invalid."""
        type_, namespace, _ = await self._address(object_)
        return _object(
            await self.transport.request(
                "POST", type_.path(namespace), body=object_, parameters=_dry_run(dry_run)
            )
        )

    async def update(
        self, object_: Mapping[str, Any], *, subresource: str = "", dry_run: bool = False
    ) -> Object:
        """Replaces the object; with metadata.resourceVersion, raises Conflict when someone wrote since."""
        type_, namespace, name = await self._address(object_)
        path = type_.path(namespace, name, subresource)
        return _object(await self.transport.request("PUT", path, body=object_, parameters=_dry_run(dry_run)))

    async def patch(
        self, kind: str, name: str, namespace: str = "", *, patch: Any, subresource: str = ""
    ) -> Object:
        """RFC 7396 merge patch for a mapping, RFC 6902 JSON patch for a list. Raises NotFound or Invalid."""
        type_ = await self.resource_type(kind)
        return _object(
            await self.transport.request(
                "PATCH",
                type_.path(namespace, name, subresource),
                body=patch,
                content_type=JSON_PATCH if isinstance(patch, list) else MERGE_PATCH,
            )
        )

    async def apply(
        self, object_: Mapping[str, Any], *, manager: str, force: bool = False, dry_run: bool = False
    ) -> Object:
        """Server-side apply: creates it, or brings the fields that `manager` owns to this state.

        Raises Conflict when another manager owns a field with another value and `force` is off.
        """
        type_, namespace, name = await self._address(object_)
        parameters = {"fieldManager": manager, "force": str(force).lower()} | _dry_run(dry_run)
        return _object(
            await self.transport.request(
                "PATCH",
                type_.path(namespace, name),
                body=object_,
                content_type=APPLY_PATCH,
                parameters=parameters,
            )
        )

    async def delete(self, kind: str, name: str, namespace: str = "", *, dry_run: bool = False) -> None:
        """Raises NotFound."""
        type_ = await self.resource_type(kind)
        await self.transport.request("DELETE", type_.path(namespace, name), parameters=_dry_run(dry_run))

    async def watch(
        self, kind: str, since: str, selection: Selection = EVERYTHING, *, table: bool = False
    ) -> AsyncGenerator[Sequence[Event]]:
        """Changes after revision `since` in batches as they come, bookmarks included, until the server ends.

        Raises Gone when `since` is no longer kept. `present_then_changes` is the watch that never ends.
        """
        type_ = await self.resource_type(kind)
        accept = TABLE if table else "application/json"
        stream = events(
            self.transport, type_.path(selection.namespace), since, selection.parameters(), accept
        )
        async with aclosing(stream):
            async for batch in stream:
                yield batch

    async def review(self, plural: str, kind: str, spec: Mapping[str, Any]) -> Object:
        """Posts a question of ours and returns the answer, the `status` of the object that comes back."""
        body = {"apiVersion": "sekisho.dev/v1alpha1", "kind": kind, "spec": spec}
        answer = _object(await self.transport.request("POST", f"{REVIEWS}/{plural}", body=body))
        return _object(answer.get("status") or {})

    async def _address(self, object_: Mapping[str, Any]) -> tuple[ResourceType, str, str]:
        catalog = await self.catalog()
        try:
            type_ = catalog.of(object_)
        except UnknownKind:
            type_ = (await self.catalog(refresh=True)).of(object_)
        metadata = object_.get("metadata") or {}
        namespace = metadata.get("namespace") or self.transport.access.namespace
        return type_, namespace if type_.namespaced else "", metadata.get("name") or ""


async def _discover(transport: Transport) -> list[ResourceType]:
    groups = await transport.request("GET", "/apis")
    versions = ["v1", *(group["preferredVersion"]["groupVersion"] for group in groups.get("groups") or ())]
    types: list[ResourceType] = []
    for version in versions:
        path = f"/apis/{version}" if "/" in version else f"/api/{version}"
        types += resource_types(version, await transport.request("GET", path))
    return types


def _dry_run(on: bool) -> dict[str, str]:  # noqa: FBT001 - private, named at every call
    return {"dryRun": "All"} if on else {}


def _object(answer: Any) -> Object:
    return dict(answer)

"""Brings the API to the state of a set of manifests: applies what changed, prunes what is gone."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sekisho.app.folder.manifests import SOURCE_ANNOTATION, Manifest
from sekisho.client import ApiError, Client, ClientError, Conflict, Invalid, NotFound, Selection, UnknownKind
from sekisho.model.names import ResourceId
from sekisho.model.origin import SET_LABEL
from sekisho.model.problems import Problem

_AT_ONCE = 8
"""Requests in flight: enough to keep the store's commits full, far from the server's limits."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one round did."""

    applied: tuple[ResourceId, ...] = ()
    pruned: tuple[ResourceId, ...] = ()
    problems: tuple[Problem, ...] = ()


class Applier:
    """Applies one set of manifests again and again, sending only what differs from the last time."""

    def __init__(self, client: Client, *, manager: str, set_name: str = "", force: bool = True) -> None:
        """`manager` is the field manager.

        `set_name` (a label value) marks our resources, so that those which left the set are found and
        pruned; empty prunes nothing. `force` takes over fields of other managers.
        """
        self._client = client
        self._manager = manager
        self._set = set_name
        self._force = force
        self._sent: dict[ResourceId, Mapping[str, Any]] = {}

    async def bring(self, manifests: Sequence[Manifest]) -> Outcome:
        """One round. Refused resources are problems, and hold nobody else back.

        Raises a ClientError when the server cannot be asked; what was applied until then stays.
        """
        wanted = {manifest.id: self._marked(manifest) for manifest in manifests}
        changed = [manifest for manifest in manifests if self._sent.get(manifest.id) != wanted[manifest.id]]
        problems: list[Problem] = []
        applied: list[ResourceId] = []
        # Namespaces first: a server may refuse what has no namespace yet.
        for wave in (_namespaces(changed), _others(changed)):
            applied += await self._apply(wave, wanted, problems)
        pruned = await self._prune(frozenset(wanted)) if self._set else []
        return Outcome(tuple(applied), tuple(pruned), tuple(sorted(problems)))

    def forget(self) -> None:
        """The next round sends everything again: for a server that may have lost its state."""
        self._sent.clear()

    async def _apply(
        self,
        wave: Iterable[Manifest],
        wanted: Mapping[ResourceId, Mapping[str, Any]],
        problems: list[Problem],
    ) -> list[ResourceId]:
        slots = asyncio.Semaphore(_AT_ONCE)
        applied: list[ResourceId] = []
        failures: list[ClientError] = []

        async def one(manifest: Manifest) -> None:
            async with slots:
                try:
                    await self._client.apply(wanted[manifest.id], manager=self._manager, force=self._force)
                except (Invalid, Conflict, NotFound, UnknownKind) as cause:
                    problems.extend(refusals(manifest, cause))
                except ClientError as cause:
                    failures.append(cause)
                else:
                    self._sent[manifest.id] = wanted[manifest.id]
                    applied.append(manifest.id)

        async with asyncio.TaskGroup() as group:
            for manifest in wave:
                group.create_task(one(manifest), name=f"apply {manifest.id}")
        if failures:
            raise failures[0]
        return applied

    async def remove_sets(self, is_meant: Callable[[str], bool]) -> Sequence[ResourceId]:
        """Removes what is marked as of other sets, by their names; returns what it was.

        To be called after `bring`: what both sets have is ours by then. Raises a ClientError.
        """
        marked = await self._marked_in_server(SET_LABEL)
        others = [id_ for id_, name in marked.items() if name != self._set and is_meant(name)]
        return await self._delete(others, frozenset(self._sent))

    async def _prune(self, wanted: frozenset[ResourceId]) -> list[ResourceId]:
        marked = await self._marked_in_server(f"{SET_LABEL}={self._set}")
        return await self._delete([id_ for id_ in marked if id_ not in wanted], wanted)

    async def _delete(self, stale: Iterable[ResourceId], wanted: frozenset[ResourceId]) -> list[ResourceId]:
        # With a Namespace goes all that is in it, so it stays as long as something in it is wanted.
        inhabited = {id_.namespace for id_ in wanted}
        doomed = [id_ for id_ in stale if id_.kind != "Namespace" or id_.name not in inhabited]
        for id_ in doomed:
            with suppress(NotFound):  # somebody else was faster
                await self._client.delete(id_.kind, id_.name, id_.namespace)
            self._sent.pop(id_, None)
        return doomed

    async def _marked_in_server(self, selector: str) -> Mapping[ResourceId, str]:
        """What a label selector finds, with the set it is marked as."""
        selection = Selection(labels=selector)
        found: dict[ResourceId, str] = {}
        for type_ in (await self._client.catalog()).types:
            if not {"list", "delete", "patch"} <= type_.verbs:
                continue
            listing = await self._client.list(f"{type_.plural}.{type_.group}".rstrip("."), selection)
            for item in listing.items:
                metadata = item["metadata"]
                id_ = ResourceId(type_.kind, metadata.get("namespace", ""), metadata["name"])
                found[id_] = metadata["labels"][SET_LABEL]
        return found

    def _marked(self, manifest: Manifest) -> dict[str, Any]:
        marked = with_source(manifest)
        if not self._set:
            return marked
        metadata = marked["metadata"]
        metadata["labels"] = {**(metadata.get("labels") or {}), SET_LABEL: self._set}
        return marked


def with_source(manifest: Manifest) -> dict[str, Any]:
    """The manifest's object with file and line as annotation, so that everyone can name them later."""
    metadata = dict(manifest.object["metadata"])
    if manifest.source:
        annotations = metadata.get("annotations") or {}
        metadata["annotations"] = {**annotations, SOURCE_ANNOTATION: manifest.source}
    return {**manifest.object, "metadata": metadata}


def refusals(manifest: Manifest, cause: ApiError | UnknownKind) -> list[Problem]:
    """Why the server did not take it, at the lines where it was written."""
    hint = "--force takes it over" if isinstance(cause, Conflict) else ""
    if isinstance(cause, UnknownKind) and (meant := manifest.mistakes()):
        return meant
    if isinstance(cause, ApiError) and cause.status.causes:
        return [manifest.problem(reason.field, reason.message, hint) for reason in cause.status.causes]
    if isinstance(cause, NotFound):
        return [manifest.problem("metadata.namespace", str(cause), "apply a Namespace of that name first")]
    return [manifest.problem("", str(cause))]


def _namespaces(manifests: Iterable[Manifest]) -> list[Manifest]:
    return [manifest for manifest in manifests if manifest.id.kind == "Namespace"]


def _others(manifests: Iterable[Manifest]) -> list[Manifest]:
    return [manifest for manifest in manifests if manifest.id.kind != "Namespace"]

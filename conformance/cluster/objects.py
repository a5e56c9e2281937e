"""The kinds a cluster has and Sekisho has not: kept in memory, as far as the suite uses them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from types import MappingProxyType
from typing import Any
from uuid import uuid4

Object = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind, as discovery shows it."""

    kind: str
    api_version: str
    plural: str

    @property
    def prefix(self) -> str:
        """`/apis/apps/v1`, `/api/v1`."""
        return f"/{'apis' if '/' in self.api_version else 'api'}/{self.api_version}"

    @property
    def discovery(self) -> Object:
        """An entry of an APIResourceList."""
        return {
            "name": self.plural,
            "singularName": self.kind.lower(),
            "namespaced": True,
            "kind": self.kind,
            "verbs": ["create", "delete", "get", "list", "update"],
        }


DEPLOYMENT = Kind(kind="Deployment", api_version="apps/v1", plural="deployments")
POD = Kind(kind="Pod", api_version="v1", plural="pods")
SERVICE_ACCOUNT = Kind(kind="ServiceAccount", api_version="v1", plural="serviceaccounts")
KINDS = (DEPLOYMENT, POD, SERVICE_ACCOUNT)


class Conflict(Exception):
    """It is there already, or was changed since it was read."""


class Objects:
    """All objects of `KINDS`."""

    def __init__(self) -> None:
        self._of: dict[tuple[str, str, str], Object] = {}
        self._revisions = count(1)

    def get(self, kind: Kind, namespace: str, name: str) -> Object:
        """Raises KeyError."""
        return self._of[kind.kind, namespace, name]

    def list(
        self, kind: Kind, namespace: str | None = None, labels: Mapping[str, str] = MappingProxyType({})
    ) -> list[Object]:
        """Of one namespace or of all, those that have all the labels; by namespace and name."""
        return [
            found
            for (of_kind, of_namespace, _), found in sorted(self._of.items())
            if of_kind == kind.kind
            and namespace in (None, of_namespace)
            and labels.items() <= found["metadata"].get("labels", {}).items()
        ]

    def create(self, kind: Kind, namespace: str, written: Mapping[str, Any]) -> Object:
        """Raises Conflict."""
        place = (kind.kind, namespace, written["metadata"]["name"])
        if place in self._of:
            raise Conflict(f"{kind.plural} {place[2]!r} already exists")
        made = {
            "uid": str(uuid4()),
            "creationTimestamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "generation": 1,
        }
        return self._put(place, kind, written, made)

    def update(self, kind: Kind, namespace: str, written: Mapping[str, Any]) -> Object:
        """Raises KeyError, and Conflict when a resourceVersion is given that is not the current one."""
        place = (kind.kind, namespace, written["metadata"]["name"])
        old = self._of[place]["metadata"]
        if written["metadata"].get("resourceVersion", old["resourceVersion"]) != old["resourceVersion"]:
            raise Conflict(f"{kind.plural} {place[2]!r} has been modified")
        generation = old["generation"] + (written.get("spec") != self._of[place].get("spec"))
        kept = {field: old[field] for field in ("uid", "creationTimestamp")}
        return self._put(place, kind, written, kept | {"generation": generation})

    def delete(self, kind: Kind, namespace: str, name: str) -> Object:
        """Raises KeyError."""
        return self._of.pop((kind.kind, namespace, name))

    def _put(
        self, place: tuple[str, str, str], kind: Kind, written: Mapping[str, Any], bookkeeping: Object
    ) -> Object:
        stored: Object = json.loads(json.dumps(written))
        stored["apiVersion"], stored["kind"] = kind.api_version, kind.kind
        stored["metadata"] |= bookkeeping | {
            "namespace": place[1],
            "resourceVersion": str(next(self._revisions)),
        }
        self._of[place] = stored
        return stored

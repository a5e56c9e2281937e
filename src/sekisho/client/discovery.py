"""Which resources a server has, under which names and paths."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from sekisho.client.errors import UnknownKind
from sekisho.model.names import api_version


@dataclass(frozen=True, slots=True)
class ResourceType:
    """One kind of resource as the server serves it."""

    group: str
    """`gateway.networking.k8s.io`; empty for the core group."""
    version: str
    kind: str
    plural: str
    singular: str
    short_names: tuple[str, ...]
    namespaced: bool
    verbs: frozenset[str]

    @property
    def api_version(self) -> str:
        """As objects carry it: `v1`, `gateway.networking.k8s.io/v1`."""
        return api_version(self.group, self.version)

    @property
    def qualified(self) -> str:
        """As `-o name` prints it: `httproute.gateway.networking.k8s.io`."""
        return f"{self.singular}.{self.group}" if self.group else self.singular

    def path(self, namespace: str | None, name: str = "", subresource: str = "") -> str:
        """URL path of the collection, or of one object; `namespace` None (or "") for all of them."""
        parts = ["apis", self.group, self.version] if self.group else ["api", self.version]
        if self.namespaced and namespace:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        parts += [part for part in (name, subresource) if part]
        return "/" + "/".join(quote(part, safe="") for part in parts)


class Catalog:
    """The resource types of one server, found by any name a person might use for them."""

    def __init__(self, types: Iterable[ResourceType]) -> None:
        self.types = tuple(types)
        self._by_name: dict[str, ResourceType] = {}
        for type_ in self.types:
            for name in _names(type_):
                self._by_name.setdefault(name, type_)  # the server lists what it prefers first

    def find(self, name: str) -> ResourceType:
        """By kind, plural, singular or short name, with or without `.group`. Raises UnknownKind."""
        found = self._by_name.get(name.lower())
        if found is None:
            raise self._unknown(name)
        return found

    def of(self, object_: Mapping[str, Any]) -> ResourceType:
        """The type of an object, by its apiVersion and kind. Raises UnknownKind."""
        for type_ in self.types:
            if type_.kind == object_.get("kind") and type_.api_version == object_.get("apiVersion"):
                return type_
        raise self._unknown(f"{object_.get('apiVersion')} {object_.get('kind')}")

    def _unknown(self, name: str) -> UnknownKind:
        listed = sorted({type_.plural for type_ in self.types if "list" in type_.verbs})
        return UnknownKind(name, tuple(sorted(self._by_name)), tuple(listed))


def resource_types(group_version: str, document: Mapping[str, Any]) -> tuple[ResourceType, ...]:
    """The types in an `APIResourceList`; subresources (`gateways/status`) are left out."""
    group, _, version = group_version.rpartition("/")
    return tuple(
        ResourceType(
            group=group,
            version=version,
            kind=entry["kind"],
            plural=entry["name"],
            singular=entry.get("singularName") or entry["kind"].lower(),
            short_names=tuple(entry.get("shortNames") or ()),
            namespaced=bool(entry.get("namespaced")),
            verbs=frozenset(entry.get("verbs") or ()),
        )
        for entry in document.get("resources") or ()
        if "/" not in entry["name"]
    )


def _names(type_: ResourceType) -> Iterable[str]:
    for name in (type_.plural, type_.singular, type_.kind.lower(), *type_.short_names):
        yield name
        if type_.group:
            yield f"{name}.{type_.group}"

"""From a path to what it names. Pure; knows no methods and no rights."""

from dataclasses import dataclass

from sekisho.api.authorization import Surface
from sekisho.api.catalogue import Catalogue, Entry

_MAX_PATH = 2048


@dataclass(frozen=True, slots=True)
class Page:
    """A path that is no resource, with the rest of the path as argument."""

    name: str
    surface: Surface
    argument: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """A collection (`name` is empty) or one object of a resource."""

    entry: Entry
    version: str
    namespace: str | None
    """None over all namespaces; "" for cluster-scoped resources."""
    name: str = ""
    subresource: str = ""

    @property
    def api_version(self) -> str:
        """As written in the path: `gateway.networking.k8s.io/v1beta1`."""
        return self.entry.api_version(self.version)


PAGES: dict[str, Page] = {
    "livez": Page("probe", Surface.PROBE),
    "readyz": Page("probe", Surface.PROBE),
    "healthz": Page("probe", Surface.DISCOVERY),
    "version": Page("version", Surface.DISCOVERY),
    "metrics": Page("metrics", Surface.METRICS),
    "api": Page("core", Surface.DISCOVERY),
    "apis": Page("groups", Surface.DISCOVERY),
    "openapi/v2": Page("openapi-v2", Surface.DISCOVERY),
    "openapi/v3": Page("openapi-v3", Surface.DISCOVERY),
}
"""Every fixed path. Paths below /api/, /apis/ and /openapi/v3/ are found by `Router.find`."""


class Router:
    """Finds what a path names."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def find(self, path: str) -> Page | Target | None:
        """None when it names nothing we serve."""
        if len(path) > _MAX_PATH:
            return None
        trimmed = path.strip("/")
        page = PAGES.get(trimmed)
        if page is not None:
            return page
        match trimmed.split("/"):
            case ["api", version, *rest]:
                return self._in_group("", version, rest)
            case ["apis", group]:
                return Page("group", Surface.DISCOVERY, group) if group in self._catalogue.groups else None
            case ["apis", group, version, *rest] if group:
                return self._in_group(group, version, rest)
            case ["openapi", "v3", *rest]:
                return Page("openapi-v3-group", Surface.DISCOVERY, "/".join(rest))
            case _:
                return None

    def _in_group(self, group: str, version: str, rest: list[str]) -> Page | Target | None:
        if version not in self._catalogue.groups.get(group, ()):
            return None
        match rest:
            case []:
                return Page("resources", Surface.DISCOVERY, f"{group}/{version}")
            case ["namespaces", namespace, plural, *tail] if namespace and plural != "status":
                return self._target(group, version, plural, namespace, tail)
            case [plural, *tail]:
                return self._target(group, version, plural, None, tail)
            case _:
                return None

    def _target(
        self, group: str, version: str, plural: str, namespace: str | None, tail: list[str]
    ) -> Target | None:
        entry = self._catalogue.find(group, version, plural)
        if entry is None or (namespace is not None and not entry.namespaced):
            return None
        where = namespace if entry.namespaced else ""
        match tail:
            case []:
                return Target(entry, version, where)
            case [name] if name and where is not None:
                return Target(entry, version, where, name)
            case [name, "status"] if name and where is not None and entry.has_status:
                return Target(entry, version, where, name, "status")
            case _:
                return None

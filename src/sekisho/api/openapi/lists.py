"""Which lists and maps are more than a plain list or map: declared here, because struct types cannot say it.

The rules for upstream kinds are upstream's (`x-kubernetes-list-type`, `x-kubernetes-list-map-keys`,
`x-kubernetes-patch-merge-key` in their published schemas). What is not named here is replaced whole (lists)
or merged by key (objects).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class ListRule:
    """How one list, map or object merges."""

    type: Literal["map", "set", "atomic"]
    keys: tuple[str, ...] = ()
    """What tells items apart, for `map`."""
    merge_key: str = ""
    """For strategic merge patches; the only key unless said."""

    @property
    def strategic_key(self) -> str:
        """The single key that strategic merge patches use."""
        return self.merge_key or (self.keys[0] if self.keys else "")

    def extensions(self, *, is_list: bool) -> dict[str, Any]:
        """The OpenAPI extensions that say so."""
        if not is_list:
            return {"x-kubernetes-map-type": "atomic"}
        found: dict[str, Any] = {"x-kubernetes-list-type": self.type}
        if self.keys:
            found["x-kubernetes-list-map-keys"] = list(self.keys)
        if self.strategic_key:
            found["x-kubernetes-patch-merge-key"] = self.strategic_key
        if self.type != "atomic":
            found["x-kubernetes-patch-strategy"] = "merge"
        return found


_BY_NAME = ListRule("map", ("name",))
_BY_PORT = ListRule("map", ("port", "protocol"), merge_key="port")
_SET = ListRule("set")
_ATOMIC = ListRule("atomic")

RULES: Mapping[tuple[str, str], ListRule] = {
    ("ObjectMeta", "ownerReferences"): ListRule("map", ("uid",)),
    ("ObjectMeta", "finalizers"): _SET,
    ("ServiceSpec", "ports"): _BY_PORT,
    ("ServiceSpec", "selector"): _ATOMIC,
    ("ServiceAccount", "secrets"): _BY_NAME,
    ("ServiceAccount", "imagePullSecrets"): _BY_NAME,
    ("WorkloadSpec", "ports"): _BY_PORT,
    ("Endpoint", "addresses"): _SET,
    ("GatewaySpec", "listeners"): _BY_NAME,
    ("HttpRouteMatch", "headers"): _BY_NAME,
    ("HttpRouteMatch", "queryParams"): _BY_NAME,
    ("HeaderModifier", "set"): _BY_NAME,
    ("HeaderModifier", "add"): _BY_NAME,
    ("HeaderModifier", "remove"): _SET,
}
"""By struct type and field, as spelled in documents."""

ATOMIC_TYPES = frozenset({"LabelSelector"})
"""Struct types that are replaced whole wherever they stand."""

"""Ingresses as leaves of the engine: the resources of the Gateway API that say the same as they do."""

from collections.abc import Mapping
from typing import Any

from sekisho.engine import Changes, Engine
from sekisho.model.names import ResourceId
from sekisho.translate.ingress.derived import LISTENER_SETS, ROUTES
from sekisho.translate.ingress.gateways import INGRESS_GATEWAYS

_READ = frozenset({"Ingress", "IngressClass", "Gateway", "Service"})
"""Kinds that decide what an Ingress becomes."""


class Lowering:
    """An engine of its own before the one that translates: what comes out of it goes into that."""

    def __init__(self) -> None:
        self._engine = Engine([ROUTES, LISTENER_SETS, INGRESS_GATEWAYS])
        self._made: dict[Any, ResourceId] = {}
        """What there is, by the key it was made for."""

    def commit(self, leaves: Mapping[Any, Any]) -> Changes:
        """What changes with these leaves."""
        return self._engine.commit({leaf: value for leaf, value in leaves.items() if leaf[0] in _READ})

    def leaves(self, changes: Changes) -> dict[ResourceId, Any]:
        """The changes as leaves: derived resources, and None for such as are no more."""
        gone: dict[ResourceId, Any] = {}
        found: dict[ResourceId, Any] = {}
        for output in (ROUTES, LISTENER_SETS):
            for key, resource in changes.outputs.get(output, {}).items():
                before = self._made.pop(key, None)
                if before is not None:
                    gone[before] = None
                if resource is not None:
                    self._made[key] = resource.id
                    found[resource.id] = resource
        return gone | found

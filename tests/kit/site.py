"""Manifests all the way through: checked, translated by the engine, and asked of the simulator."""

from collections.abc import Iterable, Mapping
from typing import Any

from sekisho.control.explain import GatewayPlan
from sekisho.control.lowering import Lowering
from sekisho.engine import Changes, Engine
from sekisho.envoy.outputs import EMISSIONS
from sekisho.ir.calls import Call, Refused, Verdict
from sekisho.ir.simulator import simulate
from sekisho.model.document import check, engine_view
from sekisho.model.names import ResourceId
from sekisho.translate.outputs import LISTENERS, STATUSES
from tests.kit.objects import id_of

Manifest = Mapping[str, Any]


class Site:
    """Everything that is served, of all Gateways together; their ports must differ."""

    def __init__(self, *manifests: Manifest) -> None:
        self.engine = Engine([*(emission.output for emission in EMISSIONS), LISTENERS, STATUSES])
        self._lowering = Lowering()
        self._known: dict[ResourceId, Manifest] = {}
        self.apply(*manifests)

    def apply(self, *manifests: Manifest) -> Changes:
        """What changed; raises `Invalid` for a manifest the API would refuse."""
        self._known |= {id_of(one): one for one in manifests}
        return self._commit({id_of(one): _leaf(one) for one in manifests})

    def replace(self, kind: str, manifests: Iterable[Manifest]) -> Changes:
        """As `apply`, and every other resource of this kind goes."""
        wanted = {id_of(one): one for one in manifests}
        gone = [one for one in self._known if one.kind == kind and one not in wanted]
        self._known = {one: found for one, found in self._known.items() if one not in gone} | wanted
        return self._commit(dict.fromkeys(gone) | {one: _leaf(found) for one, found in wanted.items()})

    def _commit(self, leaves: Mapping[Any, Any]) -> Changes:
        lowered = self._lowering.commit(leaves)
        changes = self.engine.commit({**leaves, **self._lowering.leaves(lowered)})
        for error in changes.failures.values():
            raise error
        return changes

    def served(self) -> list[tuple[ResourceId, str]]:
        """(gateway, listener name) of all listeners."""
        return sorted(self.engine.keys(LISTENERS))

    def verdict(self, call: Call) -> Verdict:
        """What becomes of a call, by the Gateway that listens on its port."""
        found = Verdict(outcome=Refused("no gateway"))
        for gateway in sorted({gateway for gateway, _ in self.served()}):
            names = [name for owner, name in self.served() if owner == gateway]
            found = simulate(GatewayPlan(self.engine.read, gateway, names), call)
            if found.listener is not None:
                break
        return found


def _leaf(manifest: Manifest) -> Any:
    return engine_view(check(manifest["kind"], manifest).resource)

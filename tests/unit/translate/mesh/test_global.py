"""A global control plane: nothing is wrong with it for having no proxies of its own."""

from tests.unit.translate.mesh.mesh import shop
from tests.unit.translate.world import document, of_type

from sekisho.model.names import ResourceId
from sekisho.translate.facts import Settings, SettingsKey
from sekisho.translate.outputs import STATUSES


def test_its_policies_and_meshes_are_for_proxies_of_the_zones() -> None:
    target = {"kind": "Workload", "labels": {"app": "elsewhere"}}
    spec = {"targetRef": target, "rules": [{"default": {"allow": [{}]}}]}
    found = shop(document("TrafficPermission", "nobody-here", "sekisho-system", spec=spec))
    policy = ResourceId("TrafficPermission", "sekisho-system", "nobody-here")
    mesh = ResourceId("Mesh", "", "default")
    alone = found.engine.value(STATUSES, policy)["conditions"]
    assert of_type(alone, "Attached") == ("False", "NoProxies")
    found.engine.commit({SettingsKey(): Settings(zone="global", serves=False)})
    told = found.engine.value(STATUSES, policy)["conditions"]
    assert of_type(told, "Attached") == ("Unknown", "InZones")
    assert of_type(found.engine.value(STATUSES, mesh)["conditions"], "Ready") == ("True", "InZones")

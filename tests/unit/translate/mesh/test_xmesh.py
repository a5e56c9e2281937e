"""XMesh: what others are told about a mesh."""

from typing import Any

import pytest
from tests.unit.translate.mesh.mesh import shop
from tests.unit.translate.world import document, of_type

from sekisho.model.names import ResourceId
from sekisho.translate.outputs import STATUSES

OURS = "sekisho.dev/mesh-controller"


def status(controller: str, **spec: Any) -> Any:
    found = shop(document("XMesh", "x", spec={"controllerName": controller, **spec}))
    return found.engine.value(STATUSES, ResourceId("XMesh", "", "x"))


def parameters(**more: str) -> dict[str, str]:
    return {"group": "sekisho.dev", "kind": "Mesh", "name": "default"} | more


@pytest.mark.parametrize("more", [{}, {"parametersRef": parameters()}])
def test_a_mesh_that_there_is_is_accepted_with_the_features_that_work(more: dict[str, Any]) -> None:
    found = status(OURS, **more)
    assert of_type(found["conditions"], "Accepted") == ("True", "Accepted")
    names = [feature["name"] for feature in found["supportedFeatures"]]
    assert names == sorted(names)
    assert "MeshClusterIPMatching" in names


@pytest.mark.parametrize(
    "wrong", [{"name": "other"}, {"kind": "MeshTLS"}, {"group": "example.com"}, {"namespace": "shop"}]
)
def test_parameters_that_are_no_mesh_of_ours_are_refused(wrong: dict[str, str]) -> None:
    found = status(OURS, parametersRef=parameters(**wrong))
    assert of_type(found["conditions"], "Accepted") == ("False", "InvalidParameters")


def test_the_mesh_of_another_controller_is_none_of_our_business() -> None:
    assert status("example.com/other") is None

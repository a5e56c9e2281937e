"""The status an XMesh of ours should have, with the features of the mesh that work."""

from typing import Any

from sekisho.engine import Read
from sekisho.model.gateway import ParametersReference
from sekisho.model.kinds import SEKISHO_GROUP
from sekisho.model.mesh import DEFAULT_MESH
from sekisho.model.names import ResourceId
from sekisho.translate.gateway.conditions import condition, sentence

CONTROLLER_NAME = "sekisho.dev/mesh-controller"
"""`XMesh.spec.controllerName` of our meshes."""
SUPPORTED_FEATURES = (
    "Mesh",
    "MeshClusterIPMatching",
    "MeshConsumerRoute",
    "MeshHTTPRouteBackendRequestHeaderModification",
    "MeshHTTPRouteNamedRouteRule",
    "MeshHTTPRouteQueryParamMatching",
    "MeshHTTPRouteRedirectPath",
    "MeshHTTPRouteRedirectPort",
    "MeshHTTPRouteRewritePath",
    "MeshHTTPRouteSchemeRedirect",
)
"""Names of the conformance suite v1.6.1, sorted; only what works."""


def xmesh_status(read: Read, xmesh: ResourceId) -> dict[str, Any] | None:
    """None for one that names another controller."""
    resource = read.leaf(xmesh)
    if resource.spec.controller_name != CONTROLLER_NAME:
        return None
    generation = resource.metadata.generation
    fault = _fault(read, resource.spec.parameters_ref)
    if fault:
        accepted = condition("Accepted", "False", "InvalidParameters", sentence(fault), generation)
    else:
        accepted = condition("Accepted", "True", "Accepted", "", generation)
    return {
        "conditions": [accepted],
        "supportedFeatures": [{"name": name} for name in SUPPORTED_FEATURES],
    }


def _fault(read: Read, parameters: ParametersReference | None) -> str:
    """Why there is no such mesh; empty when there is one."""
    if parameters is None:
        name = DEFAULT_MESH
    elif (parameters.group, parameters.kind, parameters.namespace) != (SEKISHO_GROUP, "Mesh", None):
        return f"spec.parametersRef: we know no parameters but a Mesh of {SEKISHO_GROUP}"
    else:
        name = parameters.name
    return "" if read.leaf(ResourceId("Mesh", "", name)) is not None else f"there is no Mesh {name}"

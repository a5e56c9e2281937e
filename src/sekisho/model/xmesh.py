"""XMesh (`gateway.networking.x-k8s.io/v1alpha1`, GEP-3949): by which others learn what a mesh can do."""

from typing import Annotated, Any

from msgspec import Meta

from sekisho.model.fields import Model
from sekisho.model.gateway import ControllerName, ParametersReference
from sekisho.model.meta import Resource

EXPERIMENTAL_GROUP = "gateway.networking.x-k8s.io"


class XMeshSpec(Model, frozen=True, kw_only=True):
    """Whose mesh, and which."""

    controller_name: Annotated[
        ControllerName, Meta(description="The controller whose mesh it is. Never changes.")
    ]
    parameters_ref: Annotated[
        ParametersReference | None,
        Meta(description="The Mesh (sekisho.dev) that is meant; else default."),
    ] = None
    description: Annotated[
        Annotated[str, Meta(max_length=64)] | None, Meta(description="A line for people.")
    ] = None


class XMesh(Resource, frozen=True, kw_only=True):
    """A mesh as the Gateway API sees it; its status tells the features that work."""

    spec: Annotated[XMeshSpec, Meta(description="Whose mesh, and which.")]
    status: Annotated[dict[str, Any] | None, Meta(description="State. Written by the controller.")] = None

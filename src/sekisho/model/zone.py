"""Zone (`sekisho.dev/v1alpha1`): a place with a control plane of its own: a cloud, a region, a cluster."""

from typing import Annotated, Any

from msgspec import Meta

from sekisho.model.fields import Model
from sekisho.model.meta import Resource


class ZoneSpec(Model, frozen=True, kw_only=True):
    """Whether others see it."""

    enabled: Annotated[
        bool, Meta(description="Whether other zones get what it exports; it serves itself either way.")
    ] = True


class Zone(Resource, frozen=True, kw_only=True):
    """A place with a control plane of its own, made at the global control plane."""

    spec: Annotated[ZoneSpec, Meta(description="Whether others see it.")] = ZoneSpec()
    status: Annotated[dict[str, Any] | None, Meta(description="State. Written by the server.")] = None

"""Message classes of the installed Envoy, in a pool of their own."""

from functools import cache
from typing import Any

from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

from sekisho.protos.binary import envoy_binary
from sekisho.protos.cache import descriptors
from sekisho.protos.files import Files


@cache
def descriptor_pool() -> DescriptorPool:
    """All that Envoy knows. Private, so that older copies in other packages do not interfere."""
    return DescriptorPool(Files(descriptors(envoy_binary())))


@cache
def message(full_name: str) -> Any:
    """The class of `full_name`, such as `envoy.config.cluster.v3.Cluster`.

    Raises KeyError when this Envoy has no such message. Messages are typed Any: their classes are made
    from descriptors at run time, and protobuf itself refuses a wrong field or type.
    """
    return GetMessageClass(descriptor_pool().FindMessageTypeByName(full_name))


def pack(value: Any) -> Any:
    """`value` as a `google.protobuf.Any`; equal messages give equal bytes."""
    packed = message("google.protobuf.Any")()
    packed.Pack(value, deterministic=True)
    return packed


def unpack(packed: Any) -> Any:
    """The message inside an `Any`. Raises KeyError when this Envoy does not know its type."""
    return message(packed.type_url.rpartition("/")[2]).FromString(packed.value)

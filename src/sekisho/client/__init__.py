"""Typed client of the API (of any Kubernetes-shaped API)."""

from sekisho.client.client import EVERYTHING, Client, Collection, Object, Selection
from sekisho.client.discovery import Catalog, ResourceType
from sekisho.client.errors import (
    AlreadyExists,
    ApiError,
    Cause,
    ClientError,
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    Status,
    StorageFull,
    TooManyRequests,
    Unauthorized,
    Unavailable,
    UnknownKind,
    Unreachable,
)
from sekisho.client.mirror import present_then_changes
from sekisho.client.watching import Event, Key, key

__all__ = [
    "EVERYTHING",
    "AlreadyExists",
    "ApiError",
    "Catalog",
    "Cause",
    "Client",
    "ClientError",
    "Collection",
    "Conflict",
    "Event",
    "Forbidden",
    "Gone",
    "Invalid",
    "Key",
    "NotFound",
    "Object",
    "ResourceType",
    "Selection",
    "Status",
    "StorageFull",
    "TooManyRequests",
    "Unauthorized",
    "Unavailable",
    "UnknownKind",
    "Unreachable",
    "key",
    "present_then_changes",
]

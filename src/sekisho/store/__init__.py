"""Where resources live: one protocol (get, list, watch, compare-and-swap), several implementations."""

from sekisho.store.memory import MemoryStore, open_memory
from sekisho.store.protocol import (
    AlreadyExists,
    Conflict,
    Event,
    EventType,
    Expired,
    Listing,
    NotFound,
    Record,
    StorageFull,
    Store,
    StoreFailed,
    Watch,
    Write,
)
from sekisho.store.sqlite import SqliteStore, open_sqlite
from sekisho.store.watches import HistoryLimits

__all__ = [
    "AlreadyExists",
    "Conflict",
    "Event",
    "EventType",
    "Expired",
    "HistoryLimits",
    "Listing",
    "MemoryStore",
    "NotFound",
    "Record",
    "SqliteStore",
    "StorageFull",
    "Store",
    "StoreFailed",
    "Watch",
    "Write",
    "open_memory",
    "open_sqlite",
]

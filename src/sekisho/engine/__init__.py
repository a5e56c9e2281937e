"""Memoised queries with tracked dependencies: pay for what changed.

A *leaf* is an input, set from outside. A *query* is a plain function `f(read, *args)`, memoised per
arguments; what it reads through the handle is recorded. An *index* derives a multi-map from a source of
keys: `emit(read, key)` says under which buckets a key stands; a reader of one bucket depends on that bucket
only. An *output* is an index whose every bucket is built into a value by `build(read, bucket_key)`; the
engine tells which outputs changed after a commit.

A query's only inputs are its arguments and what it reads: no globals, no clock. Arguments are hashable,
results are compared with `==` to stop where nothing changed, so results are frozen values.
"""

from sekisho.engine.definitions import Index, Output, Query, index, output, query
from sekisho.engine.graph import Changes, Engine, Read

__all__ = ["Changes", "Engine", "Index", "Output", "Query", "Read", "index", "output", "query"]

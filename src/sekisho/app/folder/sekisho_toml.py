"""`sekisho.toml` in a folder: what `sekisho up` starts and makes on this host beside its resources."""

import re
import tomllib
from dataclasses import replace
from itertools import takewhile
from pathlib import Path
from typing import Annotated

import msgspec

from sekisho.model.mistakes import mistakes
from sekisho.model.problems import Invalid, Problem

FILE = "sekisho.toml"
_AT_LINE = re.compile(r"at line (\d+)")
_PATH = re.compile(r"(\w+)(?:\[(\d+)\])?(?:\.(\w+).*)?")
"""A table, its position, a key."""


class Service(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[[service]]`: a program that runs as long as `up` does."""

    name: Annotated[str, msgspec.Meta(pattern="^[a-z0-9-]{1,63}$")]
    command: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    """Run in the folder, without a shell. `python` is the Python that runs Sekisho."""
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)]
    """TCP port on 127.0.0.1 that it listens on; it is up when this answers."""
    workload: Annotated[str, msgspec.Meta(pattern="^([a-z0-9-]{1,63}/[a-z0-9.-]{1,253})?$")] = ""
    """`namespace/name` of the Workload that it is: it is started once its sidecar serves, and told by
    variables like CATALOG_SERVICE_HOST and CATALOG_SERVICE_PORT where the services it calls are."""


class Certificate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[[certificate]]`: a self-signed certificate, made at the first run and kept in the state folder."""

    secret: Annotated[str, msgspec.Meta(pattern="^[a-z0-9-]{1,63}/[a-z0-9.-]{1,253}$")]
    """`namespace/name` of the Secret that carries it."""
    hostnames: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]


class Needs(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    rename={"services": "service", "certificates": "certificate"},
):
    """The whole file."""

    services: tuple[Service, ...] = ()
    certificates: tuple[Certificate, ...] = ()


def read(folder: Path) -> Needs:
    """The needs of a folder; none when it has no such file. Raises Invalid."""
    path = folder / FILE
    try:
        text = path.read_text(encoding="utf-8")
        document = tomllib.loads(text)
    except FileNotFoundError:
        return Needs()
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as cause:
        line = _AT_LINE.search(str(cause))
        told = Problem("", f"not TOML: {cause}", file=str(path), line=int(line[1]) if line else 1)
        raise Invalid([told]) from cause
    try:
        return msgspec.convert(document, Needs)
    except msgspec.ValidationError as cause:
        found = mistakes(Needs, document)
        raise Invalid([replace(one, file=str(path), line=_line(text, one.path)) for one in found]) from cause


def _line(text: str, path: str) -> int:
    """Where `service[1].port` is written: at its key, else at the head of its table, else at the top."""
    parts = _PATH.fullmatch(path)
    if parts is None:
        return 1
    lines = [line.split("#")[0].strip() for line in text.splitlines()]
    keys = [line.split("=")[0].strip() for line in lines]
    heads = [number for number, line in enumerate(lines) if _head(line) == parts[1]]
    position = int(parts[2] or 0)
    if position >= len(heads):  # written in another of TOML's ways
        return keys.index(parts[1]) + 1 if parts[1] in keys else 1
    head = heads[position]
    inside = takewhile(lambda number: not lines[number].startswith("["), range(head + 1, len(lines)))
    return next((number for number in inside if keys[number] == parts[3]), head) + 1


def _head(line: str) -> str:
    """The name of the table that begins at a line; empty for any other line."""
    return line.strip("[]").strip() if line.startswith("[") else ""

"""`sekisho.toml` in a folder: what `sekisho up` starts and makes on this host beside its resources."""

import tomllib
from pathlib import Path
from typing import Annotated

import msgspec

from sekisho.model.problems import Invalid, Problem

FILE = "sekisho.toml"


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
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        return msgspec.convert(document, Needs)
    except FileNotFoundError:
        return Needs()
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, UnicodeDecodeError) as cause:
        raise Invalid([Problem(path="", message=str(cause), file=str(path), line=1)]) from cause

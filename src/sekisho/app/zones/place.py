"""A control plane's place among others: its zone, or that it is the global one, and whom it joins."""

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from sekisho.identity.files import write_private
from sekisho.model.origin import GLOBAL

DEFAULT_ZONE = "default"
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_FILE = "place"
"""In a state folder: of which zone it is, or `global`."""


class Mode(StrEnum):
    """What a control plane is for."""

    ZONE = "zone"
    """It has proxies, and works alone, whether or not it has joined a global one."""
    GLOBAL = "global"
    """It has zones, and no proxies."""


class WrongPlace(Exception):
    """The state folder is another zone's; the message says whose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Joins:
    """The global control plane that a zone joins."""

    url: str
    """`https://global.example.com:7443`, without a slash at the end."""
    authority: Path
    """PEM of the authority that its certificate is verified with."""
    token_file: Path | None = None
    """Holds the zone token. It is good once; a zone that has its certificate needs it no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The default is a zone alone."""

    mode: Mode = Mode.ZONE
    zone: str = DEFAULT_ZONE
    """A DNS label (RFC 1123). Of no meaning in mode global."""
    joins: Joins | None = None

    @property
    def name(self) -> str:
        """The zone, or `global`."""
        return GLOBAL if self.mode is Mode.GLOBAL else self.zone

    @property
    def trust_domain(self) -> str:
        """Of the control plane itself, and of the proxies or zones it knows.

        It is no mesh's, which are called `<mesh>.<zone>.mesh.local`: a certificate for traffic opens nothing
        here, and the other way round.
        """
        return f"control-plane.{self.name}.sekisho.local"

    @property
    def flags(self) -> tuple[str, ...]:
        """Those of `sekisho control-plane` that say so."""
        if self.mode is Mode.GLOBAL:
            return ("--mode", GLOBAL)
        joins = self.joins
        if joins is None:
            return ("--zone", self.zone)
        token = ("--zone-token-file", str(joins.token_file)) if joins.token_file else ()
        return ("--zone", self.zone, "--global", joins.url, "--global-ca", str(joins.authority), *token)


ALONE = Place()


def parse(
    mode: str = "",
    zone: str = "",
    global_url: str = "",
    token_file: Path | None = None,
    authority: Path | None = None,
) -> Place:
    """Of what the flags say; empty for what none says. Raises ValueError, naming the flag."""
    if mode not in {"", *Mode}:
        raise ValueError(f"--mode: {mode!r} is neither zone nor global")
    if mode == Mode.GLOBAL:
        _refuse_for_global(zone, global_url)
        return Place(mode=Mode.GLOBAL)
    if zone and (not is_zone_name(zone) or zone == GLOBAL):
        raise ValueError(
            f"--zone: {zone!r} is not the name of a zone: "
            f"a-z, 0-9 and dashes, at most 63 characters, and not {GLOBAL!r}"
        )
    return Place(zone=zone or DEFAULT_ZONE, joins=_joins(global_url, token_file, authority))


def is_zone_name(text: str) -> bool:
    """Whether it is a DNS label."""
    return _LABEL.fullmatch(text) is not None


def claim(state: Path, place: Place) -> None:
    """Makes a state folder this place's, for good. Raises WrongPlace when it is another's."""
    held = _held(state)
    if held is None:
        write_private(state / _FILE, f"{place.name}\n".encode())
    elif held != place.name:
        owner = "the global control plane" if held == GLOBAL else f"the zone {held}"
        here = "the global one" if place.name == GLOBAL else f"the zone {place.name}"
        raise WrongPlace(f"{state} is the state of {owner}, and this is to be {here}")


def _held(state: Path) -> str | None:
    try:
        return (state / _FILE).read_text().strip()
    except FileNotFoundError:
        # Before there were zones, every folder was the default zone's, and said so in its authority alone.
        return DEFAULT_ZONE if (state / "authority").exists() else None


def _refuse_for_global(zone: str, global_url: str) -> None:
    if zone:
        raise ValueError("--zone: a global control plane is of no zone")
    if global_url:
        raise ValueError("--global: a global control plane joins no other")


def _joins(url: str, token_file: Path | None, authority: Path | None) -> Joins | None:
    if not url:
        if token_file or authority:
            raise ValueError("--global: expected the URL of the global control plane, with its CA and token")
        return None
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.path not in {"", "/"} or parts.query:
        raise ValueError(f"--global: {url!r} is not a URL like https://global.example.com:7443")
    if authority is None:
        raise ValueError("--global-ca: expected the file by which the global control plane is verified")
    return Joins(url=url.rstrip("/"), authority=authority, token_file=token_file)

"""The rotation of a root, stage by stage: which authorities are believed, and which of them signs. Pure.

Two roots have part in it, known by their generation. At every stage a certificate that is in use was signed
by a root that everybody believes; each step waits until that is going to hold after it, too:

    prepared    the new root is made; nobody has heard of it
    published   everybody is sent both roots, and has acknowledged them before the next step
    active      the new one signs; certificates of the old one are renewed, all of them before the next step
    retired     the old one is taken from everybody, and is gone when all have acknowledged that
"""

from datetime import datetime
from enum import StrEnum

import msgspec


class Stage(StrEnum):
    """How far a rotation is."""

    STEADY = "Steady"
    """There is none."""
    PREPARED = "Prepared"
    PUBLISHED = "Published"
    ACTIVE = "Active"
    RETIRED = "Retired"


class OutOfOrder(Exception):
    """That step cannot be taken at this stage; the message says why, for the operator."""


class Trust(msgspec.Struct, frozen=True, kw_only=True):
    """Who signs and who is believed in one trust domain."""

    stage: Stage = Stage.STEADY
    signing: int = 1
    """The generation whose root vouches for new certificates."""
    other: int | None = None
    """The generation that comes or goes; None without a rotation."""
    newest: int = 1
    """The highest generation there ever was: numbers are not used again."""
    since: datetime
    """When this stage began."""
    renew_before: datetime | None = None
    """Certificates signed before this moment are of a root that goes, or has gone: they are to be renewed."""

    @property
    def bundle(self) -> tuple[int, ...]:
        """The generations everybody is to believe, the signing one first."""
        if self.other is not None and self.stage in {Stage.PUBLISHED, Stage.ACTIVE}:
            return (self.signing, self.other)
        return (self.signing,)

    @property
    def kept(self) -> tuple[int, ...]:
        """The generations whose files are needed."""
        return (self.signing,) if self.other is None else (self.signing, self.other)


def begin(trust: Trust, now: datetime) -> Trust:
    """A new root is to take over. Raises OutOfOrder during a rotation."""
    if trust.stage is not Stage.STEADY:
        raise OutOfOrder(f"a rotation is under way: {trust.stage}")
    new = trust.newest + 1
    return _with(trust, stage=Stage.PREPARED, other=new, newest=new, since=now)


def advance(trust: Trust, now: datetime) -> Trust:
    """The next stage; for the caller to take when nobody has to be waited for any more."""
    match trust.stage:
        case Stage.PREPARED:
            return _with(trust, stage=Stage.PUBLISHED, since=now)
        case Stage.PUBLISHED:
            return _swapped(trust, now)
        case Stage.ACTIVE:
            return _with(trust, stage=Stage.RETIRED, since=now)
        case Stage.RETIRED:
            return _with(trust, stage=Stage.STEADY, other=None, since=now)
        case Stage.STEADY:
            return trust


def abort(trust: Trust, now: datetime) -> Trust:
    """Back to the root of before, with the same care. Raises OutOfOrder when it is too late or too early.

    While the new root signs nothing it is only taken back. Once it signs, the roles are exchanged: the old
    one signs again, and the new one goes when no certificate of it is in use.
    """
    match trust.stage:
        case Stage.PREPARED:
            return _with(trust, stage=Stage.STEADY, other=None, since=now)
        case Stage.PUBLISHED:
            return _with(trust, stage=Stage.RETIRED, since=now)
        case Stage.ACTIVE:
            return _swapped(trust, now)
        case Stage.RETIRED:
            raise OutOfOrder(
                "the old root is being taken from everybody already: begin another rotation then"
            )
        case Stage.STEADY:
            raise OutOfOrder("there is no rotation to abort")


def _swapped(trust: Trust, now: datetime) -> Trust:
    """The other generation signs; both are believed by everybody."""
    if trust.other is None:
        raise OutOfOrder("there is no other root")
    return _with(
        trust, stage=Stage.ACTIVE, signing=trust.other, other=trust.signing, since=now, renew_before=now
    )


def _with(trust: Trust, **changes: object) -> Trust:
    return msgspec.structs.replace(trust, **changes)

"""Resume tokens: how far one control plane has heard of another, and whether that history still exists.

A store's revisions go back when a backup of it is restored, and then mean something else the second time. So
each start of a control plane begins an epoch, kept in the store itself: a backup has the epochs of its time.
"""

from dataclasses import dataclass
from typing import NamedTuple

REMEMBERED = 256
"""Starts. Who was away for longer compares everything."""


class Token(NamedTuple):
    """A place in the history of a store."""

    epoch: str
    revision: int

    def __str__(self) -> str:
        return f"{self.epoch}.{self.revision}"

    @classmethod
    def parse(cls, text: str) -> "Token | None":
        """The inverse of `str`; None for what is no token, such as that of who has none yet."""
        epoch, dot, revision = text.partition(".")
        is_number = revision.isascii() and revision.isdecimal() and len(revision) <= _DIGITS
        return cls(epoch, int(revision)) if epoch and dot and is_number else None


_DIGITS = 18


@dataclass(frozen=True, slots=True)
class Epochs:
    """The starts of one control plane, oldest first."""

    starts: tuple[Token, ...] = ()
    """Each with the revision the store was at."""

    def begun(self, epoch: str, revision: int) -> "Epochs":
        """With one more start, of a name that no other has."""
        return Epochs((*self.starts, Token(epoch, revision))[-REMEMBERED:])

    def token(self, revision: int) -> Token:
        """A place in the present epoch. There is one after the first start."""
        return Token(self.starts[-1].epoch, revision)

    def knows(self, token: Token) -> bool:
        """Whether what was told up to there is still true: this history once was at this place."""
        for start, following in zip(self.starts, (*self.starts[1:], None), strict=True):
            if start.epoch == token.epoch:
                return start.revision <= token.revision and (
                    following is None or token.revision <= following.revision
                )
        return False

    def __str__(self) -> str:
        return " ".join(map(str, self.starts))

    @classmethod
    def parse(cls, text: str) -> "Epochs":
        """The inverse of `str`; what is no token is left out, and with it what was told at that time."""
        return cls(tuple(token for part in text.split() if (token := Token.parse(part))))

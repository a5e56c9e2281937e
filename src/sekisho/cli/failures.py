"""Exceptions of the layers below, in words for the user."""

import errno

from sekisho.app.lock import Busy
from sekisho.app.ports import NoSuchAddress, PortBusy
from sekisho.app.processes import Ended
from sekisho.app.settings import BadSetting
from sekisho.app.zones.place import WrongPlace
from sekisho.cli.terminal import Exit, Failure, show_problems
from sekisho.client import (
    ApiError,
    ClientError,
    Conflict,
    Forbidden,
    StorageFull,
    Unauthorized,
    UnknownKind,
    Unreachable,
)
from sekisho.client.kubeconfig import BadKubeconfig
from sekisho.kit.text import closest
from sekisho.model.problems import Invalid

_ADVICE: tuple[tuple[type[Exception], str], ...] = (
    (BadSetting, ""),
    (Busy, "End it first, or choose another folder with --state."),
    (WrongPlace, "Name its zone with --zone, or choose another folder with --state."),
    (NoSuchAddress, "Choose one of `ip address`, or 0.0.0.0 for all of them."),
    (PortBusy, "End what uses it, or choose another port."),
    (BadKubeconfig, "Choose another one with --kubeconfig."),
    (Unreachable, "Is it running? Start it with `sekisho up FOLDER` or `sekisho control-plane`."),
    (Unauthorized, "The token of this kubeconfig is not (or no longer) valid: use a newer kubeconfig."),
    (Forbidden, "Ask an administrator for a token with a role that may do this: `sekisho token create`."),
    (Conflict, "Somebody else owns these fields; --force takes them over."),
    (StorageFull, "Nothing was written. Free some disk space where the control plane keeps its state."),
    (ClientError, ""),
)
"""What to do about each; the first that fits. Beside a disk, nothing else is the user's to mend."""
_NOT_OURS = "Let this user write there, or choose another folder with --state."
_NO_ROOM = "Free some space there, or choose another folder with --state."
_NO_FOLDER = "Something that is no folder is called so: choose another one with --state."
_DISK = {
    errno.EACCES: _NOT_OURS, errno.EPERM: _NOT_OURS, errno.EROFS: _NOT_OURS,
    errno.ENOSPC: _NO_ROOM, errno.EDQUOT: _NO_ROOM,
    errno.EEXIST: _NO_FOLDER, errno.ENOTDIR: _NO_FOLDER,
}  # fmt: skip
"""The same for files and folders, by error number."""


def failure(cause: Exception) -> Failure | None:
    """What to tell the user; None for what is a mistake of ours and deserves its traceback."""
    match cause:
        case ExceptionGroup(exceptions=(single,)):
            return failure(single)
        case Failure():
            return cause
        case Invalid(problems=problems):
            show_problems(problems)
            return Failure("nothing was done")
        case Ended(log=log):
            return Failure(str(cause), advice=f"Its log is {log}.")
        case Conflict(status=status) if not status.causes:
            return Failure(str(cause))
        case UnknownKind():
            return Failure(str(cause), advice=_did_you_mean(cause))
        case PermissionError(errno=None):  # of a folder that somebody else made
            return Failure(str(cause), advice=_NOT_OURS)
        case OSError(errno=int(number)) if number in _DISK:
            return Failure(": ".join(filter(None, (cause.filename, cause.strerror))), advice=_DISK[number])
        case _:
            return _from_table(cause)


def _from_table(cause: Exception) -> Failure | None:
    advice = next((advice for type_, advice in _ADVICE if isinstance(cause, type_)), None)
    if advice is None:
        return None
    return Failure(
        _message(cause), advice=advice, code=Exit.USAGE if isinstance(cause, BadSetting) else Exit.PROBLEM
    )


def _message(cause: Exception) -> str:
    if isinstance(cause, Unreachable):
        return f"the control plane does not answer: {cause}"
    if isinstance(cause, ApiError) and cause.status.causes:
        reasons = [
            f"  {reason.field}: {reason.message}" if reason.field else f"  {reason.message}"
            for reason in cause.status.causes
        ]
        return "\n".join(["refused", *reasons])
    return str(cause)


def _did_you_mean(cause: UnknownKind) -> str:
    if close := closest(cause.name, cause.known):
        return f'Did you mean "{close}"?'
    return f"It serves: {', '.join(cause.plurals)}." if cause.plurals else ""

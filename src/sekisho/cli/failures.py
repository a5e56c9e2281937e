"""Exceptions of the layers below, in words for the user."""

from sekisho.app.settings import BadSetting
from sekisho.cli.terminal import Exit, Failure
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


def failure(cause: Exception) -> Failure | None:
    """What to tell the user; None for what is a mistake of ours and deserves its traceback."""
    match cause:
        case Failure():
            return cause
        case BadSetting():
            return Failure(str(cause), code=Exit.USAGE)
        case UnknownKind():
            return Failure(str(cause), advice=_did_you_mean(cause))
        case BadKubeconfig():
            return Failure(str(cause), advice="Choose another one with --kubeconfig.")
        case ClientError():
            return Failure(_message(cause), advice=_advice(cause))
        case _:
            return None


def _message(cause: ClientError) -> str:
    if isinstance(cause, Unreachable):
        return f"the control plane does not answer: {cause}"
    if isinstance(cause, ApiError) and cause.status.causes:
        lines = [
            f"  {reason.field}: {reason.message}".replace("  : ", "  ") for reason in cause.status.causes
        ]
        return "\n".join(["refused", *lines])
    return str(cause)


def _advice(cause: ClientError) -> str:
    match cause:
        case Unreachable():
            return "Is it running? Start it with `sekisho up FOLDER` or `sekisho control-plane`."
        case Unauthorized():
            return "The token of this kubeconfig is not (or no longer) valid: use a newer kubeconfig."
        case Forbidden():
            return "Ask an administrator for a token with a role that may do this: `sekisho token create`."
        case Conflict():
            return "Somebody else owns these fields; --force takes them over."
        case StorageFull():
            return "Nothing was written. Free some disk space where the control plane keeps its state."
        case _:
            return ""


def _did_you_mean(cause: UnknownKind) -> str:
    if close := closest(cause.name, cause.known):
        return f'Did you mean "{close}"?'
    plurals = sorted(name for name in cause.known if name.endswith("s") and "." not in name)
    return f"It serves: {', '.join(plurals)}." if plurals else ""

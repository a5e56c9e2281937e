"""What becomes of a request, in one line."""

from typing import assert_never

from sekisho.ir.calls import Answered, Outcome, Refused, Sent, Target

_UNAVAILABLE = {500: "cannot be resolved", 503: "has no ready endpoint"}


def outcome_text(outcome: Outcome) -> str:
    """`forwarded to shop/cart/80`, `redirected (302) to …`, `answered 404: no route`, `refused: …`."""
    match outcome:
        case Refused(why):
            return f"refused: {why}"
        case Answered(status=status, location=location, why=why) if location:
            return f"redirected ({status}) to {location}" + (f": {why}" if why else "")
        case Answered(status=status, why=why):
            return f"answered {status}: {why}"
        case Sent() as sent:
            return _sent(sent)
        case _ as never:
            assert_never(never)


def with_failures(told: str, failures: tuple[str, ...]) -> str:
    """The same, once it is known what fails behind the backends: an error only when every instance gives
    one."""
    if not told.startswith("forwarded") or not failures or not any(failures):
        return told
    if all(failures):
        return " or ".join(dict.fromkeys(failures))
    return f"{told}; {' or '.join(dict.fromkeys(one for one in failures if one))} at some instances"


def _sent(sent: Sent) -> str:
    """An error only when every backend gives one."""
    statuses = {target.status for target in sent.targets}
    if len(statuses) == 1 and (status := statuses.pop()):
        names = " or ".join(target.share.cluster or "the backend" for target in sent.targets)
        return f"answered {status}: {names} {_UNAVAILABLE[status]}"
    return f"forwarded to {' or '.join(_named(target) for target in sent.targets)}"


def _named(target: Target) -> str:
    """A backend, or what is answered in its place."""
    if target.status is None:
        return str(target.share.cluster)
    what = "an unresolved backend" if target.share.cluster is None else target.share.cluster
    return f"{what} ({target.status})"

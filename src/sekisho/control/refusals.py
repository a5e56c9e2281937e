"""What a proxy says when it refuses a resource, without the resource it quotes."""

LONGEST = 500
"""Characters that are kept."""
_DUMP = "goo.gle/debug"
"""Begins every text that protobuf makes of a message for people: `goo.gle/debugstr`, `goo.gle/debugonly`."""
_VALIDATION = "Proto constraint validation failed"
_NESTED = " | caused by "
_MOST_SENT = 4096
"""Characters Envoy sends of its words: of a large resource, not the reason after it."""
_CUT_OFF = "a field is not valid; which one, only the log of the proxy says"


def essence(message: str) -> str:
    """Envoy's words on one line, short.

    When a constraint of a proto is violated, Envoy puts the whole resource before its reason: up to
    megabytes, with what others wrote in it. Of nested reasons the innermost names the field.
    """
    start = message.find(_DUMP)
    if start >= 0:
        reason = message.rfind(_VALIDATION, start)
        cut_off = _CUT_OFF if len(message) >= _MOST_SENT else ""
        message = message[:start] + (message[reason:] if reason >= 0 else cut_off)
    if _VALIDATION in message and _NESTED in message:
        message = message[message.rfind(_NESTED) + len(_NESTED) :].removesuffix(")")
    message = " ".join(message.split()) or "no reason given"
    return message if len(message) <= LONGEST else f"{message[: LONGEST - 1]}…"

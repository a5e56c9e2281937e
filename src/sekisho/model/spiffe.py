"""What SPIFFE identities look like (SPIFFE-ID, sections 2.1 to 2.4)."""

import re

SCHEME = "spiffe://"
MAXIMUM_LENGTH = 2048
"""Bytes in a whole identity (section 2.3)."""

_TRUST_DOMAIN = re.compile(r"(?![._-]*$)[a-z0-9._-]{1,255}")
"""Not `..` and its like, which SPIFFE-ID does not rule out: folders are called so."""
_SEGMENT = re.compile(r"[A-Za-z0-9._-]+")


def trust_domain_fault(text: str) -> str:
    """What is wrong with a trust domain, as the rest of `expected …`; empty when nothing is."""
    if _TRUST_DOMAIN.fullmatch(text):
        return ""
    return "a trust domain of lower-case letters, digits, `.`, `-` and `_`"


def path_fault(text: str) -> str:
    """What is wrong with the path of an identity, which begins with a slash; empty when nothing is."""
    segments = text.split("/")
    if segments.pop(0) or not segments:
        return "a path that begins with `/`"
    if all(_SEGMENT.fullmatch(segment) and segment not in {".", ".."} for segment in segments):
        return ""
    return "a path of segments of letters, digits, `.`, `-` and `_`, none of them empty, `.` or `..`"


def identity_fault(text: str) -> str:
    """What is wrong with a whole identity such as `spiffe://a.b/ns/shop/sa/cart`; empty when nothing is."""
    domain, slash, path = text.removeprefix(SCHEME).partition("/")
    if not text.startswith(SCHEME):
        return f"an identity that begins with `{SCHEME}`"
    if len(text) > MAXIMUM_LENGTH:
        return f"at most {MAXIMUM_LENGTH} characters"
    return trust_domain_fault(domain) or path_fault(slash + path)


def prefix_fault(text: str) -> str:
    """What is wrong with leading segments: `spiffe://a.b`, `spiffe://a.b/ns/shop`; empty when nothing is."""
    whole = text.removesuffix("/")
    if not whole.startswith(SCHEME):
        return f"an identity that begins with `{SCHEME}`"
    bare = whole.removeprefix(SCHEME)
    return identity_fault(whole) if "/" in bare else trust_domain_fault(bare)

"""Conditions on callers as users write them → `ir.Caller`; which of two is more specific."""

from ipaddress import ip_network
from typing import Any

from sekisho import ir
from sekisho.ir.callers import Text
from sekisho.model.targets import CallerMatch, PathMatch, RequestMatch, TextMatch

_EXACTNESS = {"exact": 4, "prefix": 3, "suffix": 2, "regex": 1, "present": 0}


def caller(match: CallerMatch, trust_domain: str) -> ir.Caller | None:
    """The conditions of one match; None where they can never hold together.

    `trust_domain` is the mesh's own in this zone: a namespace is known by identities of it.
    """
    identities = _identities(match, trust_domain)
    if identities is None:
        return None
    found: dict[str, Any] = {
        "identities": identities,
        "source_ranges": tuple(sorted({str(ip_network(each)) for each in match.source_ranges})),
        "server_names": (match.sni.value.lower(),) if match.sni else (),
    }
    if isinstance(match, RequestMatch):
        found["methods"] = tuple(sorted(set(match.methods)))
        found["paths"] = tuple(sorted({_path(path) for path in match.paths}, key=_spelt))
        found["headers"] = tuple((one.name.lower(), _text(one)) for one in match.headers)
        found["claims"] = tuple((one.name, _text(one)) for one in match.claims)
    return ir.Caller(**found)


def _identities(match: CallerMatch, trust_domain: str) -> tuple[Text, ...] | None:
    """An identity and a namespace must both hold: what is left is the narrower of the two."""
    named = None
    if match.spiffe_id:
        value = match.spiffe_id.value.rstrip("/")
        named = Text("exact" if match.spiffe_id.type == "Exact" else "prefix", value)
    rooms = [Text("prefix", f"spiffe://{trust_domain}/ns/{name}") for name in sorted(set(match.namespaces))]
    if named is None or not rooms:
        return (named,) if named else tuple(rooms)
    narrower = [one for room in rooms if (one := _narrower(named, room))]
    return tuple(narrower) or None


def _narrower(one: Text, other: Text) -> Text | None:
    """Of two identities, the one that the other one covers."""
    if covers(other, one):
        return one
    return other if covers(one, other) else None


def _path(match: PathMatch) -> Text:
    """A prefix of whole segments is the same with and without the slash at its end."""
    if match.type == "PathPrefix":
        return Text("prefix", match.value.rstrip("/") or "/")
    return Text("exact" if match.type == "Exact" else "regex", match.value)


def _text(match: TextMatch) -> Text:
    value = match.value or ""
    match match.type:
        case "Exact":
            return Text("exact", value)
        case "Prefix":
            return Text("prefix", value)
        case "Suffix":
            return Text("suffix", value)
        case "RegularExpression":
            return Text("regex", value)
        case "Present":
            return Text("present")


def _spelt(text: Text) -> tuple[str, str]:
    return text.kind, text.value


def covers(wide: Text, narrow: Text) -> bool:
    """Whether everything that fits `narrow` fits `wide`: for identities and paths, whose prefixes end at
    whole segments."""
    if wide == narrow or wide.kind == "present":
        return True
    if wide.kind != "prefix" or narrow.kind not in ("exact", "prefix"):
        return False
    base = wide.value.rstrip("/")
    return narrow.value == base or narrow.value.startswith(f"{base}/")


def implies(narrow: ir.Caller, wide: ir.Caller) -> bool:
    """Whether whoever fits `narrow` surely fits `wide`. False also where it is not plain to see."""
    return (
        _all_covered(narrow.identities, wide.identities)
        and _all_covered(narrow.paths, wide.paths)
        and _all_inside(narrow.source_ranges, wide.source_ranges)
        and _subset(narrow.server_names, wide.server_names)
        and _subset(narrow.methods, wide.methods)
        and set(wide.headers) <= set(narrow.headers)
        and set(wide.claims) <= set(narrow.claims)
    )


def _all_covered(narrow: tuple[Text, ...], wide: tuple[Text, ...]) -> bool:
    return not wide or bool(narrow and all(any(covers(one, each) for one in wide) for each in narrow))


def _all_inside(narrow: tuple[str, ...], wide: tuple[str, ...]) -> bool:
    return not wide or bool(narrow and all(any(_inside(each, one) for one in wide) for each in narrow))


def _inside(narrow: str, wide: str) -> bool:
    one, other = ip_network(narrow), ip_network(wide)
    if one.version != other.version:
        return False
    return one.prefixlen >= other.prefixlen and one.network_address in other


def _subset(narrow: tuple[str, ...], wide: tuple[str, ...]) -> bool:
    return not wide or bool(narrow and set(narrow) <= set(wide))


def specificity(found: ir.Caller) -> tuple[Any, ...]:
    """Greater for conditions that count before others: by identity first, then by what is nearer to the
    connection. Of two that are alike the spelling decides, so that the order never wavers."""
    return (
        _exactness(found.identities),
        bool(found.server_names),
        _narrowness(found.source_ranges),
        _exactness(found.paths),
        bool(found.methods),
        len(found.headers),
        len(found.claims),
        repr(found),
    )


def _exactness(texts: tuple[Text, ...]) -> tuple[int, int]:
    """Of the widest of several."""
    return min(((_EXACTNESS[text.kind] + 1, len(text.value)) for text in texts), default=(0, 0))


def _narrowness(ranges: tuple[str, ...]) -> int:
    """Length of the shortest prefix, above 0; 0 for every address."""
    return min((ip_network(each).prefixlen + 1 for each in ranges), default=0)

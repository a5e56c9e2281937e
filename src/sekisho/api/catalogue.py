"""What is served: kinds, reviews and synthetic lists, found by group, version and plural."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sekisho.api.authentication import User
from sekisho.api.authorization import ALL_VERBS, Verb
from sekisho.model.kinds import SEKISHO_GROUP, Kind
from sekisho.model.names import api_version


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A kind that is created and never stored: the answer comes back at once, as with TokenReview."""

    kind: str
    plural: str
    roles: frozenset[str]
    """Who may create it."""
    handler: Callable[[User, dict[str, Any]], Awaitable[Mapping[str, Any]]]
    """Gets the caller and the object sent; returns what to answer with. May raise Invalid or ApiError."""
    group: str = SEKISHO_GROUP
    version: str = "v1alpha1"
    description: str = ""
    """A sentence for `kubectl explain`."""


class CustomResourceDefinitions:
    """Stands for the read-only list made by `definitions.py`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One resource as discovery shows it."""

    kind: str
    group: str
    versions: tuple[str, ...]
    """Served versions, preferred first."""
    plural: str
    singular: str
    namespaced: bool
    verbs: frozenset[Verb]
    backing: Kind | Review | CustomResourceDefinitions
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    has_status: bool = False

    def api_version(self, version: str) -> str:
        """`v1`, `gateway.networking.k8s.io/v1`."""
        return api_version(self.group, version)


def _of_kind(kind: Kind) -> Entry:
    return Entry(
        kind=kind.kind,
        group=kind.group,
        versions=kind.served_versions,
        plural=kind.plural,
        singular=kind.singular,
        namespaced=kind.namespaced,
        verbs=ALL_VERBS,
        backing=kind,
        short_names=kind.short_names,
        categories=kind.categories,
        has_status=kind.has_status,
    )


def _of_review(review: Review) -> Entry:
    return Entry(
        kind=review.kind,
        group=review.group,
        versions=(review.version,),
        plural=review.plural,
        singular=review.kind.lower(),
        namespaced=False,
        verbs=frozenset({Verb.CREATE}),
        backing=review,
    )


_DEFINITIONS = Entry(
    kind="CustomResourceDefinition",
    group="apiextensions.k8s.io",
    versions=("v1",),
    plural="customresourcedefinitions",
    singular="customresourcedefinition",
    namespaced=False,
    verbs=frozenset({Verb.GET, Verb.LIST}),
    backing=CustomResourceDefinitions(),
    short_names=("crd", "crds"),
)


class Catalogue:
    """All entries, and how to find one. Built once."""

    def __init__(self, kinds: Iterable[Kind], reviews: Iterable[Review] = ()) -> None:
        self.kinds = tuple(kinds)
        self.reviews = tuple(reviews)
        self.entries = (*map(_of_kind, self.kinds), *map(_of_review, self.reviews), _DEFINITIONS)
        self._by_path = {
            (entry.group, version, entry.plural): entry
            for entry in self.entries
            for version in entry.versions
        }
        self.groups: Mapping[str, tuple[str, ...]] = _versions_by_group(self.entries)
        """Group: its versions, preferred first."""

    def find(self, group: str, version: str, plural: str) -> Entry | None:
        """The entry a path names, if any."""
        return self._by_path.get((group, version, plural))

    def of_version(self, group: str, version: str) -> tuple[Entry, ...]:
        """The entries served in one version of a group."""
        return tuple(entry for entry in self.entries if entry.group == group and version in entry.versions)


def _versions_by_group(entries: Iterable[Entry]) -> dict[str, tuple[str, ...]]:
    groups: dict[str, dict[str, None]] = {}
    for entry in entries:
        groups.setdefault(entry.group, {}).update(dict.fromkeys(entry.versions))
    return {group: tuple(versions) for group, versions in groups.items()}

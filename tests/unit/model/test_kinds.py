"""`sekisho.model.kinds`."""

import pytest

from sekisho.model.kinds import KINDS, Kind


def test_names_are_unique_over_all_groups() -> None:
    names = [name for kind in KINDS.values() for name in {kind.plural, kind.singular, *kind.short_names}]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_what_is_stored_is_served_first(kind: Kind) -> None:
    assert kind.served_versions[0] == kind.version
    assert KINDS[kind.kind] is kind
    assert kind.type.__name__ == kind.kind


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_status_is_a_field_exactly_when_it_is_a_subresource(kind: Kind) -> None:
    assert ("status" in kind.type.__struct_fields__) is kind.has_status


def test_api_versions_read_as_in_kubernetes() -> None:
    assert KINDS["Service"].api_version == "v1"
    assert KINDS["Gateway"].api_version == "gateway.networking.k8s.io/v1"
    assert KINDS["Gateway"].api_version_of("v1beta1") == "gateway.networking.k8s.io/v1beta1"

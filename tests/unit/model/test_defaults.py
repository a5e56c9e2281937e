"""`sekisho.model.defaults`, where the CRDs (see test_crd_oracle) have no say."""

from sekisho.model.core import Service
from sekisho.model.defaults import filled
from sekisho.model.discovery import EndpointSlice
from sekisho.model.httproute import HTTPRoute


def test_empty_lists_maps_and_names_say_nothing_and_are_not_filled() -> None:
    assert filled(Service, {"metadata": {}, "spec": {}}) == {
        "metadata": {},
        "spec": {"type": "ClusterIP", "sessionAffinity": "None"},
    }


def test_an_empty_text_is_filled_where_it_means_something() -> None:
    assert filled(EndpointSlice, {"ports": [{}], "endpoints": [{}]}) == {
        "ports": [{"name": "", "protocol": "TCP"}],
        "endpoints": [{}],
    }


def test_an_explicit_empty_list_stays_empty() -> None:
    assert filled(HTTPRoute, {"spec": {"rules": [{"matches": []}]}}) == {"spec": {"rules": [{"matches": []}]}}


def test_defaults_are_never_shared() -> None:
    first, second = filled(HTTPRoute, {"spec": {}}), filled(HTTPRoute, {"spec": {}})
    first["spec"]["rules"][0]["matches"][0]["path"]["value"] = "/changed"
    assert second["spec"]["rules"][0]["matches"][0]["path"]["value"] == "/"


def test_what_has_the_wrong_type_is_left_for_others_to_explain() -> None:
    assert filled(HTTPRoute, {"spec": {"rules": {"a": None}, "hostnames": 5}}) == {
        "spec": {"rules": {"a": None}, "hostnames": 5}
    }
    assert filled(HTTPRoute, []) == []


def test_a_list_that_is_too_long_is_not_filled() -> None:
    rules = [{}] * 17
    assert filled(HTTPRoute, {"spec": {"rules": rules}})["spec"]["rules"] == rules


def test_status_is_left_as_it_is_nulls_and_all() -> None:
    status = {"parents": [{"a": None}]}
    assert filled(HTTPRoute, {"status": status, "metadata": None}) == {"status": status}

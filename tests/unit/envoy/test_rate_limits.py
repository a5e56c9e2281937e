"""Rate limits in Envoy's words."""

from sekisho.model.validation.policies_traffic import REFUSALS
from sekisho.protos import message


def test_limits_may_refuse_with_the_statuses_envoy_has_names_for() -> None:
    known = message("envoy.type.v3.HttpStatus").DESCRIPTOR.fields_by_name["code"].enum_type.values_by_number
    assert {status for status in known if status >= 400} == REFUSALS

"""OutlierDetection: how many endpoints may be left out."""

import pytest

from sekisho import ir
from sekisho.envoy.outliers import outlier_detection
from sekisho.protos import message

DETECTION = message("envoy.config.cluster.v3.OutlierDetection")


@pytest.mark.parametrize(("percent", "one"), [(10, True), (100, True), (0, False)])
def test_one_endpoint_is_left_out_however_few_there_are_unless_none_may_be(percent: int, one: bool) -> None:
    found = DETECTION(**outlier_detection(ir.Outliers(max_ejection_percent=percent)))
    assert found.max_ejection_percent.value == percent
    assert found.always_eject_one_host.value is one

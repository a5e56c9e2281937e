"""HTTPFault: errors, delays and slowness on purpose."""

from collections.abc import Iterable
from typing import Any

from sekisho import ir
from sekisho.envoy.building import extension, milliseconds


def faults(wanted: Iterable[ir.Fault]) -> list[dict[str, Any]]:
    """HTTP filters, one for each."""
    return [_http_fault(one, number) for number, one in enumerate(wanted)]


def _http_fault(fault: ir.Fault, number: int) -> dict[str, Any]:
    fields: dict[str, Any] = {"disable_downstream_cluster_stats": True}
    if fault.abort_status:
        fields["abort"] = {"http_status": fault.abort_status, **_percentage(fault.abort_millionths)}
    if fault.delay_ms:
        fields["delay"] = {
            "fixed_delay": milliseconds(fault.delay_ms),
            **_percentage(fault.delay_millionths),
        }
    if fault.bandwidth_kbps:
        limit = {"fixed_limit": {"limit_kbps": fault.bandwidth_kbps}}
        fields["response_rate_limit"] = limit | _percentage(fault.bandwidth_millionths)
    return extension(
        f"envoy.filters.http.fault.{number}", "envoy.extensions.filters.http.fault.v3.HTTPFault", **fields
    )


def _percentage(millionths: int) -> dict[str, Any]:
    return {"percentage": {"numerator": millionths, "denominator": "MILLION"}}

"""HeaderValueOption: changes to headers, with the user's text taken literally."""

from typing import Any

from sekisho import ir


def changes_something(edits: ir.HeaderEdits) -> bool:
    return bool(edits.set or edits.add or edits.remove)


def header_edits(request: ir.HeaderEdits, response: ir.HeaderEdits) -> dict[str, Any]:
    """The four fields that Route, VirtualHost and ClusterWeight share. Envoy removes before it adds."""
    if not changes_something(request) and not changes_something(response):
        return {}
    return {
        "request_headers_to_add": header_value_options(request),
        "request_headers_to_remove": request.remove,
        "response_headers_to_add": header_value_options(response),
        "response_headers_to_remove": response.remove,
    }


def in_sequence(first: ir.HeaderEdits, then: ir.HeaderEdits) -> ir.HeaderEdits:
    """One change that does what the two do one after the other."""
    replaced = {name for name, _ in then.set} | set(then.remove)
    return ir.HeaderEdits(
        set=(*(pair for pair in first.set if pair[0] not in replaced), *then.set),
        add=(*(pair for pair in first.add if pair[0] not in replaced), *then.add),
        remove=tuple(sorted({*first.remove, *then.remove})),
    )


def header_value_options(edits: ir.HeaderEdits) -> list[dict[str, Any]]:
    """What is set and added; removals have a field of their own wherever there are any."""
    return [
        *(_header_value_option(name, text, "OVERWRITE_IF_EXISTS_OR_ADD") for name, text in edits.set),
        *(_header_value_option(name, text, "APPEND_IF_EXISTS_OR_ADD") for name, text in edits.add),
    ]


def _header_value_option(name: str, text: str, action: str) -> dict[str, Any]:
    """`%` starts a command in Envoy's values; doubled, it is a percent sign."""
    header = {"key": name, "value": text.replace("%", "%%")}
    return {"header": header, "append_action": action, "keep_empty_value": True}

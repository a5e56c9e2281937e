"""Which namespaces a Gateway or listener means by `from` and `selector`."""

from typing import Literal

from sekisho.engine import Read, query
from sekisho.model.meta import LabelSelector
from sekisho.model.names import ResourceId
from sekisho.model.normalise import NAME_LABEL
from sekisho.model.selectors import selects


@query
def namespace_labels(read: Read, namespace: str) -> tuple[tuple[str, str], ...]:
    """The labels of a namespace, sorted; Kubernetes gives each its own name as a label."""
    resource = read.leaf(ResourceId("Namespace", "", namespace))
    labels = {} if resource is None else resource.metadata.labels
    return tuple(sorted({**labels, NAME_LABEL: namespace}.items()))


def namespace_selected(
    read: Read,
    wanted: Literal["All", "Selector", "Same", "None"],
    selector: LabelSelector | None,
    own: str,
    namespace: str,
) -> bool:
    """Whether `namespace` is meant. `own`: what `Same` means."""
    match wanted:
        case "All":
            return True
        case "Same":
            return namespace == own
        case "Selector":
            return selector is not None and selects(selector, dict(namespace_labels(read, namespace)))
        case "None":
            return False

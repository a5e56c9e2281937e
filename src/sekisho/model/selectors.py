"""Label selectors: which resources are meant, by what is written in resources and in URLs alike."""

from collections.abc import Mapping

from sekisho.model.meta import LabelSelector, LabelSelectorRequirement


def selects(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """Whether all conditions hold; an empty selector picks everything."""
    return all(labels.get(key) == value for key, value in selector.match_labels.items()) and all(
        holds(requirement, labels) for requirement in selector.match_expressions
    )


def holds(requirement: LabelSelectorRequirement, labels: Mapping[str, str]) -> bool:
    """Whether one condition does. As in Kubernetes: NotIn also where the label is absent."""
    value = labels.get(requirement.key)
    match requirement.operator:
        case "In":
            return value is not None and value in requirement.values
        case "NotIn":
            return value is None or value not in requirement.values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None

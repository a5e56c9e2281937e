"""Rules of HostnameGenerator."""

from collections.abc import Iterator

from sekisho.model import paths
from sekisho.model.fields import PreciseHostname
from sekisho.model.hostname_generator import HOSTNAME_FIELDS, HostnameGenerator
from sekisho.model.mistakes import value_mistakes
from sekisho.model.problems import Problem
from sekisho.model.validation import metadata
from sekisho.model.validation.shared import of_the_system
from sekisho.model.validation.templates import template


def hostname_generator(resource: HostnameGenerator) -> Iterator[Problem]:
    """Place, template, and exactly one kind to name."""
    yield from of_the_system(resource)
    selector = resource.spec.selector
    given = {
        "service": selector.service,
        "zoneService": selector.zone_service,
        "externalService": selector.external_service,
        "multiZoneService": selector.multi_zone_service,
    }
    chosen = {name: labels for name, labels in given.items() if labels is not None}
    if len(chosen) != 1:
        message = f"expected exactly one of {', '.join(given)}, found {len(chosen)}"
        yield Problem("spec.selector", message, "write {} for all of a kind")
    for name, labels in chosen.items():
        where = paths.field(paths.field("spec.selector", name), "matchLabels")
        yield from metadata.labels(where, labels.match_labels)
    yield from template("spec.template", resource.spec.template, HOSTNAME_FIELDS, _hostname_fault)


def _hostname_fault(text: str) -> str:
    if value_mistakes(PreciseHostname, text, "") or "." not in text:
        return "a lower-case host name with a dot such as {{ .Name }}.mesh.local"
    return ""

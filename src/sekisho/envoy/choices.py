"""Values that differ by caller: a first filter finds out which one counts, and what comes later looks it up.

The finding is done by the shadow rules of an RBAC filter: they deny nothing and note the name of the first
policy that fits, so callers mean here what they mean to permissions, on HTTP and on plain bytes alike.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

from sekisho import ir
from sekisho.envoy import rbac
from sekisho.envoy.building import extension
from sekisho.envoy.callers import policy

T = TypeVar("T")
Conditions = Sequence[ir.Conditional[Any]]

_FITS = "shadow_effective_policy_id"
"""What RBAC filters call it in their metadata, after the prefix of their statistics."""
_METADATA = "envoy.extensions.matching.common_inputs.network.v3.DynamicMetadataInput"
_MATCHER = "envoy.extensions.matching.input_matchers.metadata.v3.Metadata"


class Choice(NamedTuple):
    """Where the outcome for one subject (`faults`, `logs`…) is noted."""

    subject: str
    over_http: bool

    @property
    def namespace(self) -> str:
        """Of the dynamic metadata."""
        return rbac.HTTP if self.over_http else rbac.NETWORK

    @property
    def path(self) -> list[dict[str, Any]]:
        """Keys in it."""
        return [{"key": f"{self.subject}_{_FITS}"}]

    def finder(self, conditions: Conditions) -> list[dict[str, Any]]:
        """The filter that finds out; none where there is nothing to choose between.

        Bytes tell nothing about requests: conditions on them hold for nobody there.
        """
        if not depends(conditions):
            return []
        rules = {
            "action": "DENY",
            "policies": {
                _name(number): policy(each.caller, over_http=self.over_http)
                for number, each in enumerate(conditions)
                if self.over_http or each.caller is None or not each.caller.needs_http
            },
        }
        fields: dict[str, Any] = {
            "shadow_rules": rules,
            "shadow_rules_stat_prefix": f"{self.subject}_",
        }
        if self.over_http:
            return [extension(f"{rbac.HTTP}.{self.subject}", rbac.HTTP_TYPE, **fields)]
        name = f"{rbac.NETWORK}.{self.subject}"
        return [extension(name, rbac.NETWORK_TYPE, stat_prefix=self.subject, **fields)]

    def matched(self, number: int) -> dict[str, Any]:
        """envoy.type.matcher.v3.MetadataMatcher: it is this one of the conditions."""
        return {
            "filter": self.namespace,
            "path": self.path,
            "value": {"string_match": {"exact": _name(number)}},
        }

    def filters(
        self, conditions: Sequence[ir.Conditional[T]], make: Callable[[T], Iterable[dict[str, Any]]]
    ) -> list[dict[str, Any]]:
        """HTTP filters that do what `make` says for the value that counts."""
        if not depends(conditions):
            return [one for each in conditions for one in make(each.value)]
        branches = [
            self._branch(number, [*make(each.value)]) for number, each in enumerate(conditions) if each.value
        ]
        chosen = extension(
            f"sekisho.{self.subject}",
            "envoy.extensions.filters.http.composite.v3.Composite",
            matcher={"matcher_list": {"matchers": [one for one in branches if one]}},
        )
        return [*self.finder(conditions), chosen]

    def _branch(self, number: int, filters: list[dict[str, Any]]) -> dict[str, Any] | None:
        """xds.type.matcher.v3.Matcher.MatcherList.FieldMatcher; None where nothing is to be done."""
        if not filters:
            return None
        noted = extension("noted", _METADATA, filter=self.namespace, path=self.path)
        is_this = extension("is_this", _MATCHER, value=self.matched(number)["value"])
        action = extension(
            "run",
            "envoy.extensions.filters.http.composite.v3.ExecuteFilterAction",
            filter_chain={"typed_config": filters},
        )
        return {
            "predicate": {"single_predicate": {"input": noted, "custom_match": is_this}},
            "on_match": {"action": action},
        }


def depends(conditions: Conditions) -> bool:
    """Whether it depends on the caller which value counts."""
    return any(each.caller is not None for each in conditions)


def _name(number: int) -> str:
    """Envoy tries policies in the order of their names."""
    return f"{number:06}"

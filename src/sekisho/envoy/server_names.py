"""Which filter chain a connection gets by its server name, said beside the chains instead of in each.

Envoy makes a chain anew when anything in it changes, and ends the connections it had. A chain that many
listeners share (`ir.Chain.shared`) must not know their names, so that those come and go without it.
"""

from collections.abc import Iterable
from typing import Any

from sekisho import ir
from sekisho.envoy.building import extension, new
from sekisho.protos import pack


def chains_by_server_name(chains: Iterable[ir.Chain]) -> dict[str, Any]:
    """xds.type.matcher.v3.Matcher for all chains of a listener: the exact name, then the longest wildcard,
    then the chain without names."""
    by_name, others = [], {}
    for chain in chains:
        if chain.server_names:
            by_name.append({"domains": chain.server_names, "on_match": _to(chain)})
        else:
            others = {"on_no_match": _to(chain)}
    matching = extension(
        "envoy.matching.custom_matchers.domain_matcher",
        "xds.type.matcher.v3.ServerNameMatcher",
        domain_matchers=by_name,
    )
    asked = extension("server_name", "envoy.extensions.matching.common_inputs.network.v3.ServerNameInput")
    return {"matcher_tree": {"input": asked, "custom_match": matching}, **others}


def _to(chain: ir.Chain) -> dict[str, Any]:
    """xds.type.matcher.v3.Matcher.OnMatch"""
    named = pack(new("google.protobuf.StringValue", value=chain.called))
    return {"action": {"name": "filter-chain-name", "typed_config": named}}

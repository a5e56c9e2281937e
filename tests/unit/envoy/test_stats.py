"""Figures that are kept: what a cluster says itself, and what holds for all of a proxy's."""

import re

from tests.kit.sidecar import ORIGIN

from sekisho import envoy, ir
from sekisho.envoy.stats import figures_of_cluster, stats_config

FIGURES = {
    "membership_healthy",
    "membership_total",
    "update_rejected",
    "upstream_cx_active",
    "upstream_cx_connect_fail",
    "upstream_cx_total",
    "upstream_rq_active",
    "upstream_rq_pending_overflow",
    "upstream_rq_retry",
    "upstream_rq_timeout",
    "upstream_rq_total",
}


def kept(name: str) -> bool:
    matcher = stats_config(sidecar=True)["stats_matcher"]
    patterns = (one["safe_regex"]["regex"] for one in matcher["inclusion_list"]["patterns"])
    return any(re.fullmatch(pattern, name) for pattern in patterns)


def test_a_cluster_says_whole_names_each_with_the_dot_that_spares_envoy_to_remember() -> None:
    said = [one["prefix"] for one in figures_of_cluster("shop/cart/80")["inclusion_list"]["patterns"]]
    assert sorted(said) == sorted(f"cluster.shop/cart/80.{figure}." for figure in FIGURES)


def test_clusters_that_say_nothing_have_the_same_figures_and_the_classes_of_answers() -> None:
    for figure in FIGURES | {"upstream_rq_2xx", "upstream_rq_5xx"}:
        assert kept(f"cluster.shop/cart/80.{figure}")
    for figure in ("upstream_rq_200", "upstream_rq_totals", "upstream_cx_overflow", "lb_healthy_panic"):
        assert not kept(f"cluster.shop/cart/80.{figure}")


def test_a_way_with_a_guard_leaves_the_choice_to_the_proxy_which_keeps_what_the_guard_counts() -> None:
    host = (ir.Host("bank.example", 443),)
    guarded, plain = (
        envoy.outbound_cluster(
            ir.Cluster(name="external/shop/bank/443", hosts=host, guarded=guarded, origin=ORIGIN)
        )
        for guarded in (True, False)
    )
    assert not guarded.HasField("stats_matcher")
    assert plain.HasField("stats_matcher")
    assert kept("cluster.external/shop/bank/443.rbac.denied")

"""The hardening rules on what real resources lead to: no world a user can write makes an Envoy unsafe."""

from hypothesis import given, settings
from tests.properties.strategies import COMMITS, STARTS, Edit

from sekisho.engine import Engine
from sekisho.envoy.lint import lint
from sekisho.envoy.outputs import EMISSIONS
from sekisho.envoy.resource import TYPE_URL_PREFIX
from sekisho.protos import message


@settings(max_examples=40)
@given(STARTS, COMMITS)
def test_everything_that_is_sent_to_a_proxy_is_hardened(start: Edit, commit: Edit) -> None:
    engine = Engine([emission.output for emission in EMISSIONS])
    for leaves in (start, commit):
        engine.commit(leaves)
        for emission in EMISSIONS:
            if not emission.type_url.startswith(f"{TYPE_URL_PREFIX}envoy."):
                continue  # what agents are told is no configuration of an Envoy
            kind = message(emission.type_url.removeprefix(TYPE_URL_PREFIX))
            for key in engine.keys(emission.output):
                body = engine.value(emission.output, key).body
                assert lint(kind.FromString(body)) == [], key

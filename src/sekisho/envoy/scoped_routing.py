"""How the listener of a gateway finds routes: by scope (`scopes.py`), which it names and does not contain."""

from typing import Any

from sekisho.envoy.building import ADS, extension
from sekisho.envoy.scope_keys import HEADER, PORT_SEPARATOR, scope_key


def scoped_routing(table: str) -> dict[str, Any]:
    """Fields of HttpConnectionManager for one route table.

    The early mutation runs before the first look-up and replaces what the client may have sent.
    """
    key_header = {"header": {"key": HEADER, "value": scope_key(table, "%REQ(:authority)%")}}
    host_without_port = {"name": HEADER, "element_separator": PORT_SEPARATOR, "index": 0}
    return {
        "early_header_mutation_extensions": [
            extension(
                "envoy.http.early_header_mutation.header_mutation",
                "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
                mutations=[{"append": {**key_header, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}}],
            )
        ],
        "scoped_routes": {
            "name": table,
            "scope_key_builder": {"fragments": [{"header_value_extractor": host_without_port}]},
            "rds_config_source": ADS,
            "scoped_rds": {"scoped_rds_config_source": ADS},
        },
    }

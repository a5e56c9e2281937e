"""How the listener of a gateway finds routes: by scope (`scopes.py`), which it names and does not contain."""

from typing import Any

from sekisho import ir
from sekisho.envoy.building import ADS, extension
from sekisho.envoy.scope_keys import HEADER, PORT_SEPARATOR, SERVER_NAME_HEADER, scope_key


def scoped_routing(chain: ir.Chain) -> dict[str, Any]:
    """Fields of HttpConnectionManager for the route table of a chain.

    The early mutations run before the first look-up and replace what the client may have sent.
    """
    mutations = [_overwritten(HEADER, scope_key(chain.table, "%REQ(:authority)%"))]
    if chain.tls is not None:
        mutations.append(_overwritten(SERVER_NAME_HEADER, chain.server_name or "%REQUESTED_SERVER_NAME%"))
    host_without_port = {"name": HEADER, "element_separator": PORT_SEPARATOR, "index": 0}
    return {
        "early_header_mutation_extensions": [
            extension(
                "envoy.http.early_header_mutation.header_mutation",
                "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
                mutations=mutations,
            )
        ],
        "scoped_routes": {
            "name": chain.table,
            "scope_key_builder": {"fragments": [{"header_value_extractor": host_without_port}]},
            "rds_config_source": ADS,
            "scoped_rds": {"scoped_rds_config_source": ADS},
        },
    }


def _overwritten(name: str, value: str) -> dict[str, Any]:
    header = {"key": name, "value": value}
    return {"append": {"header": header, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}}

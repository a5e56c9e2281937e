"""How a request finds its scope: by the key `<table>|<hostname>`, read from a header Envoy sets itself.

The header is written over whatever a client sent before the first look-up, and taken off before the request
leaves (`early_header_mutation` and `request_headers_to_remove`). Scopes reach every listener of a proxy, so
the key begins with the table. The port that may follow the hostname is cut off when the key is read, which
leaves the Host header as it came: HTTPRoute wants it forwarded unmodified.
"""

HEADER = "x-envoy-attempt-count"
"""One of Envoy's own names, which means nothing in a request that comes in, and which nothing here asks Envoy
to write. It has fixed places for those; to find a name of ours it would sort all headers of each request, and
that is 2 % of a gateway's work."""
SERVER_NAME_HEADER = "x-sekisho-server-name"
"""By which listener's server name a request has come, as the listeners of a port share a table. Written over
and taken off as the other one."""
SEPARATOR = "|"
"""Occurs neither in tables nor in hostnames, which makes keys injective."""
WILDCARD = "~wild"
"""Stands in the place of a hostname for the scope that has all wildcard hostnames of a table."""
PORT_SEPARATOR = ":"


def scope_key(table: str, host: str) -> str:
    """The name of a scope, and its key.

    >>> scope_key("443/https", "shop.example.com")
    '443/https|shop.example.com'
    """
    return f"{table}{SEPARATOR}{host}"

"""A plain HTTPS client, as any program has one: calls twice, and says what it saw of the connection.

    python programs/client.py 127.21.0.7 8443 catalog.gcp.acme.corp /catalog --authority gcp.pem

Standard library only. It verifies the server's certificate and knows of no mesh. The second call resumes the
session of the first, which only the server that made it can do. Prints one line of JSON.
"""

import argparse
import hashlib
import json
import socket
import ssl
import sys
import time

PATIENCE = 10
"""Seconds."""


def call(
    context: ssl.SSLContext, place: tuple[str, int], name: str, path: str, session: ssl.SSLSession | None
) -> tuple[dict[str, object], ssl.SSLSession | None]:
    """One request on a connection of its own, and the session to resume it with."""
    began = time.perf_counter()
    with (
        socket.create_connection(place, PATIENCE) as plain,
        context.wrap_socket(plain, server_hostname=name, session=session) as secured,
    ):
        request = f"GET {path} HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n"
        secured.sendall(request.encode())
        answer = b""
        while part := secured.recv(65536):
            answer += part
        head, _, body = answer.partition(b"\r\n\r\n")
        seen = {
            "status": int(head.split()[1]),
            "certificate": hashlib.sha256(secured.getpeercert(binary_form=True) or b"").hexdigest(),
            "tls": secured.version(),
            "resumed": secured.session_reused,
            "milliseconds": (time.perf_counter() - began) * 1000,
            "body": json.loads(body) if body.startswith(b"{") else body.decode(errors="replace"),
        }
        return seen, secured.session


def main() -> int:
    """Exits with 1 where the server could not be reached or was not believed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("name")
    parser.add_argument("path")
    parser.add_argument("--authority", required=True)
    arguments = parser.parse_args()
    context = ssl.create_default_context(cafile=arguments.authority)
    place = (arguments.host, arguments.port)
    try:
        first, session = call(context, place, arguments.name, arguments.path, None)
        second, _ = call(context, place, arguments.name, arguments.path, session)
    except (OSError, ValueError, IndexError) as error:
        sys.stdout.write(json.dumps({"error": str(error)}) + "\n")
        return 1
    sys.stdout.write(json.dumps({"first": first, "second": second}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""A service of the mesh: answers with JSON, and with what the service it calls answers.

    python services/shop.py frontend --port 9041 --calls catalog

Standard library only. Where the services it calls are, variables like CATALOG_SERVICE_HOST say: the loopback
address at which its own sidecar stands for them. It knows of neither TLS nor identities.
"""

import argparse
import http.client
import json
import os
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ITEMS = {
    "frontend": "welcome",
    "catalog": [{"item": "tea bowl", "price": 1200}, {"item": "straw sandals", "price": 300}],
    "stock": {"tea bowl": 7, "straw sandals": 0},
}
PATIENCE = 10
"""Seconds for the answer of another service."""


class Handler(BaseHTTPRequestHandler):
    """Answers GET on any path; `/ready` for probes, without calling anybody."""

    protocol_version = "HTTP/1.1"
    service = ""
    calls: tuple[str, ...] = ()

    def do_GET(self) -> None:
        """200 with what there is, 502 when a service it calls does not answer well."""
        document: dict[str, object] = {"service": self.service, "path": self.path}
        document["items"] = ITEMS[self.service]
        document["caller"] = self.headers.get("X-Forwarded-Client-Cert", "")
        status = 200
        if self.path != "/ready":
            for name in self.calls:
                found = call(name, self.path)
                document[name] = found["body"]
                status = 200 if status == found["status"] == 200 else 502  # noqa: PLR2004 - HTTP's OK
        content = json.dumps(document, indent=2).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def call(service: str, path: str) -> dict[str, object]:
    """What another service answers."""
    prefix = service.upper()
    known = os.environ  # noqa: TID251 - a program of its own
    host, port = (known[f"{prefix}_SERVICE_{part}"] for part in ("HOST", "PORT"))
    connection = http.client.HTTPConnection(host, int(port), timeout=PATIENCE)
    try:
        connection.request("GET", path, headers={"Host": service})
        answer = connection.getresponse()
        body = answer.read()
        return {"status": answer.status, "body": json.loads(body) if answer.status == 200 else body.decode()}  # noqa: PLR2004
    except (OSError, http.client.HTTPException, ValueError) as error:
        return {"status": 502, "body": str(error)}
    finally:
        connection.close()


def main() -> None:
    """Serves on loopback until SIGTERM or Ctrl-C; what has been asked is still answered."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("service", choices=sorted(ITEMS))
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--calls", nargs="*", default=[])
    arguments = parser.parse_args()
    Handler.service, Handler.calls = arguments.service, tuple(arguments.calls)
    with ThreadingHTTPServer(("127.0.0.1", arguments.port), Handler) as server:
        server.daemon_threads = True

        def stop(*_: object) -> None:
            threading.Thread(target=server.shutdown).start()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        server.serve_forever()


if __name__ == "__main__":
    main()

"""The catalog: answers GET with JSON that says which instance in which zone answered, and who asked.

    python programs/catalog.py gcp catalog-1 --port 9031

Standard library only. It speaks plain HTTP and knows of neither zones, nor TLS, nor identities.
"""

import argparse
import json
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ITEMS = [{"item": "tea bowl", "price": 1200}, {"item": "straw sandals", "price": 300}]


class Handler(BaseHTTPRequestHandler):
    """Answers GET on any path."""

    protocol_version = "HTTP/1.1"
    zone = ""
    instance = ""

    def do_GET(self) -> None:
        """200 with the items."""
        document = {
            "service": "catalog",
            "zone": self.zone,
            "instance": self.instance,
            "caller": self.headers.get("X-Forwarded-Client-Cert", ""),
            "items": ITEMS,
        }
        content = json.dumps(document).encode() + b"\n"
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Sidecar and gateway know better who asked."""


def main() -> None:
    """Serves on loopback until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("zone")
    parser.add_argument("instance")
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    Handler.zone, Handler.instance = arguments.zone, arguments.instance
    with ThreadingHTTPServer(("127.0.0.1", arguments.port), Handler) as server:
        server.daemon_threads = True

        def stop(*_: object) -> None:
            threading.Thread(target=server.shutdown).start()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        server.serve_forever()


if __name__ == "__main__":
    main()

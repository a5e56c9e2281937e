"""A sample service of the shop: answers every request with JSON that tells what reached it.

    python services/shop.py cart --port 9001

Standard library only. `/` and below: the items of this service, and the request as it came in.
"""

import argparse
import json
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ITEMS = {
    "cart": [{"item": "tea bowl", "count": 2}, {"item": "straw sandals", "count": 1}],
    "catalog": [{"item": "tea bowl", "price": 1200}, {"item": "straw sandals", "price": 300}],
    "catalog-next": [
        {"item": "tea bowl", "price": 1200, "rating": 4.8},
        {"item": "straw sandals", "price": 300, "rating": 4.1},
    ],
}


class Handler(BaseHTTPRequestHandler):
    """Answers any method on any path."""

    protocol_version = "HTTP/1.1"
    service = ""

    def answer(self) -> None:
        """200 with the service's items and the request."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        document = {
            "service": self.service,
            "items": ITEMS.get(self.service, []),
            "request": {
                "method": self.command,
                "path": self.path,
                "headers": dict(self.headers.items()),
                "body": body.decode(errors="replace"),
            },
        }
        content = json.dumps(document, indent=2).encode() + b"\n"
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer  # noqa: N815 - http.server's names


def main() -> None:
    """Serves on loopback until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("service", help="cart, catalog or catalog-next")
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    Handler.service = arguments.service
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with ThreadingHTTPServer(("127.0.0.1", arguments.port), Handler) as server:
        server.daemon_threads = True
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            sys.exit(0)


if __name__ == "__main__":
    main()

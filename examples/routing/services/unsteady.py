"""A service to be patient with: 503 to every other request, and five seconds for what is below /slow.

    python services/unsteady.py --port 9011

Standard library only.
"""

import argparse
import itertools
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SLOW = 5.0
"""Seconds."""


class Handler(BaseHTTPRequestHandler):
    """Answers GET on any path."""

    protocol_version = "HTTP/1.1"
    count = itertools.count(1)

    def do_GET(self) -> None:
        """200 and 503 in turns."""
        if self.path.startswith("/slow"):
            time.sleep(SLOW)
        number = next(self.count)
        content = f"request {number}\n".encode()
        self.send_response(503 if number % 2 else 200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def main() -> None:
    """Serves on loopback until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with ThreadingHTTPServer(("127.0.0.1", parser.parse_args().port), Handler) as server:
        server.daemon_threads = True
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            sys.exit(0)


if __name__ == "__main__":
    main()

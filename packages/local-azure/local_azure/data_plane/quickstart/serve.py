"""Serves what the quickstart image does: one page at every path, on port 80 or on that of the variable PORT."""

import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGE = b"<!doctype html><title>Local Azure</title><h1>Your container app is running.</h1>\n"


class Handler(BaseHTTPRequestHandler):
    """Answers with the page."""

    def do_GET(self) -> None:
        """Answer one request."""
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)


if __name__ == "__main__":
    ThreadingHTTPServer(("0.0.0.0", int(os.environ.get("PORT", "80"))), Handler).serve_forever()

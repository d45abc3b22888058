"""A stand-in of GitHub's API, as far as comments of a pull request go."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "ghs_" + "0" * 36
BOT = "github-actions[bot]"


@dataclass
class GitHub:
    """What the stand-in holds, and what it was asked.

    Attributes:
        address: of the API.
        comments: of the one pull request, oldest first.
        requests: method and path of each request.
        refuse: status that every request is answered with, where it is set.
    """

    address: str = ""
    comments: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    requests: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    refuse: int | None = None

    def add(self, body: str, login: str = BOT) -> dict[str, Any]:
        """Add a comment of somebody's."""
        self.comments.append({"id": 1000 + len(self.comments), "body": body, "user": {"login": login}})
        return self.comments[-1]

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        """Return the status and the JSON that GitHub would answer with."""
        self.requests.append((method, path))
        if self.refuse:
            return self.refuse, {"message": "Resource not accessible by integration"}
        url = urlsplit(path)
        query = {name: int(values[0]) for name, values in parse_qs(url.query).items()}
        match method, url.path.split("/")[1:]:
            case "GET", ["repos", "contoso", "shop", "issues", "7", "comments"]:
                size = query.get("per_page", 30)
                start = (query.get("page", 1) - 1) * size
                return 200, self.comments[start : start + size]
            case "POST", ["repos", "contoso", "shop", "issues", "7", "comments"]:
                return 201, self.add(body["body"])
            case "PATCH", ["repos", "contoso", "shop", "issues", "comments", number]:
                [comment] = [one for one in self.comments if one["id"] == int(number)]
                comment["body"] = body["body"]
                return 200, comment
            case _:
                return 404, {"message": "Not Found"}


@contextmanager
def github() -> Iterator[GitHub]:
    """Serve the stand-in on a port of this machine."""
    held = GitHub()

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else {}
            status, content = 401, {"message": "Bad credentials"}
            if self.headers.get("Authorization", "").split()[-1:] == [TOKEN]:
                status, content = held.answer(self.command, self.path, body)
            answer = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST = do_PATCH = _serve  # noqa: N815 (named by the standard library)

        def log_message(self, format: str, *args: object) -> None:
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    held.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield held
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

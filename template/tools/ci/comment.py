"""Create or update a comment of a pull request: ``python -m tools.ci.comment --about NAME --file FILE``.

The comment about NAME is edited if there is one, and made if there is none, whatever became of the job. Repository,
pull request and token come from the environment: ``GITHUB_API_URL``, ``GITHUB_REPOSITORY``, ``PULL_REQUEST`` and
``GH_TOKEN``.
Standard library only.
"""

import argparse
import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_AUTHOR = "github-actions[bot]"
"""The author of comments that use a workflow's token. Comments of other authors are never edited, even with our
marker."""
_PAGE = 100
_SECONDS = 30.0


class GitHubError(Exception):
    """GitHub returned an error. The message is for the user and contains no token."""


@dataclass(frozen=True)
class PullRequest:
    """The comments of a pull request.

    Attributes:
        api: address of the API, such as ``https://api.github.com``.
        repository: such as ``contoso/shop``.
        number: the pull request's.
        token: sent with each request.
    """

    api: str
    repository: str
    number: int
    token: str

    def put(self, about: str, text: str) -> None:
        """Create or update the comment about a subject. Raises `GitHubError`."""
        mark = f"<!-- {about} -->"
        body = {"body": f"{mark}\n{text}"}
        for comment in self._comments():
            if comment["body"].startswith(mark) and comment["user"]["login"] == _AUTHOR:
                self._request("PATCH", f"/repos/{self.repository}/issues/comments/{comment['id']}", body)
                return
        self._request("POST", f"/repos/{self.repository}/issues/{self.number}/comments", body)

    def _comments(self) -> Iterator[Mapping[str, Any]]:
        page = 1
        while True:
            address = f"/repos/{self.repository}/issues/{self.number}/comments?per_page={_PAGE}&page={page}"
            found: list[Mapping[str, Any]] = self._request("GET", address)
            yield from found
            if len(found) < _PAGE:
                return
            page += 1

    def _request(self, method: str, path: str, body: Mapping[str, str] | None = None) -> Any:
        request = urllib.request.Request(
            self.api + path,
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={
                "Accept": "application/vnd.github+json",
                "Authorization": f"Bearer {self.token}",
                "Content-Type": "application/json",
                "X-GitHub-Api-Version": "2022-11-28",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            raise GitHubError(f"GitHub answered {error.code} to {method} {path}") from None
        except OSError as error:
            raise GitHubError(f"no answer from GitHub to {method} {path}: {error}") from None


def main(arguments: Sequence[str] | None = None) -> int:
    """Put the file's text into the comment, or that there is none; return 0, or 1 if GitHub refused."""
    parser = argparse.ArgumentParser(prog="comment", description="Keeps one comment of a pull request up to date.")
    parser.add_argument("--about", required=True, help="what the comment is about, such as: preview of dev")
    parser.add_argument("--file", type=Path, required=True, help="its text in Markdown; it need not exist")
    parser.add_argument("--footer", default="", help="what is added, such as the commit and the log's address")
    options = parser.parse_args(arguments)
    text = f"### There is no {options.about}\n\nThe job failed before it came to that.\n"
    if options.file.exists():
        text = options.file.read_text(encoding="utf-8")
    environment = os.environ
    pull_request = PullRequest(
        environment["GITHUB_API_URL"],
        environment["GITHUB_REPOSITORY"],
        int(environment["PULL_REQUEST"]),
        environment["GH_TOKEN"],
    )
    try:
        pull_request.put(options.about, f"{text}\n{options.footer}\n")
    except GitHubError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The state in which a page's commands run: each page with commands has a line here."""

from enum import IntEnum


class State(IntEnum):
    """What there is before the first command of a page. In this order the pages are run."""

    FRESH = 1
    """Everything is installed, the local Azure is not running, and nothing is deployed."""
    DEPLOYED = 2
    """The dev stack is deployed, without its caches and apps as processes."""
    RUNNING = 3
    """The dev stack is deployed, and its caches and apps run."""
    ELSEWHERE = 4
    """A program of the reader's own, with the files that the page shows, and the package `local-azure` installed."""


RUN_BY = {
    "CONTRIBUTING.md": "a list of targets: up, preview and doctor are on other pages, test and lint in .ci/run",
    "docs/pull-requests.md": "tests-e2e/pull_requests/test_preview_locally.py, on two checkouts of its own",
    "packages/doctor/README.md": "the tests themselves, which `make test-all` runs",
    "packages/local-azure/README.md": "packages/local-azure/docs/start.md, and the tests themselves",
    "packages/local-azure/docs/start.md": "tests-e2e/distributions/test_wheel.py; nothing is published yet",
}
"""Pages with commands in a block of plain text, and where those are run instead."""

STATES = {
    "README.md": State.FRESH,
    "docs/architecture.md": State.DEPLOYED,
    "docs/deploy.md": State.DEPLOYED,
    "docs/extend.md": State.DEPLOYED,
    "docs/operate.md": State.DEPLOYED,
    "docs/production.md": State.DEPLOYED,
    "docs/secrets-and-rotation.md": State.DEPLOYED,
    "docs/troubleshooting.md": State.RUNNING,
    "packages/doctor/docs/preflight.md": State.DEPLOYED,
    "packages/local-azure/docs/index.md": State.DEPLOYED,
    "packages/local-azure/docs/ingress-and-logs.md": State.RUNNING,
    "packages/local-azure/docs/redis-and-names.md": State.DEPLOYED,
    "packages/local-azure/docs/start.md": State.ELSEWHERE,
    "packages/local-azure/docs/time-faults-and-life.md": State.DEPLOYED,
    "docs/policies.md": State.DEPLOYED,
    "docs/pull-requests.md": State.DEPLOYED,
}

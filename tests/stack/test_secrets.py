"""No key, password or URL is in state, logs, output or process arguments."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.stack.deployment import Deployment, operations

Deploy = Callable[..., Deployment]
APPS = {"apps-web", "apps-worker"}
SWITCHED = {"vault-redis-url", "vault-celery-broker-url", "vault-celery-result-backend", "vault-redis-key"}
MARKER = "an-api-key-nobody-else-may-see"


@contextmanager
def _watching_arguments() -> Iterator[set[bytes]]:
    """Collect the arguments of every process that runs meanwhile (on Linux; elsewhere nothing is collected)."""
    seen: set[bytes] = set()
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.02):
            for file in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    seen.add(file.read_bytes())
                except OSError:
                    continue

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def _files(home: Path) -> Iterator[Path]:
    """Yield every file of a local Azure but the state of its cloud, which holds the keys as Azure itself does."""
    for file in home.rglob("*"):
        if file.is_file() and not file.name.startswith("state.sqlite"):
            yield file


@pytest.mark.parametrize("references", [True, False], ids=["references", "direct"])
def test_another_key_is_used_and_no_secret_is_in_state_logs_output_or_arguments(
    deploy: Deploy, references: bool
) -> None:
    stack = deploy(useKeyVaultReferences=references)
    start = len(stack.azure.transcript)
    stack.pulumi("config", "set", "--secret", "--path", "secretEnv.API_KEY", "--stack", "dev", typed=MARKER)
    with _watching_arguments() as arguments:
        stack.preview("--diff")
        stack.up("--diff")
        before, first = stack.revisions(), stack.outputs()["redisUrl"]
        stack.configure("redis.activeKey", "secondary")
        stack.preview("--diff", "--show-config", "--json")
        assert operations(stack.up()) == {("update", name) for name in APPS | SWITCHED}, "what holds the key, no more"
        after = stack.revisions()
        assert all(after[app] != before[app] for app in APPS), "one new revision of each app"
        assert stack.refresh() == []
        stack.pulumi("stack", "--stack", "dev")
        stack.pulumi("stack", "output", "--stack", "dev")
        stack.pulumi("config", "--stack", "dev")
    secrets = stack.secrets() | {MARKER}
    # URL, key, signing key, digest key, each raw and percent-encoded, and the API key.
    assert len(secrets) >= 8, "the scan must have something to look for"

    output = "".join(stack.azure.transcript[start:])
    assert "redis-database" in output
    assert "vault-api-key" in {one["urn"].rsplit("::", 1)[-1] for one in stack.resources()}
    assert not [secret for secret in secrets if secret in output], "a command printed a secret"
    for file in _files(stack.azure.home):
        try:
            content = file.read_bytes()
        except FileNotFoundError:
            continue  # a lock or a temporary file, gone since it was listed
        leaked = [secret for secret in secrets if secret.encode() in content]
        assert not leaked, f"{file.relative_to(stack.azure.home)} holds a secret in the clear"
    if sys.platform == "linux":
        assert any(b"pulumi" in line for line in arguments)
    assert not [secret for secret in secrets for line in arguments if secret.encode() in line]

    shown = stack.pulumi("stack", "output", "--stack", "dev", "--show-secrets").stdout
    assert any(secret in shown for secret in secrets), "the scan would have found a secret"
    assert stack.outputs()["redisUrl"] != first
    assert stack.up() == [], "the key is switched once"
    assert stack.revisions() == after

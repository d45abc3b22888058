"""Each fault in a running stack: felt by the app, named by the doctor, fixed by its remedy."""

from __future__ import annotations

import io
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from unittest.mock import patch

import pytest
import requests

from diagnosis import faults
from diagnosis.world import Deployed, World, attached
from doctor.__main__ import main
from tests.stack.deployment import ROOT, Deployment, LocalAzure, write_project

IMAGE = "contoso.azurecr.io/magictoolbox:1.0.0"
WITHIN_SECONDS = 240
"""After which a test stops waiting for what should have happened; nothing depends on how soon it does."""
FELT_BY = ("log", "readiness", "revision", "scaler")
"""The checks that look at the apps as they run."""
WORKERS = [{"name": "worker", "queues": ["celery"], "minReplicas": 1, "maxReplicas": 2}]
STACKS = {
    "managed": {"workers": WORKERS},
    "classic": {"workers": WORKERS, "redis": {"service": "classic"}, "useKeyVaultReferences": False},
}


def readiness(deployed: Deployed) -> int:
    """Return the status that the app's readiness answers with; 0 for no answer."""
    proxy = json.loads((deployed.home / "endpoints.json").read_text())["vault-proxy"]
    try:
        return requests.get(
            deployed.stack.readiness_url,
            proxies={"https": f"http://127.0.0.1:{proxy}"},
            verify=str(deployed.home / "tls" / "ca.pem"),
            timeout=30,
        ).status_code
    except requests.RequestException:
        return 0


@dataclass
class Running:
    """A stack whose apps run."""

    stack: Deployment
    world: World
    environment: Mapping[str, str]
    """What a command under `./local run` gets."""

    def readiness(self) -> int:
        """Return the status that the app's readiness answers with; 0 for no answer."""
        return readiness(self.world.deployed)

    def run_remedy(self, remedy: str, *, until: str | None = None) -> str:
        """Run a remedy as the guide has it, in the project's virtual environment; what it printed.

        An outage ends once the remedy has printed ``until``.
        """
        script = f"PATH={ROOT}/.venv/bin:$PATH; {remedy}"
        options = ("env", "PULUMI_SKIP_CONFIRMATIONS=true", "sh", "-ec", script)
        lines: list[str] = []
        with subprocess.Popen(
            [str(ROOT / "local"), "run", *options],
            cwd=self.stack.directory,
            env={**os.environ, "LOCAL_AZURE_HOME": str(self.stack.azure.home)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                lines.append(line)
                if until and until in line:
                    self.stack.azure.run("faults", "clear")
                    until = None
        printed = "".join(lines)
        self.stack.azure.transcript.append(printed)
        assert process.returncode == 0, f"{remedy}: {printed}"
        assert until is None, f"the remedy is over before the outage: {printed}"
        return printed

    def look(self) -> Any:
        """Return what the doctor says, as JSON: its command, in this process and with the outputs that are known."""
        printed = io.StringIO()
        with (
            patch.dict(os.environ, self.environment, clear=True),
            patch("doctor.stack.read", lambda name, directory: self.world.deployed.stack),
            redirect_stdout(printed),
        ):
            code = main(["--stack", "dev", "--json"])
        self.stack.azure.transcript.append(printed.getvalue())
        report = json.loads(printed.getvalue())
        assert code == (0 if report["healthy"] else 1)
        return report

    def look_until(self, cause: str | None, *, felt: str | None = None) -> Any:
        """Return what the doctor says once it names a cause and sees the app suffer: both take their time."""
        report: Any = {}
        for _ in until():
            report = self.look()
            suffers = any(one["status"] == "fail" for one in report["checks"] if one["check"] in FELT_BY)
            if (report["cause"] or {}).get("name") == cause and (suffers or not felt):
                return report
        pytest.fail(f"not within {WITHIN_SECONDS} s: {cause or 'no fault'}\n{words_of(report)}")

    def worker_answers(self, revision: str) -> bool:
        """Return whether the worker's latest revision is this one, runs, and logs that Redis answers."""
        found = self.look()["checks"]
        seen = [one["evidence"] for one in found if one["subject"].endswith("worker") and one["status"] == "pass"]
        return any(f"--{revision}: " in one for one in seen) and "Redis answers" in seen

    def make_anew(self) -> None:
        """Delete the stack, with whatever is wrong in it, and deploy it again."""
        self.stack.azure.run("faults", "clear")
        self.stack.destroy()
        self.deploy()

    def deploy(self) -> None:
        """Deploy the stack, and wait until it is ready."""
        self.stack.up()
        self.world.deployed.outputs = self.stack.outputs()
        wait(lambda: self.readiness() == 200, "the app is ready")
        report = self.look_until(None)
        assert report["healthy"], report


def until() -> Iterator[None]:
    """Yield in rounds until the time is over."""
    end = time.monotonic() + WITHIN_SECONDS
    while time.monotonic() < end:
        yield
        time.sleep(0.2)


def wait(condition: Callable[[], bool], words: str) -> None:
    """Wait for a condition; fail with the words when it does not come true."""
    for _ in until():
        if condition():
            return
    pytest.fail(f"not within {WITHIN_SECONDS} s: {words}")


@pytest.fixture(scope="module")
def local_azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAzure]:
    """Yield a local Azure in which caches and apps run."""
    azure = LocalAzure(tmp_path_factory.mktemp("local-azure"), data_plane=True)
    azure.run("start")
    yield azure
    azure.run("stop", check=False)


@contextmanager
def running(azure: LocalAzure, directory: Path, name: str) -> Iterator[Running]:
    """Yield a stack that was deployed and is ready."""
    write_project(directory, "dev", {"image": IMAGE, **STACKS[name]})
    stack = Deployment(azure, directory, "dev")
    with attached(Deployed(azure.home, {})) as world:
        shown = subprocess.run(
            [str(ROOT / "local"), "run", "env", "-0"],
            cwd=directory,
            env={**os.environ, "LOCAL_AZURE_HOME": str(azure.home)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        environment = dict(entry.split("=", 1) for entry in shown.split("\0") if entry)
        made = Running(stack, world, environment)
        made.deploy()
        yield made


@pytest.fixture(scope="module")
def managed(local_azure: LocalAzure, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Yield the managed service, and a vault that the doctor cannot read."""
    with running(local_azure, tmp_path_factory.mktemp("projects") / "managed", "managed") as made:
        yield made


@pytest.fixture(scope="module")
def classic(local_azure: LocalAzure, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Yield the classic service, and apps that hold the values of their secrets."""
    with running(local_azure, tmp_path_factory.mktemp("projects") / "classic", "classic") as made:
        yield made


def restart_web(world: World) -> None:
    """Restart web, so that it connects again."""
    web = world.web
    world.call("POST", f"{web['id']}/revisions/{web['properties']['latestRevisionName']}/restart")


def then_restarted(inject: faults.Inject) -> faults.Inject:
    """Return a fault that an app feels when it connects again; until then its connections stay."""

    def both(world: World) -> None:
        inject(world)
        restart_web(world)

    return both


def regenerate_both(world: World) -> None:
    """Regenerate both keys: the remedy of an earlier fault may have left the apps with either."""
    for key in ("Primary", "Secondary"):
        world.call("POST", f"{world.keyed['id']}/regenerateKey", {"keyType": key})


def change_to_new_key(world: World) -> None:
    """Put the new key into the secrets, and nothing into the replicas."""
    faults.regenerate(world)
    for name in ("redis-url", "celery-broker-url", "celery-result-backend"):
        database = 0 if name == "redis-url" else 1
        world.set_secret(name, world.redis_url(database=database), roll=False)
    world.set_secret("redis-key", world.key(), roll=False)
    # Open connections stay as they are, until something ends them.
    azure = LocalAzure(world.deployed.home, data_plane=True)
    azure.run("faults", "add", "redis-down")
    wait(lambda: readiness(world.deployed) == 503, "the app has lost its connections")
    azure.run("faults", "clear")


def fail_startup_probe(world: World) -> None:
    app = world.web
    for probe in app["properties"]["template"]["containers"][0]["probes"]:
        if probe["type"] == "Startup":
            probe.update(periodSeconds=1, failureThreshold=2)
            probe["httpGet"]["path"] = "/missing/"
    world.put_app(app)


@dataclass(frozen=True)
class Case:
    """A fault, and what becomes of it.

    Attributes:
        inject: puts it in.
        cause: what the doctor is to call it.
        felt: by what the app shows it: its answer 503, or the log of a replica that does not become ready, while
            an earlier one goes on with the connections and the secrets that it has; its scaler's events; None where
            nothing shows it.
        passes: whether it is an outage that Azure ends, and the remedy waits until it has.
    """

    inject: faults.Inject
    cause: str
    felt: Literal["503", "log", "scaler"] | None = "503"
    passes: bool = False


def of_redis(*words: str) -> faults.Inject:
    """Return a Redis that is down or full."""

    def inject(world: World) -> None:
        LocalAzure(world.deployed.home, data_plane=True).run("faults", "add", *words)

    return inject


WHERE_THE_VAULT_IS_CLOSED = {
    "Redis down": Case(of_redis("redis-down"), "redis-down", passes=True),
    "Redis full": Case(of_redis("redis-full", "--megabytes", "500"), "redis-full"),
    "zone not linked": Case(then_restarted(faults.unlink), "zone-not-linked", felt="log"),
    "zone of the other service": Case(
        then_restarted(faults.zone_of_other_service), "zone-of-other-service", felt="log"
    ),
    "record missing": Case(then_restarted(faults.remove_record), "record-missing", felt="log"),
    "endpoint rejected": Case(faults.reject, "endpoint-rejected"),
    "endpoint pending": Case(faults.leave_pending, "endpoint-pending"),
    "public access on": Case(faults.open_to_the_internet, "public-access-on", felt=None),
    "key authentication off": Case(then_restarted(faults.refuse_keys), "key-authentication-off", felt="log"),
    "role missing": Case(faults.take_role_away, "role-missing", felt=None),
    "vault secret disabled": Case(faults.disable_secret, "vault-secret-disabled", felt=None),
    "secret changed": Case(faults.change_without_revision, "secret-changed-without-revision", felt=None),
    "variable by value": Case(faults.set_by_value, "variable-by-value", felt=None),
    "key missing": Case(faults.leave_key_out, "key-missing", felt="log"),
    "key raw": Case(faults.leave_key_raw, "key-not-encoded", felt="log"),
    "key regenerated": Case(then_restarted(regenerate_both), "key-not-current", felt="log"),
    "key regenerated, which only the scaler meets": Case(regenerate_both, "key-not-current", felt="scaler"),
    "clustered": Case(then_restarted(faults.cluster), "clustering-policy-wrong", felt="log"),
    "cache deleted": Case(faults.delete_cache, "cache-missing", felt="503"),
    "vault deleted": Case(faults.delete_vault, "vault-missing", felt=None),
    "endpoint disconnected": Case(faults.disconnect, "endpoint-disconnected", felt="503"),
    "wrong database": Case(faults.ask_for_missing_database, "wrong-database", felt="log"),
    "ssl_cert_reqs missing": Case(faults.leave_certificate_rule_out, "ssl-cert-reqs-missing", felt="log"),
    "probes failing": Case(fail_startup_probe, "revision-failing", felt="log"),
}
WHERE_APPS_HOLD_THE_VALUES = {
    "key missing": Case(faults.leave_key_out, "key-missing", felt="log"),
    "key raw": Case(faults.leave_key_raw, "key-not-encoded", felt="log"),
    "key regenerated": Case(then_restarted(regenerate_both), "key-not-current", felt="log"),
    "secret changed": Case(change_to_new_key, "secret-changed-without-revision"),
    "key authentication off": Case(then_restarted(faults.refuse_keys), "key-authentication-off", felt="log"),
}


def assert_found_and_mended(running: Running, case: Case) -> None:
    """Inject a fault, and see it felt, named, fixed and gone. A case that fails leaves its fault to no other."""
    try:
        go_the_whole_way(running, case)
    except BaseException:
        running.make_anew()
        raise


def go_the_whole_way(running: Running, case: Case) -> None:
    secrets = running.stack.secrets()
    case.inject(running.world)
    if case.felt == "503":
        wait(lambda: running.readiness() == 503, "the app feels it")
    report = running.look_until(case.cause, felt=case.felt)
    assert ((report["cause"] or {}).get("name"), report["others"]) == (case.cause, []), words_of(report)
    printed = running.run_remedy(
        report["cause"]["remedy"], until='"availabilityState": "Unavailable"' if case.passes else None
    )
    if case.passes:
        assert "No fault was found" in printed
    # An environment that was recreated has another domain.
    running.world.deployed.outputs = running.stack.outputs()
    wait(lambda: running.readiness() == 200, "the app is ready again")
    report = running.look_until(None)
    assert report["healthy"], words_of(report)
    running.stack.azure.run("faults", "clear")  # what a larger size has room for is still there
    transcript = running.stack.azure.transcript
    assert not any(secret in printed for printed in transcript for secret in secrets), "a secret was printed"


def words_of(report: Any) -> str:
    """Return what failed and was skipped, for the message of a failing test."""
    return "\n".join(str(one) for one in report["checks"] if one["status"] != "pass")


def cases(faults: Iterable[str], quick: Iterable[str] = ()) -> list[Any]:
    """Return the faults by their names: a few for every run, the rest for long ones."""
    slow = pytest.mark.slow("faults in running stacks")
    chosen = set(quick)
    return [pytest.param(fault, marks=[] if fault in chosen else slow) for fault in faults]


@pytest.mark.parametrize(
    "fault",
    cases(WHERE_THE_VAULT_IS_CLOSED, ["zone not linked", "key regenerated", "secret changed", "Redis down"]),
)
def test_a_fault_is_named_and_mended_where_the_vault_is_closed(managed: Running, fault: str) -> None:
    assert_found_and_mended(managed, WHERE_THE_VAULT_IS_CLOSED[fault])


@pytest.mark.parametrize("fault", cases(WHERE_APPS_HOLD_THE_VALUES))
def test_a_fault_is_named_and_mended_where_the_apps_hold_the_values(classic: Running, fault: str) -> None:
    assert_found_and_mended(classic, WHERE_APPS_HOLD_THE_VALUES[fault])


def start_by_a_script(world: World, revision: int) -> str:
    """Have the workers started by a script without `exec`, in a new revision; return the end of its name."""
    app = next(one for one in world.apps if one["name"].endswith("worker"))
    template = app["properties"]["template"]
    (container,) = template["containers"]
    container["command"] = ["sh", "-c", "celery -A magictoolbox worker --queues celery; exit"]
    container["env"] = [one for one in container["env"] if one["name"] != "ROUND"]
    container["env"].append({"name": "ROUND", "value": str(revision)})
    template["terminationGracePeriodSeconds"] = 5
    world.put_app(app)
    changed = next(one for one in world.apps if one["name"].endswith("worker"))
    return changed["properties"]["latestRevisionName"].rpartition("--")[2]


@pytest.mark.slow("faults in running stacks")
def test_a_worker_that_a_script_starts_without_exec_is_killed_and_its_command_is_named(managed: Running) -> None:
    try:
        revision = start_by_a_script(managed.world, 1)
        wait(lambda: managed.worker_answers(revision), "the worker that the script started")
        start_by_a_script(managed.world, 2)
        report = managed.look_until("killed-at-shutdown")
        assert "its command, `sh -c" in report["cause"]["evidence"]
        assert report["others"] == []
        managed.stack.up("--refresh")
        managed.look_until(None)
    except BaseException:
        managed.make_anew()
        raise

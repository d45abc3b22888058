"""Replicas that start together: one migrates, the others wait for it."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from workload_processes import PATIENCE, Workload, free_port, wait_until

MIGRATE = ("python", "manage.py", "migrate", "--noinput")


def migrate_together(workload: Workload) -> None:
    """Run several migrations at once; each must succeed, and one alone have had something to do."""
    processes = [workload.start(*MIGRATE) for _ in range(6)]
    codes = [process.popen.wait(timeout=PATIENCE) for process in processes]
    assert codes == [0] * len(processes), workload.logs()
    assert workload.logs().count("Applying sessions.0001_initial... OK") == 1
    assert workload.logs().count("No migrations to apply.") == len(processes) - 1


def test_on_sqlite(workload: Workload) -> None:
    workload.database.unlink()
    migrate_together(workload)


def test_on_postgresql(workload: Workload, postgres: str) -> None:
    workload.environment["DATABASE_URL"] = postgres
    migrate_together(workload)
    _, browser = workload.start_web()
    assert browser.get("/api/health/readiness/").json() == {
        "status": "ready",
        "checks": {"database": True, "cache": True},
    }


@pytest.fixture
def postgres() -> Iterator[str]:
    """Yield the URL of a database in a PostgreSQL server of its own."""
    installed = map(str, Path("/usr/lib/postgresql").glob("*/bin"))  # Debian keeps them off the path
    path = os.pathsep.join([os.environ["PATH"], *installed])
    initdb, server = shutil.which("initdb", path=path), shutil.which("postgres", path=path)
    if not (initdb and server):
        pytest.skip("PostgreSQL is not installed; without DATABASE_URL the workload does not use it")
    user = "nobody" if os.geteuid() == 0 else None  # it refuses to run as root
    with tempfile.TemporaryDirectory() as directory:
        if user:
            shutil.chown(directory, user)
        data, port = f"{directory}/data", free_port()
        initialize = [initdb, "--pgdata", data, "--username", "app", "--auth", "trust", "--no-sync"]
        subprocess.run(initialize, user=user, cwd=directory, check=True, stdout=subprocess.DEVNULL)
        command = [server, "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", directory, "-F"]
        process = subprocess.Popen(command, user=user, cwd=directory, stderr=subprocess.DEVNULL)
        try:
            # The last line of this file is the server's state.
            status = Path(data, "postmaster.pid")
            wait_until(lambda: status.exists() and "ready" in status.read_text(), "a ready PostgreSQL")
            yield f"postgres://app@127.0.0.1:{port}/postgres"
        finally:
            process.send_signal(signal.SIGINT)  # a fast shutdown
            process.wait()

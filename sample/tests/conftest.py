"""A certificate authority, a Redis server and the workload's processes for the tests of this folder."""

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from workload_processes import Authority, RedisServer, Workload


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Return the authority that signs the servers' certificates and that the workload trusts."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def migrated_database(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Path:
    """Return a SQLite file as `manage.py migrate` leaves it."""
    workload = Workload(tmp_path_factory.mktemp("database"), authority)
    workload.use_redis("rediss://localhost:1/0?ssl_cert_reqs=required")
    assert workload.run("python", "manage.py", "migrate", "--noinput").returncode == 0
    return workload.database


@pytest.fixture
def start_redis(tmp_path: Path, authority: Authority) -> Iterator[Callable[..., RedisServer]]:
    """Start a Redis server; its arguments are those of RedisServer after the first two."""
    with ExitStack() as servers:

        def start(**options: object) -> RedisServer:
            server = RedisServer(tmp_path, authority, **options)
            servers.callback(server.stop)
            return server

        yield start


@pytest.fixture
def redis(start_redis: Callable[..., RedisServer]) -> RedisServer:
    """Return a server as Azure Managed Redis is one: a single database."""
    return start_redis()


@pytest.fixture
def workload(tmp_path: Path, authority: Authority, redis: RedisServer, migrated_database: Path) -> Iterator[Workload]:
    """Yield the workload with its migrated database and one Redis for everything; no log of it may hold a secret."""
    workload = Workload(tmp_path, authority)
    workload.use_redis(redis.url())
    shutil.copy(migrated_database, workload.database)
    yield workload
    workload.stop()
    for secret in [*redis.secrets(), *workload.secrets]:
        assert secret not in workload.logs(), "a process of the workload logged a secret, which is not repeated here"

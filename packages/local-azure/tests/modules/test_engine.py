"""The choice of the Pulumi command-line program, without network: the programs here are small scripts."""

import importlib.metadata
import re
import threading
from pathlib import Path

import pytest

from local_azure.pulumi_engine import engine, go_toolchain
from local_azure.pulumi_engine.engine import EngineError
from local_azure.system import progress
from local_azure.system.paths import Home


def fake_program(directory: Path, version: str, *, language_host: bool = True) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    program = directory / "pulumi"
    program.write_text(f"#!/bin/sh\necho asked >> {directory}/asked\necho v{version}\n")
    program.chmod(0o755)
    if language_host:
        (directory / engine.LANGUAGE_HOST).touch()
    return program


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def environment(tmp_path: Path, *path: Path) -> dict[str, str]:
    return {"PATH": ":".join(str(directory) for directory in path), "XDG_CACHE_HOME": str(tmp_path / "cache")}


def test_the_pinned_version_is_the_same_everywhere() -> None:
    requirements = importlib.metadata.requires("local-azure") or []
    assert f"pulumi=={engine.VERSION}" in requirements
    go_module = (engine.MODULE / "go.mod").read_text()
    assert re.search(rf"github.com/pulumi/pulumi/pkg/v3 v{re.escape(engine.VERSION)}\b", go_module)


@pytest.mark.parametrize(
    ("version", "recent"),
    [
        ("3.259.0", True),
        ("v3.259.1", True),
        ("3.260.0", True),
        ("3.1000.0", True),
        ("3.258.9", False),
        ("3.99.0", False),
        ("4.0.0", False),
        ("3.260.0-alpha.1", False),
        ("3.260", False),
        ("", False),
        ("not a version", False),
    ],
)
def test_a_program_is_recent_if_it_has_the_pinned_major_version_and_is_not_older(version: str, recent: bool) -> None:
    assert engine.is_recent(version, pinned="3.259.0") is recent


def test_the_cache_directory_follows_the_platform() -> None:
    assert engine.cache_directory({"XDG_CACHE_HOME": "/c"}) == Path("/c/local-azure/engine") / engine.VERSION
    relative = engine.cache_directory({"XDG_CACHE_HOME": "c"}, system="Linux")
    assert relative == Path.home() / ".cache" / "local-azure" / "engine" / engine.VERSION, "a relative path is void"
    assert "Library/Caches" in str(engine.cache_directory({}, system="Darwin"))


def test_a_recent_program_on_path_is_taken_and_its_version_asked_once(tmp_path: Path, home: Home) -> None:
    program = fake_program(tmp_path / "bin", "3.300.0")
    for _ in range(2):
        found = engine.find(home, environment(tmp_path, tmp_path / "bin"))
        assert found == engine.Engine(program, "3.300.0")
    assert (tmp_path / "bin" / "asked").read_text() == "asked\n"


def test_a_replaced_program_is_asked_again(tmp_path: Path, home: Home) -> None:
    fake_program(tmp_path / "bin", "3.1.0")
    assert engine.find(home, environment(tmp_path, tmp_path / "bin")) is None
    fake_program(tmp_path / "bin", "3.300.0")
    assert engine.find(home, environment(tmp_path, tmp_path / "bin"))


@pytest.mark.parametrize(("version", "language_host"), [("3.258.0", True), ("3.259.0", False)])
def test_an_old_program_or_one_without_language_host_is_not_taken(
    tmp_path: Path, home: Home, version: str, language_host: bool
) -> None:
    fake_program(tmp_path / "bin", version, language_host=language_host)
    assert engine.find(home, environment(tmp_path, tmp_path / "bin")) is None


def test_a_link_on_path_is_followed_to_the_language_host_beside_the_program(tmp_path: Path, home: Home) -> None:
    program = fake_program(tmp_path / "cellar", "3.300.0")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "pulumi").symlink_to(program)
    found = engine.find(home, environment(tmp_path, tmp_path / "bin"))
    assert found is not None
    assert found.program == program


def test_the_stand_in_of_a_run_is_passed_over(tmp_path: Path, home: Home) -> None:
    stand_in = fake_program(tmp_path / "other-home" / "bin", "3.300.0")
    stand_in.write_text(f"#!/bin/sh\n# {engine.STAND_IN_MARK}\nexit 1\n")
    program = fake_program(tmp_path / "bin", "3.300.0")
    found = engine.find(home, environment(tmp_path, stand_in.parent, program.parent))
    assert found is not None
    assert found.program == program


def put_in_cache(directory: Path) -> None:
    """Install a fake program without a language host into the cache."""
    made = directory.parent / f"made-{threading.get_ident()}"
    fake_program(made, engine.VERSION, language_host=False)
    engine._put_in_cache(made, "pulumi", directory)  # pyright: ignore[reportPrivateUsage]


def test_an_installed_program_is_kept_in_the_cache_and_gets_a_language_host(
    tmp_path: Path, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_install", put_in_cache)
    made = engine.ensure(home, environment(tmp_path))
    assert made.program == engine.cache_directory(environment(tmp_path)) / "pulumi"
    assert (made.directory / engine.LANGUAGE_HOST).stat().st_mode & 0o111

    def again(directory: Path) -> None:
        pytest.fail("a second clone must find it")

    monkeypatch.setattr(engine, "_install", again)
    assert engine.ensure(Home(tmp_path / "second"), environment(tmp_path)) == made


def test_a_cached_program_that_prints_its_version_without_v_is_made_anew(
    tmp_path: Path, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_install", put_in_cache)
    made = engine.ensure(home, environment(tmp_path))
    assert made.version == engine.VERSION
    record = made.directory / "engine.json"
    record.write_text(record.read_text().replace(f"v{engine.VERSION}", engine.VERSION))
    assert engine.find(home, environment(tmp_path)) is None, "pulumi/actions would download another program"
    assert engine.ensure(home, environment(tmp_path)) == made
    assert f"v{engine.VERSION}" in record.read_text()


def test_a_program_of_the_wrong_version_is_never_put_in_the_cache(
    tmp_path: Path, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(directory: Path) -> None:
        made = directory.parent / "made"
        fake_program(made, "3.1.0")
        engine._put_in_cache(made, "pulumi", directory)  # pyright: ignore[reportPrivateUsage]

    monkeypatch.setattr(engine, "_install", wrong)
    monkeypatch.setattr(engine, "_build", wrong)
    with pytest.raises(EngineError, match=r"says its version is v3\.1\.0, not v"):
        engine.ensure(home, environment(tmp_path))
    assert not engine.cache_directory(environment(tmp_path)).exists()


def test_the_build_is_tried_when_the_installation_fails(
    tmp_path: Path, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offline(directory: Path) -> None:
        raise progress.CommandFailedError("no answer within 5 s")

    monkeypatch.setattr(engine, "_install", offline)
    monkeypatch.setattr(engine, "_build", put_in_cache)
    assert engine.ensure(home, environment(tmp_path)).version == engine.VERSION


def test_one_error_names_all_three_ways_and_why_each_failed(
    tmp_path: Path, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offline(directory: Path) -> None:
        raise progress.CommandFailedError("no answer within 5 s")

    def no_go(directory: Path) -> None:
        raise progress.CommandFailedError("Go 1.25.11 or newer is needed")

    monkeypatch.setattr(engine, "_install", offline)
    monkeypatch.setattr(engine, "_build", no_go)
    fake_program(tmp_path / "bin", "3.100.0")
    with pytest.raises(EngineError) as error:
        engine.ensure(home, environment(tmp_path, tmp_path / "bin"))
    for part in ("3.100.0", "official installation: no answer within 5 s", "Go module: Go 1.25.11 or newer is needed"):
        assert part in str(error.value)


def test_two_clones_at_once_build_once(tmp_path: Path, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    builds: list[Path] = []

    def build(directory: Path) -> None:
        builds.append(directory)
        put_in_cache(directory)

    monkeypatch.setattr(engine, "_install", build)
    threads = [
        threading.Thread(target=engine.ensure, args=(Home(tmp_path / name), environment(tmp_path)))
        for name in ("one", "two")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(builds) == 1


def test_the_needed_go_is_read_from_the_module() -> None:
    assert re.fullmatch(r"1\.\d+(\.\d+)?", go_toolchain.needed(engine.MODULE))

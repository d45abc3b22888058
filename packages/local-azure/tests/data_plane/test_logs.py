"""Logs are written line by line, set aside when large, and read from their end on."""

from __future__ import annotations

from pathlib import Path

from local_azure.status import replica_logs
from local_azure.status.replica_logs import Event, Line, Logs, Source, Tail


def texts(records: list[str]) -> list[str]:
    return [Line.parse(record).text for record in records]


def file_of(home: Path, replica: str = "web--1-a") -> Path:
    return Source("web", "web--1", replica, "web").file(home)


def test_line_comes_back_as_it_was_written(tmp_path: Path) -> None:
    log = Logs(tmp_path).container("web", "web--1", "web--1-a", "web")
    log.write(b'GET / 200 "with  spaces" \x1b[31mred\x1b[0m', "stdout")
    log.write("größer\r".encode(), "stderr")
    log.write(b"\xff broken", "stdout")
    log.write(b"", "stdout")
    found = [Line.parse(item) for item in Tail(file_of(tmp_path), 10).read()]
    assert [(item.stream, item.text) for item in found] == [
        ("stdout", 'GET / 200 "with  spaces" \x1b[31mred\x1b[0m'),
        ("stderr", "größer"),
        ("stdout", "\ufffd broken"),
        ("stdout", ""),
    ]
    assert found[0].moment.endswith("Z")
    assert file_of(tmp_path).stat().st_mode & 0o777 == 0o600, "what an app writes is for its owner alone"


def test_tail_starts_near_the_end_and_follows(tmp_path: Path) -> None:
    log = Logs(tmp_path).container("web", "web--1", "web--1-a", "web")
    tail = Tail(file_of(tmp_path), 3)
    for number in range(20_000):
        log.write(f"{number:05d} {'x' * 40}".encode(), "stdout")
    assert [text[:5] for text in texts(tail.read())] == ["19997", "19998", "19999"]
    assert tail.read() == []
    log.write(b"next", "stdout")
    assert texts(tail.read()) == ["next"]
    none = Tail(file_of(tmp_path), 0)
    assert none.read() == []
    log.write(b"last", "stdout")
    assert texts(none.read()) == ["last"]


def test_large_file_is_set_aside_and_no_line_is_missed(tmp_path: Path) -> None:
    log = Logs(tmp_path, most_bytes=2000).container("web", "web--1", "web--1-a", "web")
    tail, seen = Tail(file_of(tmp_path), 0), list[str]()
    log.write(b"first", "stdout")
    seen += texts(tail.read())
    for number in range(300):
        log.write(f"{number}".encode(), "stdout")
        if number % 7 == 0:
            seen += texts(tail.read())
    seen += texts(tail.read())
    assert seen == [f"{number}" for number in range(300)]
    assert sorted(file.name for file in file_of(tmp_path).parent.iterdir()) == ["web.log", "web.log.1"]
    assert all(file.stat().st_size <= 2000 for file in file_of(tmp_path).parent.iterdir())
    assert texts(Tail(file_of(tmp_path), 40).read()) == [f"{number}" for number in range(260, 300)], (
        "the lines before are looked for in what was set aside"
    )


def test_log_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    tail = Tail(file_of(tmp_path), 10)
    assert tail.read() == []
    Logs(tmp_path).container("web", "web--1", "web--1-a", "web").write(b"here", "stdout")
    assert texts(tail.read()) == ["here"]


def test_replicas_that_ended_long_ago_lose_their_logs_and_others_keep_them(tmp_path: Path) -> None:
    written = Logs(tmp_path, most_replicas=2)
    staying = written.container("web", "web--1", "web--1-staying", "web")
    for number in range(5):
        log = written.container("web", f"web--{number}", f"web--{number}-r", "web")
        log.write(b"x", "stdout")
        log.close()
    written.container("web", "web--9", "web--9-new", "web")
    staying.write(b"x", "stdout")
    left = {source.replica for source in replica_logs.sources(tmp_path, "web")}
    assert left == {"web--1-staying", "web--3-r", "web--4-r", "web--9-new"}
    assert not (tmp_path / "logs" / "web" / "web--0").exists()


def test_sources_are_found_by_revision_replica_and_container(tmp_path: Path) -> None:
    written = Logs(tmp_path)
    for revision, replica, container in (("web--1", "r1", "migrate"), ("web--1", "r1", "web"), ("web--2", "r2", "web")):
        written.container("web", revision, replica, container)
    written.container("worker", "worker--1", "r3", "worker")
    assert replica_logs.apps(tmp_path) == ["web", "worker"]
    assert len(replica_logs.sources(tmp_path, "web")) == 3
    assert replica_logs.sources(tmp_path, "web", revision="web--2") == [Source("web", "web--2", "r2", "web")]
    assert [source.container for source in replica_logs.sources(tmp_path, "web", replica="r1")] == ["migrate", "web"]
    assert [source.replica for source in replica_logs.sources(tmp_path, "web", container="web")] == ["r1", "r2"]
    assert replica_logs.sources(tmp_path, "nobody") == []


def test_events_of_the_platform_are_kept_by_app(tmp_path: Path) -> None:
    written = Logs(tmp_path)
    written.system("web", "web--1", "web--1-a", "ProbeFailed", "Probe of Startup failed:\nstatus 503")
    written.system("web", "web--1", "", "KEDAScalerFailed", "no answer")
    found = [Event.parse(item) for item in Tail(replica_logs.system_file(tmp_path, "web"), 10).read()]
    assert [(item.revision, item.replica, item.reason, item.message) for item in found] == [
        ("web--1", "web--1-a", "ProbeFailed", "Probe of Startup failed: status 503"),
        ("web--1", "", "KEDAScalerFailed", "no answer"),
    ]

"""The server process: it writes its ports when it is ready, reuses them, and shuts down gracefully."""

from __future__ import annotations

import json
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc
from pulumi.runtime.rpc import _special_asset_sig, _special_sig_key

from local_azure.core import options
from local_azure.core.state import Store


def start(home: Path) -> subprocess.Popen[str]:
    store = Store(home / "state.sqlite")
    with store.transaction() as transaction:
        options.change(transaction, data_plane=False)
    store.close()
    return subprocess.Popen(
        [sys.executable, "-m", "local_azure.server.main", "--home", str(home)],
        stderr=subprocess.PIPE,
        text=True,
    )


def endpoints(home: Path, process: subprocess.Popen[str]) -> dict[str, Any]:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        file = home / "endpoints.json"
        if file.exists() and (told := json.loads(file.read_text()))["pid"] == process.pid:
            return told
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        time.sleep(0.02)
    raise AssertionError("the server did not say where it serves")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[subprocess.Popen[str]]:
    process = start(home)
    yield process
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=120)


def stub(home: Path, server: subprocess.Popen[str], name: str) -> provider_pb2_grpc.ResourceProviderStub:
    channel = grpc.insecure_channel(f"127.0.0.1:{endpoints(home, server)[name]}")
    return provider_pb2_grpc.ResourceProviderStub(channel)


def test_each_provider_greets_the_engine_and_tells_its_own_version(home: Path, server: subprocess.Popen[str]) -> None:
    versions: set[str] = set()
    for name in ("azure-native", "random"):
        provider = stub(home, server, name)
        provider.Attach(plugin_pb2.PluginAttach(address="127.0.0.1:1"))
        versions.add(provider.GetPluginInfo(empty_pb2.Empty()).version)
    assert len(versions) == 2
    assert all(version.count(".") == 2 for version in versions)


def test_the_files_are_their_owners_alone(home: Path, server: subprocess.Popen[str]) -> None:
    endpoints(home, server)
    found = list(home.rglob("*"))
    # A certificate is for everybody; the keys, the state and the secrets are not.
    private = [one for one in found if one.is_file() and one.suffix != ".pem"]
    assert {stat.S_IMODE(one.stat().st_mode) for one in private} == {0o600}
    assert {stat.S_IMODE(one.stat().st_mode) for one in found if one.is_dir()} <= {0o700}


def test_a_refusal_arrives_with_azures_code_in_one_line(home: Path, server: subprocess.Popen[str]) -> None:
    provider = stub(home, server, "azure-native")
    request = provider_pb2.InvokeRequest(tok="azure-native:redis:listRedisKeys")
    request.args.update({"name": "cache", "resourceGroupName": "rg"})
    with pytest.raises(grpc.RpcError) as caught:
        provider.Invoke(request)
    details = caught.value.details()  # pyright: ignore[reportAttributeAccessIssue]  # the call is the error
    assert details.startswith('Code="ResourceGroupNotFound" Message="')
    assert "\n" not in details


def test_a_file_is_told_by_its_digest(home: Path, server: subprocess.Popen[str]) -> None:
    provider = stub(home, server, "azure-native")
    request = provider_pb2.DiffRequest(urn="urn:pulumi:dev::p::azure-native:storage:Blob::b")
    for inputs, digest in ((request.old_inputs, "one"), (request.news, "two")):
        inputs.update({"source": {_special_sig_key: _special_asset_sig, "hash": digest}, "contentType": "text/html"})
    assert list(provider.Diff(request).detailedDiff) == ["source"]


def test_a_fault_of_its_own_shows_no_value(home: Path, server: subprocess.Popen[str]) -> None:
    provider = stub(home, server, "random")
    # A check would have refused this; what comes without one must fail cleanly.
    properties = struct_pb2.Struct()
    properties.update({"length": "s3cret"})
    request = provider_pb2.CreateRequest(
        urn="urn:pulumi:dev::p::random:index/randomString:RandomString::s", properties=properties
    )
    with pytest.raises(grpc.RpcError) as caught:
        provider.Create(request)
    details = caught.value.details()  # pyright: ignore[reportAttributeAccessIssue]  # the call is the error
    assert "s3cret" not in details
    assert "Traceback" not in details


def test_a_second_server_on_one_directory_is_refused(home: Path, server: subprocess.Popen[str]) -> None:
    endpoints(home, server)
    second = start(home)
    _, words = second.communicate(timeout=120)
    assert second.returncode == 1
    assert "already running" in words


def test_it_ends_when_told_to_and_comes_back_on_its_ports(tmp_path: Path) -> None:
    told: list[dict[str, Any]] = []
    for _ in range(2):
        process = start(tmp_path)
        told.append(endpoints(tmp_path, process))
        process.send_signal(signal.SIGTERM)
        _, words = process.communicate(timeout=120)
        assert (process.returncode, words) == (0, "")
    first, second = ({name: port for name, port in one.items() if name != "pid"} for one in told)
    assert first == second

"""The port of a provider serves its owner only."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from local_azure.system.owner_only import OwnerOnlyPort, owner
from local_azure.system.sockets import listen, port_of

ASK = """
import os, socket, sys
if len(sys.argv) > 2:
    os.setgid(int(sys.argv[2]))
    os.setuid(int(sys.argv[2]))
client = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
client.settimeout(20)
client.connect(("127.0.0.1", int(sys.argv[1])))
client.sendall(b"keys?\\n")
try:
    print(client.makefile("rb").readline().decode().strip() or "nothing")
except ConnectionResetError:
    print("nothing")
"""
NOBODY = 65534


async def answers(*users: str) -> list[str]:
    """Return what processes of some users are answered by an owner's port; the empty user is the test's own."""
    clients: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        clients.append(str(writer.get_extra_info("peername")))
        await reader.readline()
        writer.write(b"s3cret\n")
        await writer.drain()
        writer.close()

    listening = listen(0)
    port = OwnerOnlyPort(listening)
    server = await asyncio.start_unix_server(serve, str(port.path))
    await port.start()
    try:
        command = [sys.executable, "-c", ASK, str(port_of(listening))]
        asked = [
            await asyncio.create_subprocess_exec(*command, *([user] if user else []), stdout=subprocess.PIPE)
            for user in users
        ]
        printed = [(await process.communicate())[0].decode().strip() for process in asked]
    finally:
        await port.close()
        server.close()
    assert len(clients) == len(set(clients)), "the server tells its clients apart"
    assert not port.path.exists()
    return printed


def test_the_owner_is_served() -> None:
    assert asyncio.run(answers("", "")) == ["s3cret", "s3cret"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run a process as another user")
def test_another_user_is_not() -> None:
    assert asyncio.run(answers(str(NOBODY), "")) == ["nothing", "s3cret"]


def test_the_unix_socket_is_in_a_directory_of_the_owner() -> None:
    async def mode() -> int:
        port = OwnerOnlyPort(listen(0))
        try:
            return port.path.parent.stat().st_mode & 0o777
        finally:
            await port.close()

    assert asyncio.run(mode()) == 0o700


@pytest.mark.skipif(sys.byteorder != "little", reason="the line is of a little-endian machine")
def test_the_owner_of_a_socket_is_read_from_proc() -> None:
    text = (
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
        "   0: 0100007F:1F90 0100007F:C001 01 00000000:00000000 00:00000000 00000000  1000        0 1 1 0\n"
        "   1: 0100007F:C001 0100007F:1F90 01 00000000:00000000 00:00000000 00000000 65534        0 2 1 0\n"
    )
    assert owner(text, 0xC001, 0x1F90) == 65534, "the client's end, not the server's"
    assert owner(text, 0xC002, 0x1F90) is None
    mapped = "0000000000000000FFFF00000100007F"
    text = f"   0: {mapped}:C003 {mapped}:1F90 01 00000000:00000000 00:00000000 00000000  1001        0 3 1 0\n"
    assert owner(text, 0xC003, 0x1F90) == 1001, "a socket of IPv6 that reaches an IPv4 address"


def test_the_machine_lists_sockets_as_expected() -> None:
    sockets = Path("/proc/net/tcp")
    if not sockets.exists():
        pytest.skip("no /proc/net/tcp: lsof is asked instead")
    with listen(0) as listening, socket.create_connection(("127.0.0.1", port_of(listening))) as client:
        own = client.getsockname()[1]
        assert owner(sockets.read_text(), own, port_of(listening)) == os.geteuid()

"""The network of a replica, for a Python process in it.

The file `LOCAL_AZURE_NAMES`, which `dns.py` writes and describes, says how look-ups and connections are redirected.
The containers of a replica share a loopback interface of their own: what listens on port P listens in truth on
127.0.0.1 at a port that the system gives and that the file P in the directory `LOCAL_AZURE_PORTS` holds; the file
P.owner beside it has the process and the container (`LOCAL_AZURE_CONTAINER`) that listen there.

It imports nothing of the package and runs in the replica's own Python. What bypasses Python's
`socket` module bypasses it.
"""

from __future__ import annotations

import errno
import ipaddress
import json
import os
import socket
import tempfile
from typing import Any, TypeAlias

_LOOPBACK = "127.0.0.1"
_Host: TypeAlias = str | bytes | None
_ANY_ADDRESS = frozenset({"", "0.0.0.0", "::"})

_getaddrinfo = socket.getaddrinfo
_gethostbyname = socket.gethostbyname
_gethostbyname_ex = socket.gethostbyname_ex
_connect = socket.socket.connect
_connect_ex = socket.socket.connect_ex
_bind = socket.socket.bind
_uname = os.uname


class _View:
    """The file, read again when it has changed."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._state: tuple[int, int, int] | None = None
        self._content: dict[str, Any] = {}

    def __call__(self) -> dict[str, Any]:
        try:
            status = os.stat(self._path)
            state = (status.st_mtime_ns, status.st_ino, status.st_size)
            if state != self._state:
                with open(self._path, encoding="utf-8") as file:
                    self._content = json.load(file)
                self._state = state
        except OSError:
            pass  # what was known holds on
        return self._content


_view = _View("")
_ports = ""


def install() -> None:
    """Take the place of what `socket` has, if the variables are set."""
    global _view, _ports  # the file and the directory of this process
    names, _ports = os.environ.get("LOCAL_AZURE_NAMES", ""), os.environ.get("LOCAL_AZURE_PORTS", "")
    if not names or not _ports:
        return
    _view = _View(names)
    socket.getaddrinfo = getaddrinfo
    socket.gethostbyname = gethostbyname
    socket.gethostbyname_ex = gethostbyname_ex
    socket.socket.connect = connect
    socket.socket.connect_ex = connect_ex
    socket.socket.bind = bind
    if os.environ.get("HOSTNAME"):
        socket.gethostname = gethostname
        os.uname = uname


# -- names


def _addresses(host: _Host) -> list[str] | None:
    """Return the addresses of a name; None for a name to look up elsewhere. Raises `socket.gaierror`."""
    if host is None:
        return None
    text = host if isinstance(host, str) else host.decode("ascii", "replace")
    name = text.lower().rstrip(".")
    view = _view()
    found = view.get("names", {}).get(name)
    if found is None and not any(name == zone or name.endswith("." + zone) for zone in view.get("zones", ())):
        return None
    if not found:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return found


def getaddrinfo(
    host: _Host,
    port: str | int | bytes | None,
    family: int = 0,
    type: int = 0,
    proto: int = 0,
    flags: int = 0,
) -> list[tuple[Any, ...]]:
    """`socket.getaddrinfo`, as in the replica's network."""
    addresses = None if flags & socket.AI_NUMERICHOST else _addresses(host)
    if addresses is None:
        return list(_getaddrinfo(host, port, family, type, proto, flags))
    if family == socket.AF_INET6 and not flags & socket.AI_V4MAPPED:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    found: list[tuple[Any, ...]] = []
    for address in addresses:
        found += _getaddrinfo(address, port, family, type, proto, flags & ~socket.AI_CANONNAME & ~socket.AI_ADDRCONFIG)
    return found


def gethostbyname(hostname: str) -> str:
    """`socket.gethostbyname`, as in the replica's network."""
    addresses = _addresses(hostname)
    return _gethostbyname(hostname) if addresses is None else addresses[0]


def gethostbyname_ex(hostname: str) -> tuple[str, list[str], list[str]]:
    """`socket.gethostbyname_ex`, as in the replica's network."""
    addresses = _addresses(hostname)
    return _gethostbyname_ex(hostname) if addresses is None else (hostname, [], addresses)


def gethostname() -> str:
    """`socket.gethostname`: the replica's name."""
    return os.environ["HOSTNAME"]


def uname() -> os.uname_result:
    """`os.uname`, with the replica's name."""
    machine = _uname()
    return os.uname_result((machine.sysname, gethostname(), machine.release, machine.version, machine.machine))


# -- connections


def _is_tcp(connection: socket.socket) -> bool:
    return connection.family in (socket.AF_INET, socket.AF_INET6) and connection.type == socket.SOCK_STREAM


def _redirected(connection: socket.socket, address: Any) -> Any:
    """Return the real address of a connection."""
    if not _is_tcp(connection):
        return address
    host, port = str(address[0]), int(address[1])
    found = _addresses(host)
    host = found[0] if found else host
    try:
        target = ipaddress.ip_address(_LOOPBACK if host in _ANY_ADDRESS or host == "localhost" else host)
    except ValueError:
        return address
    target = getattr(target, "ipv4_mapped", None) or target
    view = _view()
    if target.is_loopback:
        local = _local_port(port) or view.get("refusing")
    else:
        route = view.get("routes", {}).get(str(target))
        if route is not None:
            local = route.get(str(port), route.get("*"))
        elif any(target in ipaddress.ip_network(item) for item in view.get("ranges", ())):
            local = view.get("silent")
        else:
            return address
    if not local:
        return address
    return (_LOOPBACK, local) if connection.family == socket.AF_INET else (f"::ffff:{_LOOPBACK}", local, 0, 0)


def connect(self: socket.socket, address: Any) -> None:
    """`socket.socket.connect`, as in the replica's network."""
    _connect(self, _redirected(self, address))


def connect_ex(self: socket.socket, address: Any) -> int:
    """`socket.socket.connect_ex`, as in the replica's network."""
    return _connect_ex(self, _redirected(self, address))


# -- what listens


def _local_port(port: int) -> int | None:
    """Return the loopback port of what listens on a port of the replica."""
    try:
        with open(os.path.join(_ports, str(port)), encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return None


def _write(name: str, text: str) -> None:
    handle, temporary = tempfile.mkstemp(dir=_ports, prefix=".")
    with open(handle, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(temporary, os.path.join(_ports, name))


def _publish_port(port: int, local: int) -> None:
    _write(f"{port}.owner", f"{os.getpid()} {os.environ.get('LOCAL_AZURE_CONTAINER', '')}")
    _write(str(port), str(local))


def _is_left(port: int) -> bool:
    """Return whether the process that listened on a port of the replica has ended."""
    try:
        with open(os.path.join(_ports, f"{port}.owner"), encoding="utf-8") as file:
            os.kill(int(file.read().partition(" ")[0]), 0)
    except ProcessLookupError:
        return True
    except (OSError, ValueError):
        pass
    return False


def bind(self: socket.socket, address: Any) -> None:
    """`socket.socket.bind`, as in the replica's network."""
    if not _is_tcp(self):
        _bind(self, address)
        return
    port, real = int(address[1]), _LOOPBACK
    if self.family == socket.AF_INET6:
        only_6 = self.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
        real = "::1" if only_6 else f"::ffff:{_LOOPBACK}"
    # A container that was restarted listens where it did before. Another that has the port keeps it, as in one network.
    earlier = _local_port(port) if port else None
    try:
        _bind(self, (real, earlier or 0))
    except OSError as error:
        if not earlier or error.errno != errno.EADDRINUSE or not _is_left(port):
            raise
        _bind(self, (real, 0))  # a process outside of the replica has got it since
    local = int(self.getsockname()[1])
    if real != "::1" or not earlier:  # a listener for IPv6 alone is beside one for IPv4, which is to be found
        _publish_port(port or local, local)

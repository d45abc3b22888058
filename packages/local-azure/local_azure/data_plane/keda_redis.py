"""KEDA's scaler `redis`: how many entries a list of Redis has.

https://keda.sh/docs/latest/scalers/redis-lists: it counts whatever is under the name, be it a list, a set, a sorted
set or a hash. It speaks to Redis as any client in the environment's network, with the key that the rule's secret holds.
"""

from __future__ import annotations

import asyncio
import math
import os
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from local_azure.data_plane.scaling import Failure, Reading

_LENGTH = 5
_CONNECT_SECONDS = 5.0
_COUNT = (
    "local kind = redis.call('type', KEYS[1]).ok "
    "local commands = {list='llen', none='llen', hash='hlen', set='scard', zset='zcard'} "
    "return redis.call(commands[kind], KEYS[1])"
)

Locate = Callable[[str, int], tuple[str, int]]
"""The address and the port of this machine for a host name and a port, as seen from within the network. Raises
`OSError` as a connection would fail there."""


class RuleError(Exception):
    """A rule cannot measure; the message has no secret."""


def target_of(name: str, value: object) -> float:
    """Return what one replica is for, as the field `name` of a rule has it. Raises `RuleError`."""
    try:
        target = float(str(value))
    except ValueError:
        target = math.nan
    if not 0 < target < math.inf:
        raise RuleError(f"{name} is no number above 0")
    return target


@dataclass(frozen=True)
class RedisRule:
    """A rule."""

    host: str
    port: int
    list_name: str
    target: float
    activation: float
    database: int
    username: str
    password: str
    tls: bool
    verify: bool

    @staticmethod
    def parse(metadata: Mapping[str, str], parameters: Mapping[str, str], variables: Mapping[str, str]) -> RedisRule:
        """Read a rule: its metadata, the parameters that secrets give, and the variables that `...FromEnv` names.

        Raises `RuleError`.
        """

        def value(name: str, default: str = "") -> str:
            if name in parameters:
                return parameters[name]
            if name in metadata:
                return metadata[name]
            return variables.get(metadata.get(f"{name}FromEnv", ""), default)

        address = value("address") or f"{value('host')}:{value('port')}"
        host, _, port = address.rpartition(":")
        if not host or not port.isdigit():
            raise RuleError("the rule has no address with a host and a port")
        try:
            return RedisRule(
                host=host,
                port=int(port),
                list_name=value("listName"),
                target=target_of("listLength", value("listLength", str(_LENGTH))),
                activation=float(value("activationListLength", "0")),
                database=int(value("databaseIndex", "0")),
                username=value("username"),
                password=value("password"),
                tls=value("enableTLS", "false").lower() == "true",
                verify=value("unsafeSsl", "false").lower() != "true",
            )
        except ValueError:
            raise RuleError("activationListLength or databaseIndex is no number") from None


async def measure(rule: RedisRule, locate: Locate, trust: str) -> Reading | Failure:
    """Count once; `trust` is the file of the authorities that are trusted."""
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            length = await _count(rule, locate, trust)
    except TimeoutError:
        return Failure(
            f"connection to redis failed: dial tcp: lookup or connect to {rule.host}:{rule.port}: i/o timeout"
        )
    except (OSError, EOFError, RuleError) as error:
        # An error of the socket names the local address: the requested address is named instead.
        reason = str(error) if isinstance(error, RuleError) else type(error).__name__
        return Failure(f"connection to redis at {rule.host}:{rule.port} failed: {reason}")
    return Reading(length, rule.target, rule.activation)


async def _count(rule: RedisRule, locate: Locate, trust: str) -> float:
    address, port = await asyncio.to_thread(locate, rule.host, rule.port)
    context = None
    if rule.tls:
        context = await asyncio.to_thread(_context, trust, os.stat(trust).st_mtime_ns, rule.verify)
    reader, writer = await asyncio.open_connection(
        address, port, ssl=context, server_hostname=rule.host if context else None
    )
    try:
        ask = _client(reader, writer)
        if rule.password:
            await ask("AUTH", *([rule.username] if rule.username else []), rule.password)
        if rule.database:
            await ask("SELECT", str(rule.database))
        return float(await ask("EVAL", _COUNT, "1", rule.list_name))
    finally:
        writer.close()


@lru_cache(maxsize=4)
def _context(trust: str, _changed: int, verify: bool) -> ssl.SSLContext:
    """Kept until the file of the authorities is `_changed`: to read it takes a tenth of a second."""
    context = ssl.create_default_context(cafile=trust)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Callable[..., Awaitable[str]]:
    """Sends a command and returns its answer, which is a status or a number: https://redis.io/docs/latest/develop/
    reference/protocol-spec. Redis's refusals are `RuleError`s; they never hold what was sent as a key."""

    async def ask(*words: str) -> str:
        encoded = [word.encode() for word in words]
        writer.write(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(item), item) for item in encoded))
        await writer.drain()
        line = (await reader.readuntil(b"\r\n")).decode(errors="replace").strip()
        if line.startswith("-"):
            raise RuleError(line[1:])
        return line[1:]

    return ask

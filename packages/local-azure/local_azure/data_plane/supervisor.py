"""Keeps the data plane's process running beside the server."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from pathlib import Path

from local_azure.data_plane.processes import Processes
from local_azure.status import runtime_status
from local_azure.system.paths import module_command

_log = logging.getLogger(__name__)

_POLL_SECONDS = 0.5
_STOP_SECONDS = 16.0
"""What it has to end all that it runs; the server itself is given 20 seconds to stop."""
_FIRST_WAIT_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 30.0
_GOOD_SECONDS = 60.0
"""It has run well when it has run for so long: then it is started again at once."""


async def keep_running(home: Path, is_wanted: Callable[[], bool], ended: asyncio.Event) -> None:
    """Run the data plane while it is wanted, again when it dies, and end it before this returns, once `ended`."""
    wait = _FIRST_WAIT_SECONDS
    while not ended.is_set():
        begun = time.monotonic()
        try:
            if not is_wanted():
                await _sleep(_POLL_SECONDS, ended)
                continue
            code = await _run(home, is_wanted, ended)
            if code is None:
                continue
            runtime_status.remove(home)
            _log.warning("the data plane ended with exit code %d; it is started again", code)
        except Exception:  # the rest of the local Azure continues
            _log.exception("the data plane could not be kept running; it is started again")
        wait = _FIRST_WAIT_SECONDS if time.monotonic() - begun >= _GOOD_SECONDS else wait * 2
        await _sleep(min(wait, _LONGEST_WAIT_SECONDS), ended)


async def _run(home: Path, is_wanted: Callable[[], bool], ended: asyncio.Event) -> int | None:
    """Run it once; return its exit code if it has ended by itself, None if its end was requested."""
    process = await asyncio.create_subprocess_exec(
        *module_command("local_azure.data_plane.main"), "--home", str(home), stdin=asyncio.subprocess.PIPE
    )
    finished = asyncio.create_task(process.wait())
    try:
        while not finished.done():
            if ended.is_set() or not is_wanted():
                return None
            stop = asyncio.create_task(_sleep(_POLL_SECONDS, ended))
            await asyncio.wait([finished, stop], return_when=asyncio.FIRST_COMPLETED)
            stop.cancel()
        return finished.result()
    finally:
        if process.stdin:
            process.stdin.close()  # requests its end
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await asyncio.shield(finished)
        except TimeoutError:
            _log.error("the data plane did not end within %.0f s and is killed", _STOP_SECONDS)
            process.kill()
            await finished
            await Processes(home).end_leftovers(0)
            runtime_status.remove(home)


async def _sleep(seconds: float, ended: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await ended.wait()

"""Shims: programs of the emulator that precede others on the PATH of `run`."""

from __future__ import annotations

import shlex

from local_azure.system.files import write_atomically
from local_azure.system.paths import Home, module_command


def install(home: Home, name: str, module: str, what: str) -> None:
    """Install a shim that runs a module on the PATH of `run`; `what` is its comment."""
    script = f'#!/bin/sh\n# {what}\nexec {shlex.join(module_command(module))} "$@"\n'
    path = home.commands / name
    if not path.exists() or path.read_text(encoding="utf-8") != script:
        write_atomically(path, script, 0o700)

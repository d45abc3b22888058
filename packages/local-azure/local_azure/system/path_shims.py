"""Programs of this project's own that commands of `run` find on PATH in place of others."""

from __future__ import annotations

import shlex

from local_azure.system.files import write_atomically
from local_azure.system.paths import Home, module_command


def install(home: Home, name: str, module: str, what: str) -> None:
    """Put a program that runs a module of ours on the PATH of `run`; `what` says in its head what it is."""
    script = f'#!/bin/sh\n# {what}\nexec {shlex.join(module_command(module))} "$@"\n'
    path = home.commands / name
    if not path.exists() or path.read_text(encoding="utf-8") != script:
        write_atomically(path, script, 0o700)

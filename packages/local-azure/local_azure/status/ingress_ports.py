"""The ports of the ingress: `ingress.json` in the home directory, written by the ingress only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from local_azure.core.values import JsonObject, as_object
from local_azure.system.files import write_atomically

FILE = "ingress.json"
HTTPS, ENVIRONMENT_HTTPS, ENVIRONMENT_HTTP = "https", "environment-https", "environment-http"
"""The names of the ports that belong to no host name."""
_MOST_REMEMBERED = 100


@dataclass(frozen=True)
class Ports:
    """The ports of the ingress on the loopback address."""

    https: int
    """HTTPS for every host name, for clients outside the environments."""
    environment_https: int
    """HTTPS for processes within an environment."""
    environment_http: int
    """HTTP for processes within an environment."""
    hosts: Mapping[str, int] = field(default_factory=dict[str, int])
    """Plain HTTP for browsers on this machine, by host name."""


def read_ports(home: Path) -> Ports | None:
    """Return the ports of a home directory's ingress; None when it does not run."""
    content = _read(home / FILE)
    if HTTPS not in content:
        return None
    return Ports(content[HTTPS], content[ENVIRONMENT_HTTPS], content[ENVIRONMENT_HTTP], content["hosts"])


def write_ports(home: Path, fixed: Mapping[str, int], hosts: Mapping[str, int], earlier: Mapping[str, int]) -> None:
    """Write the ports: shared ports by name, ports of host names, and the ports of earlier runs."""
    forgotten = max(0, len(earlier) - _MOST_REMEMBERED)
    content = {**fixed, "hosts": dict(hosts), "earlier": dict(list(earlier.items())[forgotten:])}
    write_atomically(home / FILE, json.dumps(content, indent=1))


def remembered_ports(home: Path) -> dict[str, int]:
    """Return the ports of an earlier run, by their names and host names."""
    content = _read(home / FILE)
    fixed = {name: port for name, port in content.items() if isinstance(port, int)}
    return cast("dict[str, int]", {**as_object(content.get("earlier")), **fixed, **as_object(content.get("hosts"))})


def _read(file: Path) -> JsonObject:
    try:
        return as_object(json.loads(file.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError):
        return {}

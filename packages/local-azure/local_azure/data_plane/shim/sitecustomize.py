"""Loaded by Python at its start, as it is first on the path of a replica's processes."""

import importlib.machinery
import importlib.util
import os
import sys

import replica_network

replica_network.install()

# The module that would have been loaded without this.
_here = os.path.dirname(os.path.abspath(__file__))
_next = importlib.machinery.PathFinder.find_spec(
    "sitecustomize", [path for path in sys.path if os.path.abspath(path or os.curdir) != _here]
)
if _next and _next.loader:
    _module = importlib.util.module_from_spec(_next)
    sys.modules["sitecustomize"] = _module
    _next.loader.exec_module(_module)

"""Fixtures of the unit tests."""

import gc
import json
import runpy
from collections.abc import Callable, Sequence
from typing import Any

import pulumi
import pytest

from tests.unit.pulumi_mocks import PROGRAM, REQUIRED, Stack, run_with_mocks


@pytest.fixture(scope="session")
def run_stack() -> Callable[..., Stack]:
    """Run the whole program with the given settings, once for each set of settings; do not change what it returns.

    ``fresh`` runs it anew: for a test of what a run logs, or of two runs that must agree.
    """
    stacks: dict[str, Stack] = {}

    def run(*, encrypted: Sequence[str] = ("secretEnv",), fresh: bool = False, **configuration: Any) -> Stack:
        key = json.dumps([encrypted, configuration], sort_keys=True)
        if fresh or key not in stacks:
            stacks[key] = _run({**REQUIRED, "rolePropagationSeconds": 0, **configuration}, encrypted)
        return stacks[key]

    return run


def _run(configuration: dict[str, Any], encrypted: Sequence[str]) -> Stack:
    outputs: dict[str, Any] = {}

    def program() -> dict[str, Any]:
        exported = pulumi.export
        pulumi.export = outputs.__setitem__
        try:
            runpy.run_path(str(PROGRAM), run_name="__main__")
        finally:
            pulumi.export = exported
        return outputs

    try:
        recorder, resolved = run_with_mocks(program, configuration, encrypted)
    finally:
        # The program switches garbage collection off; the tests' process lives longer. Nearly all there is by now are
        # the SDK's modules, which every later collection would walk over.
        gc.freeze()
        gc.enable()
    return Stack(recorder, resolved)

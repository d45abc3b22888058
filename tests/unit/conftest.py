"""Fixtures of the unit tests."""

import gc
import runpy
from collections.abc import Callable, Sequence
from typing import Any

import pulumi
import pytest

from tests.unit.pulumi_mocks import IMAGE, PROGRAM, Stack, run_with_mocks


@pytest.fixture
def run_stack() -> Callable[..., Stack]:
    """Run the whole program with these settings."""

    def run(*, encrypted: Sequence[str] = ("secretEnv",), **configuration: Any) -> Stack:
        outputs: dict[str, Any] = {}

        def program() -> dict[str, Any]:
            exported = pulumi.export
            pulumi.export = outputs.__setitem__
            try:
                runpy.run_path(str(PROGRAM), run_name="__main__")
            finally:
                pulumi.export = exported
                # The program gives up collecting garbage; the tests' process lives longer. What the program has marked
                # as lasting stays so: it is nearly all the SDK's modules, which each later collection would walk over.
                gc.enable()
            return outputs

        recorder, resolved = run_with_mocks(
            program, {"image": IMAGE, "rolePropagationSeconds": 0, **configuration}, encrypted
        )
        return Stack(recorder, resolved)

    return run

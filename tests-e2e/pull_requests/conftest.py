"""The fixtures of the stack tests, for the tests of what a pull request and a deployment run."""

from tests.stack.conftest import deploy

__all__ = ["deploy"]

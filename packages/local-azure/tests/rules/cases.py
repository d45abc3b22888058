"""What every test of a refusal needs: a row for a table, and what is checked of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local_azure.core.azure_error import AzureError
from modules.landscape import Landscape

Step = Callable[[Landscape], object]


def nothing(landscape: Landscape) -> None:
    """Nothing is there."""


def group(landscape: Landscape) -> None:
    """Create a resource group."""
    landscape.put(landscape.group)


def all_of(*steps: Step) -> Step:
    """One step after the other."""

    def step(landscape: Landscape) -> None:
        for each in steps:
            each(landscape)

    return step


@dataclass(frozen=True)
class Refusal:
    """One refusal of Azure's: the smallest call that it refuses, and the nearest one that it accepts."""

    name: str
    given: Step
    """What is there before."""
    call: Step
    """What is refused."""
    code: str
    """Azure's error code."""
    target: str
    """The path of the property at fault, or the end of the resource's id."""
    neighbour: Step
    """The nearest call that is accepted; nothing that was refused before stands in its way."""
    words: str = ""
    """A part of the message, where the code alone says too little."""

    def __str__(self) -> str:
        return self.name


def check(refusal: Refusal, directory: Path) -> None:
    """Refused with the code and the path, nothing changed, and the neighbour accepted; in a fresh local Azure."""
    landscape = Landscape(directory / "state.sqlite")
    try:
        refusal.given(landscape)
        before = everything(landscape)
        with pytest.raises(AzureError) as caught:
            refusal.call(landscape)
        error = caught.value
        assert error.code == refusal.code, str(error)
        assert refusal.words in error.message, error.message
        target = error.target or ""
        assert target == refusal.target or target.lower().endswith(refusal.target.lower() or "!"), str(error)
        assert everything(landscape) == before, "a refusal changes nothing"
        refusal.neighbour(landscape)
    finally:
        landscape.model.store.close()


def everything(landscape: Landscape) -> list[list[Any]]:
    """Return the whole state, row by row."""
    tables = ("resource", "reference", "claim", "counter")
    with landscape.model.store.transaction() as transaction:
        return [transaction.execute(f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables]

"""Measurements: interleaved, after a warm-up, repeated for the spread, and compared as ratios."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Samples:
    """Measurements of one thing, all in one unit.

    Attributes:
        values: in the order in which they were taken.
    """

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def spread(self) -> tuple[float, float]:
        """Return the minimum and the maximum."""
        return min(self.values), max(self.values)

    def over(self, floor: Samples) -> Samples:
        """Return the ratios of these to those of another thing that were taken in the same rounds."""
        return Samples(tuple(mine / other for mine, other in zip(self.values, floor.values, strict=True)))


def interleaved(
    contestants: Mapping[str, Callable[[], float]], *, rounds: int, warm_up: int = 1
) -> Mapping[str, Samples]:
    """Measure several things in turns, so that what disturbs the machine disturbs all of them.

    Args:
        contestants: by name, what does the thing once and returns its measurement.
        rounds: how often each is measured.
        warm_up: rounds before those, which do not count.
    """
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(warm_up + rounds):
        for name, contestant in contestants.items():
            measurement = contestant()
            if number >= warm_up:
                taken[name].append(measurement)
    return {name: Samples(tuple(values)) for name, values in taken.items()}

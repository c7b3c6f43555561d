"""What a benchmark says: the figure, which is fixed, and what was measured of it."""

import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number that is measured. `target` is the most it should be; None: shown for comparison."""

    name: str
    what: str
    unit: str
    target: float | None

    def measured(self, value: float, setup: str) -> "Measured":
        """Return a value of this figure and how it came about. A number that is none is never reported."""
        if not math.isfinite(value):
            raise ValueError(f"{self.name} was measured as {value}")
        return Measured(figure=self, value=value, setup=setup)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The value of a figure, and what has to be known to judge it."""

    figure: Figure
    value: float
    setup: str

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without one."""
        return None if self.figure.target is None else self.value <= self.figure.target

    def as_json(self, machine: str) -> dict[str, Any]:
        """Return the entry of bench.json."""
        return {
            "name": self.figure.name,
            "value": float(f"{self.value:.4g}"),
            "unit": self.figure.unit,
            "target": self.figure.target,
            "setup": f"{self.setup}; on {machine}",
        }

"""What a Prometheus stores, and what only a generator knows of it: when the counters began."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

NAME: Final = "__name__"
_STALE: Final = np.uint64(0x7FF0_0000_0000_0002)  # the NaN that Prometheus takes as "ended" (model/value of its source)


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Samples of one series, oldest first. A histogram has buckets, and the sums of its observations as values."""

    labels: Mapping[str, str]  # with __name__
    times: Integers  # unix milliseconds
    values: Floats  # NaN: the series ends here (a staleness marker)
    begun: Floats | None = None  # of counters: unix seconds at which the counter behind each sample began to count
    buckets: tuple[int, ...] = ()  # of a native histogram: indexes, ascending
    schema: int = 0  # bucket i holds what lies in (2^((i-1)/2^schema), 2^(i/2^schema)]
    counts: Integers = field(default_factory=lambda: np.zeros((0, 0), dtype=np.int64))  # samples × buckets

    def stored_values(self) -> Floats:
        """Return the values with the bits of staleness markers where there are markers."""
        bits = self.values.view(np.uint64).copy()
        bits[np.isnan(self.values)] = _STALE
        return bits.view(np.float64)

    @property
    def ends(self) -> bool:
        """True when it has staleness markers."""
        return bool(np.isnan(self.values).any())

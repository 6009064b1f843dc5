"""How coverage is judged: pooled over identifiable unknowns, people as clusters, band nominal +- 3 standard errors.

For person c with n_c counted intervals of which h_c hold the truth, coverage p = sum h_c / sum n_c and its standard
error is that of a ratio over clusters, sqrt(sum (h_c - p n_c)^2) / sum n_c. The band uses the nominal level for p in the
numerator's expectation but the observed scatter between people.
"""

from typing import NamedTuple

import numpy as np


class Coverage(NamedTuple):
    """Share of intervals that hold the truth, its clustered standard error, and how many were counted."""

    share: float
    standard_error: float
    counted: int
    people: int

    def band(self, level: float) -> tuple[float, float]:
        """Where the share should lie if the intervals are right."""
        return max(0.0, level - 3.0 * self.standard_error), min(1.0, level + 3.0 * self.standard_error)


def coverage(inside: np.ndarray, counted: np.ndarray) -> Coverage:
    """Pooled coverage from (quantities, people) masks."""
    held = (inside & counted).sum(0).astype(float)
    tried = counted.sum(0).astype(float)
    total = tried.sum()
    if total == 0:
        return Coverage(float("nan"), float("nan"), 0, 0)
    share = held.sum() / total
    clusters = int((tried > 0).sum())
    # small-sample factor: one degree of freedom goes into the share itself
    factor = clusters / max(clusters - 1, 1)
    error = float(np.sqrt(factor * ((held - share * tried) ** 2).sum()) / total)
    return Coverage(float(share), error, int(total), clusters)

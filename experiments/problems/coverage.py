"""How coverage is judged: pooled over identifiable unknowns, people as clusters, band nominal +- 3 standard errors.

For person c with n_c counted intervals of which h_c hold the truth, coverage p = sum h_c / sum n_c and its standard
error is that of a ratio over clusters, sqrt(sum (h_c - p n_c)^2) / sum n_c. The band is the nominal level
+- 3 of these standard errors.
"""

import math
from collections import Counter
from collections.abc import Hashable, Iterable
from typing import NamedTuple


class Coverage(NamedTuple):
    """Share of intervals that hold the truth, its clustered standard error, and how many were counted."""

    share: float
    standard_error: float
    counted: int
    people: int

    def band(self, level: float) -> tuple[float, float]:
        """Where the share should lie if the intervals are right."""
        return max(0.0, level - 3.0 * self.standard_error), min(1.0, level + 3.0 * self.standard_error)


def coverage(marks: Iterable[tuple[Hashable, bool]]) -> Coverage:
    """Pooled coverage from one (person, truth inside the interval) for each counted interval."""
    tried, held = Counter(), Counter()
    for person, inside in marks:
        tried[person] += 1
        held[person] += bool(inside)
    total, clusters = sum(tried.values()), len(tried)
    if total == 0:
        return Coverage(float("nan"), float("nan"), 0, 0)
    share = sum(held.values()) / total
    # small-sample factor: one degree of freedom goes into the share itself
    factor = clusters / max(clusters - 1, 1)
    scatter = sum((held[person] - share * count) ** 2 for person, count in tried.items())
    return Coverage(share, math.sqrt(factor * scatter) / total, total, clusters)

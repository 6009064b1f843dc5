"""Normalised prediction distribution errors: are people and their readings such as the fitted population would make them?

    y' = L^-1 (y - E y*),   L L' = cov y*          the same for every replicate, person by person
    npde = N^-1(share of replicates with y*' < y')

Under the model they are independent and standard normal, whatever the dose or the time. Several readings of one person are made
uncorrelated first. Readings below a limit are left out (counted in ``left_out``), which biases those near the limit.

Sources: K. Brendel et al., Pharm. Res. 23:2036-2049 (2006); E. Comets, K. Brendel, F. Mentre, Comput. Methods Programs Biomed.
90:154-166 (2008).
"""

from typing import NamedTuple

import numpy as np
from scipy import stats

from calibration.population.replicates import Replicates


class Npde(NamedTuple):
    """``errors`` (numbers, people), nan for what was not read or whose covariance is singular; ``left_out`` readings below
    limits and of people without one.
    """

    errors: np.ndarray
    left_out: int

    def p_values(self) -> dict[str, float]:
        """Of a mean of 0 (Wilcoxon), a variance of 1 (Fisher), a normal shape (Shapiro and Wilk) and all three (Bonferroni)."""
        e = self.errors[np.isfinite(self.errors)]
        if e.size < 3:
            return dict.fromkeys(("mean 0", "variance 1", "normal", "all"), np.nan)
        spread = stats.chi2.cdf((e.size - 1) * e.var(ddof=1), e.size - 1)
        found = {
            "mean 0": float(stats.wilcoxon(e).pvalue),
            "variance 1": float(2.0 * min(spread, 1.0 - spread)),
            "normal": float(stats.shapiro(e).pvalue),
        }
        return found | {"all": min(1.0, 3.0 * min(found.values()))}


def npde(made: Replicates) -> Npde:
    """From some hundred replicates or more: with K of them nothing lies beyond N^-1(1 - 1/2K)."""
    errors = np.full(made.observed.shape, np.nan)
    for person in range(made.observed.shape[1]):
        use = made.seen[:, person]
        values = made.values[:, :, person][:, use]
        values = values[np.isfinite(values).all(axis=1)]
        if not use.any() or len(values) <= use.sum() + 1:
            continue
        mean = values.mean(axis=0)
        covariance = np.atleast_2d(np.cov(values, rowvar=False))
        if not np.linalg.eigvalsh(covariance)[0] > 1e-12 * covariance.diagonal().max():
            continue
        root = np.linalg.cholesky(covariance)
        own = np.linalg.solve(root, made.observed[use, person] - mean)
        others = np.linalg.solve(root, (values - mean).T)
        share = (others < own[:, None]).mean(axis=1)
        least = 0.5 / len(values)
        errors[use, person] = stats.norm.ppf(np.clip(share, least, 1.0 - least))
    return Npde(errors, int((made.seen & ~np.isfinite(errors)).sum() + made.below.sum()))

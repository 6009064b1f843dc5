"""One scan: how far a tumour has spread, never how fast.

    N_s = T D lap N + rho T N (1 - N),      s = t / T from 0 to 1

has no T, D and rho but in T D and rho T. A fit that assumes an age T gives D and rho in its units; D / rho [mm2] and rho T [1]
do not depend on what was assumed, and nothing else is reported. A front's speed 2 sqrt(D rho) and any date need a second scan.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.special import ndtri
from jaxtyping import Array

from calibration.fit import Fit


class Ratio(NamedTuple):
    """An estimate with its interval, ``low`` to ``high``; nan where the fit has none."""

    value: float
    low: float
    high: float


def ratios(fit: Fit, level: float = 0.9) -> dict[str, Ratio]:
    """``D / rho`` [mm2] and ``rho T`` [1] of a fit to one scan, normal on the log scale.

    Raises ValueError where the fit has more scans, or does not have both unknowns.
    """
    course = fit.problem.course
    if len(course.at) != 2:
        raise ValueError(f"the fit has {len(course.at) - 1} scans after its start; with two or more, read D and rho themselves")
    missing = [name for name in ("white", "growth") if name not in fit.names]
    if missing:
        raise ValueError(f"'{missing[0]}' is not among the unknowns; expected 'white' and 'growth', whose ratio one scan tells")
    if fit.covariance is None:
        raise ValueError(f"intervals are not quantified by {fit.method}: apply calibration.laplace first")
    white, growth = fit.names.index("white"), fit.names.index("growth")
    age = course.at[1] - course.at[0]

    def logs(z: Array) -> Array:
        values = fit.problem.values(z[:, None])[:, 0]
        return jnp.stack([jnp.log(values[white] / values[growth]), jnp.log(values[growth] * age)])

    z = fit.z[:, 0]
    slopes = jax.jacfwd(logs)(z)
    reach = ndtri(0.5 + 0.5 * level) * jnp.sqrt(jnp.einsum("ip,pq,iq->i", slopes, fit.covariance[:, :, 0], slopes))
    reach = jnp.where(fit.quantified()[0], reach, jnp.nan)
    middle = logs(z)
    rows = jnp.exp(jnp.stack([middle, middle - reach, middle + reach], axis=1))
    return {name: Ratio(*map(float, row)) for name, row in zip(("D / rho", "rho T"), rows, strict=True)}

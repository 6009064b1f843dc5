"""Numbers made of a fit's unknowns, with intervals that are normal on the log scale."""

from collections.abc import Callable, Mapping
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


def log_intervals(fit: Fit, of: Callable[[Mapping[str, Array]], dict[str, Array]], level: float = 0.9) -> dict[str, Ratio]:
    """Of the positive numbers that ``of`` makes of one person's unknowns by name. ValueError: the fit has no covariance."""
    if fit.covariance is None:
        raise ValueError(f"intervals are not quantified by {fit.method}: apply calibration.laplace first")

    def logs(z: Array) -> dict[str, Array]:
        values = fit.problem.values(z[:, None])[:, 0]
        return {name: jnp.log(x) for name, x in of(dict(zip(fit.names, values, strict=True))).items()}

    z, covariance = fit.z[:, 0], fit.covariance[:, :, 0]
    found = {}
    for name, slope in jax.jacfwd(logs)(z).items():
        reach = ndtri(0.5 + 0.5 * level) * jnp.sqrt(slope @ covariance @ slope)
        reach = jnp.where(fit.quantified()[0], reach, jnp.nan)
        middle = logs(z)[name]
        found[name] = Ratio(*map(float, jnp.exp(jnp.stack([middle, middle - reach, middle + reach]))))
    return found

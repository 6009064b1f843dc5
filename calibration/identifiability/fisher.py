"""The spectrum of the information that the data carry about the unknowns of one person.

    I = information of the data alone in z          J'J without the rows of the prior, or what a curvature says
    I v_k = lambda_k v_k                            lambda_1 >= lambda_2 >= ...

Every unknown has prior SD 1 in z, so lambda needs no scale: with the prior the information along v_k is lambda_k + 1, the
posterior SD there 1 / sqrt(lambda_k + 1), and lambda_k = 1 says as much as the prior does. A direction counts as supported when
its posterior SD is at most half its prior SD, lambda_k >= 3. The rank counts lambda_k > 1e-10 lambda_1 and > 1e-8: below
that a derivative of a solve is not told from zero, and the data do not see the direction at all. Directions with small lambda
are the sloppy ones of R. N. Gutenkunst et al., PLoS Comput. Biol. 3:e189 (2007).
"""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from calibration.fit import Fit, FitStatus
from calibration.identifiability.contraction import IDENTIFIED_BELOW
from calibration.laplace import gauss_newton

RANK_TOLERANCE, UNSEEN = 1e-10, 1e-8


class Direction(NamedTuple):
    """One direction of z: its information, the posterior SD along it, and the unknowns in it by share of its length."""

    information: float
    posterior_sd: float
    loadings: tuple[tuple[str, float], ...]

    @property
    def supported(self) -> bool:
        return self.posterior_sd <= IDENTIFIED_BELOW

    def __str__(self) -> str:
        parts = " ".join(f"{weight:+.2f} {name}" for name, weight in self.loadings)
        return f"information {self.information:.3g}, posterior SD {self.posterior_sd:.3g} of the prior's: {parts}"


class Spectrum(eqx.Module):
    """``values`` (directions, lanes) of the data alone, descending; ``directions`` (unknowns, directions, lanes); ``rank``
    (lanes,).

    A lane without a solved fit or without finite derivatives has ``known`` False, nan values and rank -1.
    """

    values: Array
    directions: Array
    rank: Array
    known: Array
    names: tuple[str, ...] = eqx.field(static=True)
    method: str = eqx.field(static=True)

    def posterior_sd(self) -> Array:
        """(directions, lanes) with the prior, whose own SD is 1 along every direction; nan where that has no maximum."""
        total = self.values + 1.0
        return jnp.where(total > 0.0, 1.0 / jnp.sqrt(jnp.where(total > 0.0, total, 1.0)), jnp.nan)

    def supported(self) -> Array:
        """(lanes,): directions along which the posterior SD is at most half the prior SD."""
        return (self.posterior_sd() <= IDENTIFIED_BELOW).sum(0)

    def unseen(self) -> Array:
        """(unknowns, lanes), 0 to 1: share of each unknown that lies in directions the data do not see at all."""
        place = jnp.arange(len(self.names))[:, None]
        hidden = jnp.einsum("idl,dl->il", self.directions**2, (place >= self.rank).astype(self.values.dtype))
        return jnp.where(self.known, hidden, jnp.nan)

    def of(self, lane: int, least: float = 0.1) -> list[Direction]:
        """All directions of a lane, the best seen first, named by loadings of at least ``least``; empty where not known."""
        if not bool(self.known[lane]):
            return []
        values, vectors = np.asarray(self.values[:, lane]), np.asarray(self.directions[..., lane])
        spread = np.asarray(self.posterior_sd()[:, lane])
        found = []
        for k, value in enumerate(values):
            order = np.argsort(-np.abs(vectors[:, k]))
            sign = np.sign(vectors[order[0], k])
            named = tuple((self.names[i], float(sign * vectors[i, k])) for i in order if abs(vectors[i, k]) >= least)
            found.append(Direction(float(value), float(spread[k]), named))
        return found


def spectrum(fit: Fit, curvature: Callable[[Fit], Array] = gauss_newton) -> Spectrum:
    """The spectrum at the fit's point.

    ``gauss_newton`` takes J'J, the expected information for known spreads; where a spread is itself unknown or readings are
    censored, ``exact_curvature`` is the one to ask, whose values may be negative where the likelihood bends the wrong way.
    """
    matrix = curvature(fit)
    if fit.problem.informed:
        matrix = matrix - jnp.eye(matrix.shape[0])[..., None]
    usable = (fit.status != FitStatus.SOLVE_FAILED) & (jnp.abs(matrix) < jnp.inf).all((0, 1))
    values, vectors, rank = _eigen(jnp.where(usable, matrix, 0.0))
    return Spectrum(
        jnp.where(usable, values, jnp.nan),
        jnp.where(usable, vectors, jnp.nan),
        jnp.where(usable, rank, -1),
        usable,
        fit.problem.names,
        curvature.__name__.replace("_", " "),
    )


@jax.jit
def _eigen(matrix: Array) -> tuple[Array, Array, Array]:
    matrix = jnp.moveaxis(matrix, -1, 0)
    values, vectors = jnp.linalg.eigh(0.5 * (matrix + jnp.swapaxes(matrix, 1, 2)))
    values, vectors = values[:, ::-1].T, jnp.moveaxis(vectors[:, :, ::-1], 0, -1)
    return values, vectors, (values > jnp.maximum(UNSEEN, RANK_TOLERANCE * values[:1])).sum(0)

"""Draws from the posterior of every lane, and whether they can be trusted."""

import enum

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from calibration.abstract_fit import AbstractFit
from calibration.posterior.mixing import e_bfmi, ess_bulk, ess_tail, r_hat

LARGEST_R_HAT = 1.01


class DrawStatus(enum.IntEnum):
    """What became of a lane's draws."""

    OK = 0
    NOT_MIXED = 1
    NO_START = 2
    WEIGHTS_UNRELIABLE = 3

    @property
    def reason(self) -> str:
        """One plain sentence."""
        return _REASONS[self]


_REASONS = {
    DrawStatus.OK: "the draws pass their checks",
    DrawStatus.NOT_MIXED: f"chains have not mixed (R-hat above {LARGEST_R_HAT} or not defined): draw more, or begin elsewhere",
    DrawStatus.NO_START: "there was nothing to begin from: the fit failed or has no maximum here; the draws are nan",
    DrawStatus.WEIGHTS_UNRELIABLE: "the approximation misses too much of the posterior (k-hat): use a sampler",
}


class Draws(AbstractFit):
    """Draws of every lane: ``points`` in their own units and ``z`` on the prior's standard normal scale.

    ``z, points``  (chains, draws, unknowns, lanes)
    ``status``     (lanes,) a ``DrawStatus``
    ``energy``     (chains, draws, lanes) of Hamiltonian samplers, or None
    ``diverged``   (lanes,) transitions whose energy error exploded, or None
    ``gradients``  evaluations of the gradient that a chain took, warm-up left out, (lanes,) or None
    ``k_hat``      (lanes,) tail index of importance weights, or None
    """

    z: Array
    points: Array
    names: tuple[str, ...] = eqx.field(static=True)
    status: Array
    method: str = eqx.field(static=True)
    energy: Array | None = None
    diverged: Array | None = None
    gradients: Array | None = None
    k_hat: Array | None = None

    def r_hat(self) -> np.ndarray:
        """(unknowns, lanes) rank-normalised split R-hat."""
        return r_hat(self.z)

    def ess_bulk(self) -> np.ndarray:
        """(unknowns, lanes)."""
        return ess_bulk(self.z)

    def ess_tail(self) -> np.ndarray:
        """(unknowns, lanes)."""
        return ess_tail(self.z)

    def e_bfmi(self) -> np.ndarray | None:
        """(chains, lanes), or None where there is no energy."""
        return None if self.energy is None else e_bfmi(self.energy)

    def values(self):
        """Means of the draws."""
        return jnp.asarray(self.points).mean(axis=(0, 1))

    def posterior_sd(self):
        return jnp.asarray(self.z).std(axis=(0, 1))

    def interval(self, level):
        """Quantiles of the draws."""
        tail = 0.5 * (1.0 - level)
        return tuple(jnp.quantile(jnp.asarray(self.points), p, axis=(0, 1)) for p in (tail, 1.0 - tail))

    def quantified(self):
        """There are draws; whether to trust them says ``status``."""
        return (jnp.abs(self.z) < jnp.inf).all(axis=(0, 1, 2))


def mixed(z: np.ndarray, started: np.ndarray) -> np.ndarray:
    """Status of lanes from draws (chains, draws, unknowns, lanes) and whether they began."""
    worst = r_hat(z).max(axis=0)
    # a comparison with nan is false
    well = worst <= LARGEST_R_HAT
    return np.where(started, np.where(well, DrawStatus.OK, DrawStatus.NOT_MIXED), DrawStatus.NO_START).astype(np.int32)

"""What a few scans tell of a tumour under radiation: draws of its growth and of its answer.

    log y_k = log V(s_k) + ERROR e_k,      e_k standard normal       scan k on day s_k, before a course or in the middle of it

Unknowns are the five numbers of ``IrradiatedTumour`` with its own priors. Draws of the prior are weighed by the likelihood and
chosen by their weights, which are smoothed; with closed-form volumes thousands cost milliseconds, and nothing is assumed of the
posterior's shape. The more scans, the fewer draws count: ``effective`` says how many, and k-hat above 0.7 that these are too
few.

Before the first fraction scans tell start and growth, and alpha is what its prior says. Scans during the course tell alpha, and
alpha/beta not from fractions of one size.

Source: A. Vehtari et al., J. Mach. Learn. Res. 25(72):1-58 (2024), smoothed weights.
"""

from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from scipy.stats import norm, qmc

from calibration.errors import InputError
from calibration.posterior.importance import chosen, smoothed
from calibration.tumours.radiation_course import before_each, checked_course
from physio.component import parameters_of
from physio.tumours.irradiated import IrradiatedTumour

ERROR = 0.1    # relative, of a segmented volume; assumed
PRIORS = {name: info.prior for name, info in parameters_of(IrradiatedTumour()).items()}


@dataclass(frozen=True)
class ScannedTumour:
    """Scans of one person: ``day`` and ``volume`` [mm3] (scans,), and the course until the last: ``days`` and ``dose`` [Gy].

    All days are of one calendar. InputError where a scan's volume is not positive, days do not ascend, a dose is negative, or
    the course begins before the first scan.
    """

    day: np.ndarray
    volume: np.ndarray
    days: np.ndarray
    dose: np.ndarray

    def __post_init__(self):
        checked_course(self.days, self.dose)
        if not (np.diff(self.day) > 0.0).all():
            raise InputError("scans", None, "day", "do not ascend", "days of scans in order, each once")
        if not (np.asarray(self.volume) > 0.0).all():
            at = int(np.argmin(np.asarray(self.volume) > 0.0))
            asked = "above 0; leave out a scan that sees nothing"
            raise InputError("scans", at + 1, "volume", f"{self.volume[at]:g} mm3", asked)
        if self.days[0] < self.day[0]:
            said = f"first fraction on day {self.days[0]:g}, first scan on day {self.day[0]:g}"
            raise InputError("course", 1, "days", said, "a scan on or before the day of the first fraction, in one calendar")


@dataclass(frozen=True)
class TumourDraws:
    """``tumour`` with parameters (draws,), its start that before the first fraction; ``effective`` draws and ``k_hat``."""

    tumour: IrradiatedTumour
    effective: float
    k_hat: float


def from_prior(z: Array) -> IrradiatedTumour:
    """Tumours (...) at standard normal unknowns (5, ...), in the order of ``PRIORS``."""
    return IrradiatedTumour(**{name: prior.from_z(z[i]) for i, (name, prior) in enumerate(PRIORS.items())})


@eqx.filter_jit
def seen_volumes(scans: Array, days: Array, dose: Array, tumour: IrradiatedTumour) -> tuple[Array, Array]:
    """Volumes (scans, ...) on days of scans, and (...) before the first fraction; ``tumour.start`` is that at the first scan.

    A scan on the day of a fraction is taken before it.
    """
    at = jnp.concatenate([scans, days])
    order = jnp.argsort(at, stable=True)
    # a scan is a fraction of nothing
    given = jnp.concatenate([jnp.zeros(len(scans)), dose])[order]
    volume = before_each(at[order], given, tumour)
    place = jnp.argsort(order)
    return volume[place[: len(scans)]], volume[place[len(scans)]]


def draws_of(person: ScannedTumour, key: Array, *, draws: int = 256, tried: int = 16384) -> TumourDraws:
    """Draws of the posterior, chosen among ``tried`` (a power of 2) of the prior."""
    seed = int(jax.random.randint(key, (), 0, np.iinfo(np.int32).max))
    z = jnp.asarray(norm.ppf(qmc.Sobol(len(PRIORS), seed=seed).random(tried)).T)
    seen, first = seen_volumes(*(jnp.asarray(v) for v in (person.day, person.days, person.dose)), from_prior(z))
    misfit = (jnp.log(jnp.asarray(person.volume))[:, None] - jnp.log(seen)) / ERROR
    weights, k_hat = smoothed(np.asarray(-0.5 * (misfit**2).sum(0))[:, None])
    states = jnp.concatenate([z, jnp.log(first)[None]]).T[..., None]
    picked = chosen(states, weights, key[None], draws)[..., 0].T
    tumour = eqx.tree_at(lambda t: t.start, from_prior(picked[:-1]), jnp.exp(picked[-1]))
    return TumourDraws(tumour, float(1.0 / np.exp(2.0 * weights).sum()), float(k_hat[0]))


"""What is believed of a person when a day begins, and what a day that was followed leaves for the next.

z of the person, of the sensor's gain and of the held basal comes from the priors, from fitted days (``DayFits.z`` and
``covariance``), or from the belief at the end of the day before, which a night draws towards the priors:

    mean <- k mean,    covariance <- k^2 covariance + (1 - k^2) 1

as a walk of Ornstein and Uhlenbeck does whose variance is that of the priors.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from calibration.assimilation import BeliefStatus, Gaussian
from calibration.assimilation.semidefinite import sandwich
from calibration.compiled import compiled_once
from calibration.diabetes.day_state_space import WANDERING, DayStateSpace
from physio.solve.lanes import lane_jacobian
from physio.system import System


def morning(
    model: DayStateSpace,
    first: float | Array,
    covariance: Array | None = None,
    *,
    spread: float | Array = 15.0,
    time: float | Array = 0.0,
) -> Gaussian:
    """The belief at ``time`` [min] before any reading but the ``first`` (lanes,) [mg/dL], about which all glucose begins.

    The person rests under the held basal; ``spread`` is the sd of where glucose begins. ``covariance`` (unknowns + 2,
    unknowns + 2, lanes) is that of z about ``model.expected``, by default that of the priors; what it says of unknowns that are
    not free is left out.
    """
    known = jnp.eye(len(model.expected)) if covariance is None else jnp.asarray(covariance)
    known = known if known.ndim == 3 else jnp.broadcast_to(known[..., None], (*known.shape, model.lanes))
    numbers = (jnp.broadcast_to(jnp.asarray(x, known.dtype), (model.lanes,)) for x in (first, spread, time))
    return _morning(model, known, *numbers)


@compiled_once
def _morning(model: DayStateSpace, known: Array, first: Array, spread: Array, time: Array) -> Gaussian:
    free, n = len(model.free), len(model.names)
    rest, own = slice(0, n - len(WANDERING)), jnp.arange(n - len(WANDERING), n)

    def at_rest(u):
        """Rows of x but the last four, from z and where glucose begins."""
        body = model.family.beginning(model.person(u[:-1])[0], first + spread * u[-1])
        return jnp.concatenate([System.of(body, model.lanes).rest(), u[:-1]])

    u = jnp.concatenate([model.expected[model.rows], jnp.zeros((1, model.lanes))])
    mean, slopes = lane_jacobian(at_rest, u)
    sure = jnp.zeros((free + 1, free + 1, model.lanes)).at[-1, -1].set(1.0)
    sure = sure.at[:-1, :-1].set(known[model.rows[:, None], model.rows])
    covariance = jnp.zeros((n, n, model.lanes)).at[own, own].set(model.lasting**2)
    covariance = covariance.at[rest, rest].set(sandwich(jnp.swapaxes(slopes, 0, 1), sure))
    mean = jnp.concatenate([mean, jnp.zeros((len(WANDERING), model.lanes))])
    good = jnp.all(jnp.abs(mean) < jnp.inf, axis=0) & jnp.all(jnp.abs(covariance) < jnp.inf, axis=(0, 1))
    return Gaussian(mean, covariance, time, jnp.where(good, BeliefStatus.OK, BeliefStatus.SOLVE_FAILED).astype(jnp.int32))


def after_a_night(model: DayStateSpace, belief: Gaussian, kept: float) -> tuple[np.ndarray, np.ndarray]:
    """``expected`` (unknowns + 2, lanes) and ``covariance`` (unknowns + 2, unknowns + 2, lanes) of the next day; k is ``kept``."""
    rows, here = np.asarray(model.rows), slice(len(model.states), len(model.states) + len(model.free))
    expected = np.array(model.expected)
    expected[rows] = kept * np.asarray(belief.mean)[here]
    covariance = np.repeat(np.eye(len(expected))[..., None], model.lanes, axis=-1)
    prior = np.eye(len(rows))[..., None]
    covariance[rows[:, None], rows] = kept**2 * np.asarray(belief.covariance)[here, here] + (1.0 - kept**2) * prior
    return expected, covariance

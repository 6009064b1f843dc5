"""A course of radiation in closed form: logistic growth between fractions, a jump at each, and the time to progression.

    V     = V0 / [e + (1 - e) V0 / K],   e = exp(-r t)             between fractions                     V  volume [mm^3]
    V     = S V,   S = exp(-alpha d - beta d^2)                    at a fraction of d [Gy]
    T     = t_i + log[c (K - V_i) / (V_i (K - c))] / r             when V passes c from V_i just after fraction i   [d]

Time counts from the first fraction. Progression is the first time at which the volume passes c = ``GROWN`` times that before
the first fraction, during the course or after it. All solutions of the logistic law are one curve shifted in time, so a
fraction puts T off and never brings it forward: the first of the T_i that comes before the next fraction is the one. It has
derivatives with respect to doses and tumour, but where it moves across a fraction.

A tumour that cannot grow to c, K <= c, does not progress; T is at most ``HORIZON``. The same curve as the body ``irradiated``
gives, without a solver. 1.4 in volume is 25 % in the product of two diameters, by which gliomas are said to progress.

Sources: ``physio.tumours.closed_forms``, ``physio.tumours.linear_quadratic``; P. Y. Wen et al., J. Clin. Oncol.
28:1963-1972 (2010).
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike

from calibration.errors import InputError
from physio.tumours.closed_forms import logistic
from physio.tumours.irradiated import IrradiatedTumour
from physio.tumours.linear_quadratic import surviving

GROWN = 1.4
HORIZON = 3650.0    # d


def fraction_days(weeks: int = 6, each: int = 5) -> np.ndarray:
    """Days of so many fractions a week, from day 0 on, at weekends none."""
    return (7.0 * np.arange(weeks)[:, None] + np.arange(each)).ravel()


def checked_course(days: ArrayLike, dose: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Days (fractions,) and doses (fractions,) [Gy]; InputError where days do not ascend or a dose is negative."""
    days, dose = np.asarray(days, float), np.asarray(dose, float)
    if days.shape != dose.shape:
        raise InputError("course", None, "dose", f"{dose.size} doses on {days.size} days", "one dose a day")
    if not (np.diff(days) > 0.0).all():
        raise InputError("course", None, "days", "do not ascend", "days of fractions in order, each once")
    if not (dose >= 0.0).all():
        at = int(np.argmin(dose >= 0.0))
        raise InputError("course", at + 1, "dose", f"{dose[at]:g} Gy", "0 Gy or more; leave a fraction out with 0")
    return days, dose


def before_each(days: Array, dose: Array, tumour: IrradiatedTumour) -> Array:
    """Volumes (fractions, ...) just before each fraction; ``tumour.start`` (...) is that before the first."""
    return _volumes(days, dose, tumour)[0]


def time_to_progression(days: Array, dose: Array, tumour: IrradiatedTumour) -> Array:
    """T (...) [d] from the first fraction, for doses (fractions, ...) [Gy] and parameters (...); at most ``HORIZON``."""
    return passage(days, _volumes(days, dose, tumour)[1], tumour)


def passage(days: Array, after: Array, tumour: IrradiatedTumour) -> Array:
    """T (...) [d] of a tumour with volumes ``after`` (fractions, ...) just after the fractions, however they were reached."""
    mark = GROWN * tumour.start
    grows = (mark < tumour.capacity) & (tumour.start < tumour.capacity)
    room = jnp.where(grows, tumour.capacity, 2.0 * mark)
    odds = jnp.log(mark / (room - mark)) - jnp.log(after / (room - after))
    since = (days - days[0]).reshape((-1,) + (1,) * (after.ndim - 1))
    until = jnp.concatenate([since[1:], jnp.full_like(since[:1], jnp.inf)])
    passed = since + odds / tumour.rate
    first = jnp.where(passed <= until, passed, jnp.inf).min(axis=0)
    return jnp.where(grows, jnp.minimum(first, HORIZON), HORIZON)


def _volumes(days: Array, dose: Array, tumour: IrradiatedTumour) -> tuple[Array, Array]:
    """Just before and just after each fraction."""
    gaps = jnp.diff(days, prepend=days[:1])

    def fraction(volume, given):
        gap, dose = given
        before = logistic(gap, volume, tumour.rate, tumour.capacity)
        after = before * surviving(dose, tumour.alpha, tumour.ratio)
        return after, (before, after)

    # every number may differ from tumour to tumour, or be one for all
    shape = jnp.broadcast_shapes(dose.shape[1:], *(leaf.shape for leaf in jax.tree.leaves(tumour)))
    return jax.lax.scan(fraction, jnp.broadcast_to(tumour.start, shape), (gaps, dose))[1]

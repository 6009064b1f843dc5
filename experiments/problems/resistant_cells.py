"""A truth that no planner believes in: some cells of an irradiated tumour are hard to kill.

    V = S + R,   dS/dt = r S (1 - V / K),   dR/dt = r R (1 - V / K)          both grow alike, so shares stand still in between
    S = S exp(-alpha d - beta d^2),    R = R exp(-LESS (alpha d + beta d^2))     at a fraction of d [Gy]

R is ``SHARE`` of all cells before the first fraction. Scans before the course see one logistic tumour.
Source: assumed, of the size of what is said of glioma stem cells: a tenth, a third as sensitive.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array

from calibration.tumours.radiation_course import passage
from physio.tumours.closed_forms import logistic
from physio.tumours.irradiated import IrradiatedTumour
from physio.tumours.linear_quadratic import surviving

SHARE, LESS = 0.1, 1.0 / 3.0


def until_progression(days: Array, dose: Array, tumour: IrradiatedTumour, share: float = SHARE, less: float = LESS) -> Array:
    """T (...) [d] from the first fraction for doses (fractions, ...) [Gy], as ``time_to_progression`` is without such cells."""

    def fraction(state, given):
        volume, hard = state
        gap, dose = given
        before = logistic(gap, volume, tumour.rate, tumour.capacity)
        one = surviving(dose, tumour.alpha, tumour.ratio)
        killed, spared = (1.0 - hard) * one, hard * one**less
        after = before * (killed + spared)
        return (after, spared / (killed + spared)), after

    gaps = jnp.diff(days, prepend=days[:1])
    shape = dose.shape[1:]
    begun = (jnp.broadcast_to(tumour.start, shape), jnp.full(shape, share))
    return passage(days, jax.lax.scan(fraction, begun, (gaps, dose))[1], tumour)

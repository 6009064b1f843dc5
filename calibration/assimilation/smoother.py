"""What all readings, later ones too, say of each time: the Rauch-Tung-Striebel smoother.

    G = cov(x_k, x_(k+1)) P_(k+1|k)^-1
    mean_k <- mean_k + G (mean_(k+1) - mean_(k+1|k)),    P_k <- P_k + G (P_(k+1) - P_(k+1|k)) G'

The cross covariance comes from the filter, by derivatives or by points, so one recursion serves all normal filters. Source:
H. E. Rauch, F. Tung, C. T. Striebel, AIAA J. 3:1445-1450 (1965); S. Sarkka, IEEE Trans. Autom. Control 53:845-849 (2008).
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array

from calibration.assimilation.belief import Gaussian
from calibration.assimilation.normal import AbstractNormalFilter
from calibration.assimilation.semidefinite import divided, sandwich
from calibration.assimilation.state_space import AbstractStateSpace
from calibration.compiled import compiled_once
from physio.observe import Readings


@compiled_once
def smoothed(
    filter: AbstractNormalFilter, model: AbstractStateSpace, belief: Gaussian, times: Array, readings: Readings
) -> Gaussian:
    """Beliefs at the times (times,) or (times, lanes) given all readings (times, instruments, lanes); a leading axis over
    times on every field.
    """
    times = times[:, None] if times.ndim == 1 else times
    times = jnp.broadcast_to(times, (times.shape[0], model.lanes))

    def forward(belief, now):
        to, readings = now
        before, cross = filter.advanced(model, belief, to)
        after = filter.update(model, before, readings)
        return after, (before, cross, after)

    _, (before, cross, after) = jax.lax.scan(forward, belief, (times, readings))
    ahead, last = jax.tree.map(lambda x: x[1:], (before, cross)), jax.tree.map(lambda x: x[-1], after)

    def backward(later, now):
        here, (expected, cross) = now
        gain = divided(cross, expected.covariance)
        mean = here.mean + jnp.einsum("ijl,jl->il", gain, later.mean - expected.mean)
        covariance = here.covariance + sandwich(gain, later.covariance - expected.covariance)
        now = Gaussian(mean, covariance, here.time, here.status)
        return now, now

    steps = (jax.tree.map(lambda x: x[:-1], after), ahead)
    _, past = jax.lax.scan(backward, last, steps, reverse=True)
    return jax.tree.map(lambda past, last: jnp.concatenate([past, last[None]]), past, last)

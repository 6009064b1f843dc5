"""The unscented Kalman filter: moments through points that have those of the belief.

    points  mean, mean +- sqrt(n + kappa) L_k          L L' = covariance of (x, w)
    weights kappa / (n + kappa), 1 / 2(n + kappa)

Right to third order in the mean where the belief is normal. ``kappa`` 0 leaves the mean out (the cubature filter), and every
weight is positive for kappa >= 0. Sources: S. J. Julier, J. K. Uhlmann, Proc. IEEE 92:401-422 (2004); I. Arasaratnam,
S. Haykin, IEEE Trans. Autom. Control 54:1254-1269 (2009).
"""

import jax.numpy as jnp
from jaxtyping import Array

from calibration.assimilation.belief import Gaussian
from calibration.assimilation.normal import AbstractNormalFilter, Moved
from calibration.assimilation.semidefinite import root, symmetric
from calibration.assimilation.state_space import each


class Unscented(AbstractNormalFilter):
    """Exact on linear models; needs no derivatives, at the price of 2 (n + noises) solves of an advance."""

    kappa: float = 0.0

    def _points(self, belief: Gaussian, noises: int) -> tuple[Array, Array]:
        """Points (points, n + noises, lanes) and their weights (points, 1)."""
        n, lanes = belief.mean.shape
        size = n + noises
        lower = jnp.zeros((size, size, lanes), belief.mean.dtype)
        lower = lower.at[:n, :n].set(root(belief.covariance)).at[n:, n:].set(jnp.eye(noises)[..., None])
        away = jnp.sqrt(size + self.kappa) * jnp.swapaxes(lower, 0, 1)
        centre = jnp.concatenate([belief.mean, jnp.zeros((noises, lanes), belief.mean.dtype)])
        points, weights = [away, -away], [0.5] * (2 * size)
        # a point of no weight would be solved for nothing
        if self.kappa:
            points, weights = [jnp.zeros_like(away[:1]), *points], [self.kappa, *weights]
        shares = jnp.asarray(weights, belief.mean.dtype) / (size + self.kappa)
        return centre + jnp.concatenate(points), shares[:, None]

    def moved(self, model, belief, to):
        n = belief.mean.shape[0]
        points, weights = self._points(belief, model.noises)
        count = points.shape[0]

        def flow(model, x, w, begin, end):
            return model.transition(x, w, begin[0], end[0])

        times = (jnp.broadcast_to(t, (count, 1, model.lanes)) for t in (belief.time, to))
        after, good = each(model, count, flow, points[:, :n], points[:, n:], *times)
        mean = (weights[..., None] * after).sum(0)
        apart, before = after - mean, points[:, :n] - belief.mean
        covariance = jnp.einsum("pl,pil,pjl->ijl", weights, apart, apart)
        cross = jnp.einsum("pl,pil,pjl->ijl", weights, before, apart)
        return Moved(mean, symmetric(covariance), cross, good.all(0))

    def seen(self, model, belief, instrument):
        points, weights = self._points(belief, 0)
        count = points.shape[0]

        def look(model, x, time):
            return model.observe(instrument, x, time[0])

        time = jnp.broadcast_to(belief.time, (count, 1, model.lanes))
        predicted, sd = each(model, count, look, points, time)
        mean = (weights * predicted).sum(0)
        apart = predicted - mean
        cross = jnp.einsum("pl,pil,pl->il", weights, points - belief.mean, apart)
        return mean, (weights * (apart**2 + sd**2)).sum(0), cross

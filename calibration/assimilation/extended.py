"""The extended Kalman filter: moments through the first derivatives of the flow at the mean.

    mean <- flow(mean),    P <- F P F' + B B',    F = d x(t1) / d x(t0),  B = d x(t1) / d w

F and B are derivatives of the steps that the solver took, all in one pass. With ``iterations`` above one each reading is
linearised again where it has put the mean (iterated filter, a Gauss-Newton search for the mode): of use where the
instrument, not the flow, is curved. B. M. Bell, F. W. Cathey, IEEE Trans. Autom. Control 38:294-297 (1993).
"""

import jax.numpy as jnp

from calibration.assimilation.conditioning import given, taken
from calibration.assimilation.normal import AbstractNormalFilter, Moved
from calibration.assimilation.semidefinite import sandwich, symmetric
from physio.solve.lanes import lane_jacobian


class Extended(AbstractNormalFilter):
    """Exact on linear models; cheapest of all."""

    iterations: int = 1

    def moved(self, model, belief, to):
        n = belief.mean.shape[0]

        def flow(xw):
            return model.transition(xw[:n], xw[n:], belief.time, to)

        still = jnp.zeros((model.noises, model.lanes), belief.mean.dtype)
        mean, slopes, good = lane_jacobian(flow, jnp.concatenate([belief.mean, still]), has_aux=True)
        f, b = jnp.swapaxes(slopes[:n], 0, 1), slopes[n:]
        cross = jnp.einsum("ijl,kjl->ikl", belief.covariance, f)
        covariance = sandwich(f, belief.covariance) + jnp.einsum("wil,wjl->ijl", b, b)
        return Moved(mean, covariance, cross, good)

    def seen(self, model, belief, instrument):
        return self._linear(model, belief, instrument, belief.mean)

    def _linear(self, model, belief, instrument, point):
        """Prediction of an instrument linear in x, with slopes from ``point``."""
        predicted, slopes, sd = lane_jacobian(
            lambda x: model.observe(instrument, x, belief.time), point, has_aux=True
        )
        cross = jnp.einsum("ijl,jl->il", belief.covariance, slopes)
        mean = predicted + (slopes * (belief.mean - point)).sum(0)
        return mean, (cross * slopes).sum(0) + sd**2, cross

    def learn(self, model, belief, instrument, reading):
        point = belief.mean
        for _ in range(self.iterations):
            mean, variance, cross = self._linear(model, belief, instrument, point)
            m, v = given(reading, mean, variance)
            gain = cross / variance
            point = belief.mean + gain * (m - mean)
        covariance = belief.covariance - symmetric(gain[:, None] * gain[None, :] * (variance - v))
        return taken(belief, reading, point, covariance)

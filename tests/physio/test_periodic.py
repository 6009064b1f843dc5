"""The closed beat: both ways to it meet, and its reverse derivative is that of central differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from physio.bodies.regazzoni import regazzoni
from physio.solve import Anderson, DiscreteAdjoint, Newton, Status, Tsit5, periodic

ADDRESS = "systemic_bed.resistance"
# across an opening valve derivatives err like the square root of the tolerance
TIGHT = Tsit5(rtol=1e-13, atol=1e-13)
WIDTH = 2e-3


def pressure(resistance, closing, adjoint):
    body = regazzoni().with_values({ADDRESS: resistance})
    beat = periodic(
        body, lanes=len(resistance), samples=8, method=TIGHT, closing=closing, tolerance=1e-9, adjoint=adjoint
    )
    return beat["systemic_arteries.pressure"], beat.status


@pytest.mark.parametrize("closing", [Newton(), pytest.param(Anderson(), marks=pytest.mark.slow)], ids=["Newton", "Anderson"])
def test_reverse_derivative_against_differences(closing):
    there = float(regazzoni().value(ADDRESS)) * np.array([0.8, 1.0])
    steps = WIDTH * np.array([-2.0, -1.0, 1.0, 2.0])[:, None]
    around = (there * (1.0 + steps)).ravel()

    @jax.jit
    def both(near, around):
        def mean(resistance):
            values, status = pressure(resistance, closing, DiscreteAdjoint())
            return values[:-1].mean(axis=0).sum(), status

        slope, status = jax.grad(mean, has_aux=True)(near)
        values, statuses = pressure(around, closing, DiscreteAdjoint())
        return slope, values[:-1].mean(axis=0), jnp.concatenate([status, statuses])

    slope, values, status = both(jnp.asarray(there), jnp.asarray(around))
    assert (np.asarray(status) == Status.OK).all()
    far_down, down, up, far_up = np.asarray(values).reshape(4, 2)
    h = WIDTH * there
    wanted = (8.0 * (up - down) - (far_up - far_down)) / (12.0 * h)
    np.testing.assert_allclose(slope, wanted, rtol=1e-6)

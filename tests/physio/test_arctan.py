"""The arctangent of the valves against NumPy's."""

import jax
import jax.numpy as jnp
import numpy as np

from physio.arctan import arctan

X = np.concatenate([-np.geomspace(1e8, 1e-12, 4001), [0.0], np.geomspace(1e-12, 1e8, 4001), [1.0, np.tan(np.pi / 8)]])


def test_values():
    np.testing.assert_allclose(arctan(jnp.asarray(X)), np.arctan(X), rtol=5e-16)
    assert np.isnan(arctan(jnp.nan)) and float(arctan(jnp.inf)) == np.pi / 2


def test_slopes_in_both_modes_and_of_second_order():
    x = jnp.asarray([-30.0, -0.7, 0.0, 0.2, 3.0])
    np.testing.assert_allclose(jax.vmap(jax.grad(arctan))(x), 1.0 / (1.0 + x**2), rtol=1e-15)
    np.testing.assert_allclose(jax.vmap(jax.jacfwd(jax.grad(arctan)))(x), -2.0 * x / (1.0 + x**2) ** 2, rtol=1e-14, atol=1e-300)

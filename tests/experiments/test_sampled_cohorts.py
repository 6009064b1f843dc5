"""The cohorts whose posteriors benchmarks draw: that they can be read, written in lanes, and come back from their transform."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.problems.sampled_cohorts import neutropenia_cohort, two_compartments


@pytest.mark.parametrize("cohort", [lambda: two_compartments(3), lambda: neutropenia_cohort(2)], ids=["two", "neutropenia"])
def test_people_repeated_have_the_predictions_of_people(cohort):
    made = cohort().population
    logs = made.log_typical(made.shared(made.start()))
    wide = made.tiled(2)
    once, again = (jax.jit(lambda p, v: p.predict(v)[0])(p, jnp.repeat(logs, n, axis=1)) for p, n in ((made, 1), (wide, 2)))
    np.testing.assert_allclose(again, np.repeat(once, 2, axis=1), rtol=1e-9)
    noise = made.noise
    np.testing.assert_allclose(noise.inverse(noise.transform(once)), once, rtol=1e-12)
    # guesses of the priors are within a factor of what made the data
    assert (np.abs(np.log(np.asarray(made.readings.value) / np.asarray(once))) < 3.0).mean() > 0.9

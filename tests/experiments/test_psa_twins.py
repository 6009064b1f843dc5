"""Last cycles of men who are made by the model, with errors that are known: bands hold what they say."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from calibration.tumours.psa import ERROR, MarkerRecord, marker_problem
from experiments.problems.psa_twins import LEVEL, last_cycle, last_cycles

MEN, DAYS = 60, np.arange(0.0, 360.0, 30.0)
ON = np.array([1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 0, 0.0])
KNOWN = 8


def made(times):
    """Men drawn from the priors of the twin, read with ``times`` the error that a fit assumes."""
    blank = [MarkerRecord(str(i), DAYS, np.ones(len(DAYS)), ON) for i in range(MEN)]
    problem = marker_problem(blank)
    z = jax.random.normal(jax.random.key(3), (len(problem.names), MEN))
    (level,), _, _, _ = problem.predict(z)
    error = times * ERROR * level[:KNOWN].max(axis=0) * jax.random.normal(jax.random.key(4), level.shape)
    read = np.asarray(jnp.maximum(level + error, 0.0))
    return [MarkerRecord(m.person, DAYS, read[:, i], ON) for i, m in enumerate(blank)]


def test_bands_hold_whether_or_not_the_error_is_as_assumed():
    """Within the error of a share over men; an error three times as large stretches bands that would have been too narrow."""
    found = {}
    for times in (1.0, 3.0):
        men = made(times)
        assert {last_cycle(m) for m in men} == {KNOWN}
        found[times] = last_cycles(men, 2, 300)
        draws, (_, inside) = found[times].draws, found[times].within
        assert draws.shape == (300, len(DAYS), MEN) and draws.min() >= 0.0
        assert abs(np.mean(inside) - LEVEL) < 3.0 * np.std(inside) / np.sqrt(MEN)
        # what lies inside is what the draws say
        low, high = np.quantile(draws[:, KNOWN:], (0.05, 0.95), axis=0)
        read = np.stack([m.level[KNOWN:] for m in men], axis=-1)
        np.testing.assert_allclose(((low <= read) & (read <= high)).mean(axis=0), inside)
    right, wrong = found[1.0], found[3.0]
    assert np.mean(wrong.within[0]) < LEVEL < np.mean(right.within[0])
    assert np.median(wrong.stretch) > 1.5 * np.median(right.stretch)


def test_own_hidden_readings_change_nothing_for_a_man():
    """One man's last cycle doubled: his draws are the same."""
    men = made(1.0)
    doubled = dataclasses.replace(men[0], level=np.where(np.arange(len(DAYS)) < KNOWN, 1.0, 2.0) * men[0].level)
    before, after = (last_cycles([first, *men[1:]], 2, 300) for first in (men[0], doubled))
    np.testing.assert_array_equal(before.draws[:, :, 0], after.draws[:, :, 0])
    assert before.off[0].tolist() != after.off[0].tolist()

"""Bands stretched by what was off for others: closed forms, the guarantee for few people, and who is left out."""

import numpy as np
import pytest
from calibration.tumours.stretched_bands import ASSUMED, FEWEST, off, stretched, stretches
from scipy.special import ndtri

LEVEL = 0.9
END = ndtri(0.95)
NORMAL = ndtri((np.arange(20001) + 0.5) / 20001)


def people(rng, count, narrow):
    """Readings of standard normals, half of whose variance a person shares; how far off they are from a band ``narrow`` times
    too narrow, in closed form. Between one and nine readings each.
    """
    each = []
    for readings in rng.integers(1, 10, count):
        read = np.sqrt(0.5) * (rng.standard_normal() + rng.standard_normal(readings))
        each.append(np.abs(read) * narrow / END)
    return each


def test_how_far_off_is_counted_in_halves_of_the_band_on_that_side():
    """A band from -2 to 1 about 0 in units of a normal's."""
    draws = np.where(NORMAL < 0.0, 2.0, 1.0)[:, None] * NORMAL[:, None] + np.zeros(4)
    found = off(draws, np.array([-4.0 * END, -END, 0.5 * END, 3.0 * END]), LEVEL)
    np.testing.assert_allclose(found, [2.0, 0.5, 0.5, 3.0], atol=2e-3)


def test_a_band_too_narrow_is_stretched_by_just_that():
    each = people(np.random.default_rng(0), 1000, 2.5)
    found = stretches(each, LEVEL)
    assert found == pytest.approx(2.5, rel=0.05)
    shares = np.array([np.mean(d <= q) for d, q in zip(each, found, strict=True)])
    assert abs(shares.mean() - LEVEL) < 3.0 * shares.std() / np.sqrt(len(shares))


@pytest.mark.parametrize("count", [FEWEST + 1, 16])
def test_few_people_hold_what_is_guaranteed(count):
    """On average over studies of so many people at least level K / (K + 1), and no more than 1 / (K + 1) above the level."""
    rng, means = np.random.default_rng(1), []
    for _ in range(600):
        each = people(rng, count, 1.7)
        means.append(np.mean([np.mean(d <= q) for d, q in zip(each, stretches(each, LEVEL), strict=True)]))
    error = 3.0 * np.std(means) / np.sqrt(len(means))
    assert LEVEL * (count - 1) / count - error < np.mean(means) < LEVEL + 1.0 / count + error


def test_everybody_else_counts_once_and_nobody_for_himself():
    """Ten others with one reading each at 1 to 10, the tenth's told a hundred times: the ninth is where 90 % are reached."""
    each = [np.array([0.1]), *(np.array([float(d)]) for d in range(1, 10)), np.full(100, 10.0)]
    assert stretches(each, LEVEL)[0] == 9.0
    again = [np.array([50.0, 60.0]), *each[1:]]
    assert stretches(again, LEVEL)[0] == 9.0 and stretches(again, LEVEL)[10] == 9.0
    # one without a forecast and one without a hidden reading are nobody
    lost = [*each, np.array([np.nan, 100.0]), np.empty(0)]
    np.testing.assert_array_equal(stretches(lost, LEVEL), [*stretches(each, LEVEL)[:11], 9.0, 9.0])


def test_too_few_others_take_what_is_assumed():
    each = people(np.random.default_rng(2), FEWEST, 1.0)
    assert (stretches(each, LEVEL) == ASSUMED).all()


def test_draws_are_stretched_about_their_median():
    draws = 5.0 + NORMAL[:, None] * np.array([0.5, 2.0])
    found = stretched(draws, 2.0)
    np.testing.assert_allclose(np.quantile(found, (0.05, 0.5), axis=0)[:, 0], [5.0 - END, 5.0], atol=2e-3)
    assert found.min() == 0.0

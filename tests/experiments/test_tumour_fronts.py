"""What the fronts are compared with, and that they meet it."""

import math

import pytest

from experiments.problems.tumour_fronts import grid_speed, rows


@pytest.mark.parametrize("order", [2, 4, 6])
def test_the_speed_on_a_fine_grid_is_that_of_the_continuum(order):
    assert grid_speed(0.05, 0.1, 0.01, order, 1e-3) == pytest.approx(2.0 * math.sqrt(0.05 * 0.1), rel=1e-3)


def test_the_speed_on_a_coarse_grid_is_that_of_the_equations_in_cells():
    # steps to zero: least of (D (2 cosh sh - 2) / h^2 + rho) / s, here by a scan of s
    scan = (k * 1e-4 for k in range(1000, 30000))
    least = min((0.05 * (2.0 * math.cosh(s) - 2.0) + 0.1) / s for s in scan)
    assert grid_speed(0.05, 0.1, 1.0, 2, 1e-4) == pytest.approx(least, rel=1e-4)


def test_all_that_was_asked_of_fronts_is_met():
    figures, targets = rows(quick=True)
    assert figures and len(targets) == 10
    assert [target for target in targets if not target.met] == []

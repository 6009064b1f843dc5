"""Virtual people's outlines err by what they are said to."""

import numpy as np
import pytest
from calibration.tumours.outline_error import OutlineError
from experiments.problems.outlined_people import SPACING, _segmented

SIZE, RADIUS = 20, 8.0
FINE = (np.indices((2 * SIZE,) * 3) + 0.5) * SPACING / 2.0
AWAY = np.sqrt(((FINE - 15.0) ** 2).sum(axis=0))
CELLS = 1.0 / (1.0 + 4.0 * np.exp((AWAY - RADIUS) / 2.0))    # 20 % at the radius
LABELS = np.full((SIZE,) * 3, 3)


def test_without_an_error_the_edge_is_at_a_fifth_of_cells():
    scan = _segmented(CELLS, LABELS, 30.0, OutlineError(1e-9, 5.0), np.random.default_rng(0))
    coarse = np.sqrt((((np.indices(LABELS.shape) + 0.5) * SPACING - 15.0) ** 2).sum(axis=0))
    assert scan.mask[coarse < RADIUS - 0.4].all() and not scan.mask[coarse > RADIUS + 0.4].any()
    assert str(scan.day) == "2024-01-31"


def test_volumes_scatter_as_stated():
    error, random = OutlineError(1.0, 5.0), np.random.default_rng(1)
    volumes = [_segmented(CELLS, LABELS, 0.0, error, random).volume for _ in range(300)]
    # 300 draws know an SD to 4 %; what is of second order in the displacement is s / R
    assert np.std(volumes) == pytest.approx(error.volume_sd(4.0 / 3.0 * np.pi * RADIUS**3), rel=0.2)

"""Plans of equal volume where both are known: around a ball, and beside a wall."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from physio.fields import Domain, FieldError, Grid
from physio.tumours.target_volume import coverage, equal_volume_target, margin_target

GRID = Grid((40, 40, 20), (1.0, 1.0, 2.0))
AWAY = np.sqrt(sum((np.asarray(GRID.centres(k)) - 20.0) ** 2 for k in GRID.axes))
CORE = AWAY <= 5.0


def test_a_margin_is_a_distance_and_equal_volume_is_a_ball():
    # every distance between a voxel and a voxel of the core
    target = margin_target(Domain(GRID), CORE, 10.0)
    places = np.stack([np.broadcast_to(GRID.centres(k), GRID.shape) for k in GRID.axes], axis=-1)
    nearest = cdist(places.reshape(-1, 3), places[CORE]).min(1).reshape(GRID.shape)
    assert (target == (nearest <= 10.0)).all()
    # of cells that fall with the distance, as many as a ball holds are that ball
    model = equal_volume_target(Domain(GRID), np.exp(-AWAY), int((AWAY <= 12.0).sum()))
    assert (model == (AWAY <= 12.0)).all()


def test_tissue_outside_is_not_treated_and_the_volume_goes_elsewhere():
    half = Domain(GRID, np.broadcast_to(np.asarray(GRID.centres(0)) < 20.0, GRID.shape))
    margin = margin_target(half, CORE, 10.0)
    model = equal_volume_target(half, np.exp(-AWAY), int(margin.sum()))
    assert not (margin | model)[20:].any()
    assert model.sum() == margin.sum()


def test_coverage_counts_voxels():
    recurrence = np.zeros(GRID.shape, bool)
    recurrence[20, 20, 5:15] = True
    target = np.zeros(GRID.shape, bool)
    target[:, :, :12] = True
    assert coverage(target, recurrence) == 0.7


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: margin_target(Domain(GRID), CORE & False), "core is empty"),
        (lambda: margin_target(Domain(GRID), CORE[1:]), "one value for each cell"),
        (lambda: equal_volume_target(Domain(GRID), AWAY, 0), "a target of 0 voxels in a tissue of 32000"),
        (lambda: coverage(CORE, CORE & False), "recurrence is empty"),
    ],
)
def test_what_cannot_be_is_named(make, says):
    with pytest.raises(FieldError, match=says):
        make()

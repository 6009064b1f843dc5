"""What a radiation plan treats, and how much of a recurrence lies in it.

    margin        all tissue within 15 mm (by default) of the visible core
    equal volume  the same number of voxels, where the model has most cells: an isosurface of N

Both treat equally much, so that a difference in coverage is one of place only.
Source: the plans compared by PREDICT-GBM, arXiv 2509.13360 (2025): a margin of 15 mm against an isosurface of equal volume.
"""

import numpy as np
from scipy.ndimage import distance_transform_edt

from physio.fields import Domain, FieldError


def margin_target(domain: Domain, core: np.ndarray, margin: float = 15.0) -> np.ndarray:
    """Voxels inside whose centre is within ``margin`` [mm] of that of a voxel of the core."""
    core = np.asarray(core, bool)
    if core.shape != domain.grid.shape:
        raise FieldError(f"core of shape {core.shape} on a grid of shape {domain.grid.shape}: give one value for each cell")
    if not core.any():
        raise FieldError("core is empty: a margin needs a tumour that can be seen")
    away = distance_transform_edt(~core, sampling=domain.grid.spacing)
    return (away <= margin) & _inside(domain)


def equal_volume_target(domain: Domain, cells: np.ndarray, voxels: int) -> np.ndarray:
    """The ``voxels`` voxels inside with most cells; of equals the first in order."""
    inside = _inside(domain)
    if not 0 < voxels <= inside.sum():
        raise FieldError(f"a target of {voxels} voxels in a tissue of {int(inside.sum())}: give a number from 1 to that")
    ranked = np.argsort(-np.where(inside, np.asarray(cells), -np.inf), axis=None, kind="stable")
    target = np.zeros(inside.size, bool)
    target[ranked[:voxels]] = True
    return target.reshape(inside.shape)


def coverage(target: np.ndarray, recurrence: np.ndarray) -> float:
    """Share of the recurrence inside the target."""
    recurrence = np.asarray(recurrence, bool)
    if not recurrence.any():
        raise FieldError("recurrence is empty: its coverage is not defined")
    return float((target & recurrence).sum() / recurrence.sum())


def _inside(domain: Domain) -> np.ndarray:
    return np.ones(domain.grid.shape, bool) if domain.inside is None else np.asarray(domain.inside)

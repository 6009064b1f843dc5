"""Segmentations in NIfTI files to masks on one grid, through nibabel.

What a scan gives is where a tumour can be seen, not how many cells there are: voxels of the wanted labels. Scans of one person
must share shape, spacing and orientation: resampling is the job of the program that segmented them, which knows the images.
Lengths are mm; a header in m or micrometres is converted, and a spacing that no head scan has is refused, since headers in cm
exist and NIfTI has no code for them.
"""

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from calibration.errors import InputError
from physio.tumours.infiltration import CSF, GREY, WHITE

# mm a unit of the header
_UNITS = {"mm": 1.0, "unknown": 1.0, "meter": 1000.0, "micron": 0.001}
_SMALLEST, _LARGEST = 0.2, 10.0
_SAME_SPACING, _SAME_PLACE = 1e-3, 1e-2
_LEAST_TISSUE = 0.5
# mm: no head is shorter than this, nor a part of one that holds a tumour and its surroundings
_SHORTEST = 30.0


class Scan(NamedTuple):
    """One segmentation.

    ``mask``     (x, y, z) bool
    ``spacing``  [mm]
    ``affine``   (4, 4) voxels to mm of the scanner
    """

    day: datetime.date
    mask: np.ndarray
    spacing: tuple[float, float, float]
    affine: np.ndarray
    file: str

    @property
    def volume(self) -> float:
        """[mm3]"""
        return float(self.mask.sum()) * float(np.prod(self.spacing))


class Tissue(NamedTuple):
    """``labels`` (x, y, z): 0 outside, 1 CSF, 2 grey, 3 white matter; the rest as of a ``Scan``."""

    labels: np.ndarray
    spacing: tuple[float, float, float]
    affine: np.ndarray
    file: str


def read_scan(path: Path | str, day: datetime.date, labels: Sequence[int] | None = None) -> Scan:
    """A segmentation; ``labels`` are those that count as tumour, and needed where the file has several."""
    values, spacing, affine = _read(path, "a NIfTI segmentation, .nii or .nii.gz")
    return Scan(day, _masked(path, values, labels), spacing, affine, str(path))


def read_tissue(path: Path | str) -> Tissue:
    """A map of labels; another label than 0 outside, 1 CSF, 2 grey, 3 white matter is named."""
    values, spacing, affine = _read(path, "a NIfTI tissue map, .nii or .nii.gz")
    strange = sorted(set(np.unique(values).tolist()) - {0, CSF, GREY, WHITE})
    expected = "0 outside, 1 CSF, 2 grey, 3 white matter"
    if strange:
        raise InputError(path, field="labels", problem=f"label {strange[0]:g}", expected=expected)
    if (values < GREY).all():
        raise InputError(path, field="labels", problem="no grey or white matter", expected=expected)
    return Tissue(values.astype(np.uint8), spacing, affine, str(path))


def _read(path: Path | str, expected: str) -> tuple[np.ndarray, tuple[float, float, float], np.ndarray]:
    """Values (x, y, z), spacing [mm] and affine of a file."""
    import nibabel

    try:
        image = nibabel.load(path)
        values = np.asanyarray(image.dataobj)
    except FileNotFoundError:
        raise InputError(path, problem="no such file", expected=expected) from None
    except (nibabel.filebasedimages.ImageFileError, OSError, EOFError, ValueError) as problem:
        raise InputError(path, problem=f"cannot be read: {problem}", expected=expected) from None
    values = values[..., 0] if values.ndim == 4 and values.shape[3] == 1 else values
    if values.ndim != 3:
        raise InputError(path, field="dim", problem=f"shape {values.shape}", expected="three axes, or a fourth of length 1")
    factor = _UNITS[image.header.get_xyzt_units()[0]]
    spacing = tuple(float(h) * factor for h in image.header.get_zooms()[:3])
    if not all(_SMALLEST <= h <= _LARGEST for h in spacing):
        raise InputError(
            path, field="pixdim", problem=f"spacing {_said(spacing)}",
            expected=f"{_SMALLEST:g} to {_LARGEST:g} mm; a header in cm must be multiplied by 10",
        )  # fmt: skip
    return values, spacing, _in_mm(image.affine, factor)


def _in_mm(affine: np.ndarray, factor: float) -> np.ndarray:
    scaled = np.array(affine, float)
    scaled[:3] *= factor
    return scaled


def _masked(path: Path | str, values: np.ndarray, labels: Sequence[int] | None) -> np.ndarray:
    found = np.unique(values)
    if not np.isfinite(found).all() or (found != np.round(found)).any():
        raise InputError(
            path, field="data", problem="values that are no labels", expected="whole numbers, 0 outside the tumour"
        )
    present = [int(v) for v in found if v != 0]
    if labels is None and len(present) > 1:
        raise InputError(
            path, field="labels", problem=f"several labels: {', '.join(map(str, present))}",
            expected="one label, or the argument labels (a column of scans.csv) with those that count as tumour",
        )  # fmt: skip
    mask = values != 0 if labels is None else np.isin(values, list(labels))
    if not mask.any():
        asked = "" if labels is None else f" of the labels {', '.join(map(str, labels))}"
        raise InputError(
            path, field="mask", problem=f"empty: no voxel{asked}",
            expected="a tumour; one that is not seen any more is a volume below detection, not a scan to fit",
        )  # fmt: skip
    return mask


def check_scans(scans: Sequence[Scan], doses: Sequence[datetime.date] = ()) -> None:
    """Scans that belong together, in order of their days, and doses that come after the first of them."""
    if not scans:
        raise InputError("scans", problem="none given", expected="one scan at least; two or more to see speed")
    first = scans[0]
    for before, scan in zip(scans[:-1], scans[1:], strict=True):
        if scan.day <= before.day:
            raise InputError(
                scan.file, field="day", problem=f"{scan.day} is not after {before.day} of {before.file}", expected="rising days"
            )
        _same_grid(scan, scan.mask.shape, first, first.mask.shape)
    for row, day in enumerate(doses):
        if day < first.day:
            raise InputError(
                "doses", row + 1, "day", f"{day} is before the first scan, {first.day}",
                "doses from the first scan on: what was given before has acted on what it shows",
            )  # fmt: skip


def check_tissue(tissue: Tissue, first: Scan) -> None:
    """A tissue map on the grid of the scans, long enough to be in mm, in which the tumour is mostly tissue."""
    _same_grid(tissue, tissue.labels.shape, first, first.mask.shape)
    longest = max(n * h for n, h in zip(tissue.labels.shape, tissue.spacing, strict=True))
    if longest < _SHORTEST:
        said = f"the longest side of the map is {longest:.3g} mm"
        raise InputError(tissue.file, field="pixdim", problem=said, expected=f"{_SHORTEST:g} mm or more; cm times 10")
    share = float((tissue.labels[first.mask] >= GREY).mean())
    if share < _LEAST_TISSUE:
        said = f"{100 * share:.0f} % of the mask of {first.file} are grey or white matter"
        raise InputError(tissue.file, field="labels", problem=said, expected="a map in which the tumour is tissue")


def _same_grid(one: Scan | Tissue, shape: tuple[int, ...], first: Scan, wanted: tuple[int, ...]) -> None:
    """InputError where shape, spacing, orientation or place are not those of the first scan."""
    if shape != wanted:
        raise InputError(one.file, field="dim", problem=f"shape {shape}", expected=f"{wanted} as in {first.file}")
    if not np.allclose(one.spacing, first.spacing, rtol=_SAME_SPACING):
        said = f"spacing {_said(one.spacing)}"
        raise InputError(one.file, field="pixdim", problem=said, expected=f"{_said(first.spacing)} as in {first.file}")
    if orientation(one) != orientation(first):
        said = f"orientation {orientation(one)}"
        raise InputError(one.file, field="affine", problem=said, expected=f"{orientation(first)} as in {first.file}")
    if not np.allclose(one.affine, first.affine, atol=_SAME_PLACE):
        said = "lies elsewhere in the scanner"
        raise InputError(one.file, field="affine", problem=said, expected=f"registered to {first.file}")


def _said(spacing: tuple[float, ...]) -> str:
    return " x ".join(f"{h:.4g}" for h in spacing) + " mm"


def orientation(scan: Scan | Tissue) -> str:
    """Where the three axes point to, such as RAS: right, anterior, superior."""
    names = ""
    for column in scan.affine[:3, :3].T:
        along = int(np.abs(column).argmax())
        names += ("RL", "AP", "SI")[along][int(column[along] < 0)]
    return names

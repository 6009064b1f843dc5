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

# mm a unit of the header
_UNITS = {"mm": 1.0, "unknown": 1.0, "meter": 1000.0, "micron": 0.001}
_SMALLEST, _LARGEST = 0.2, 10.0
_SAME_SPACING, _SAME_PLACE = 1e-3, 1e-2


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


def read_scan(path: Path | str, day: datetime.date, labels: Sequence[int] | None = None) -> Scan:
    """A segmentation; ``labels`` are those that count as tumour, and needed where the file has several."""
    import nibabel

    try:
        image = nibabel.load(path)
        values = np.asanyarray(image.dataobj)
    except FileNotFoundError:
        raise InputError(path, problem="no such file", expected="a NIfTI segmentation, .nii or .nii.gz") from None
    except (nibabel.filebasedimages.ImageFileError, OSError, EOFError, ValueError) as problem:
        raise InputError(path, problem=f"cannot be read: {problem}", expected="a NIfTI segmentation, .nii or .nii.gz") from None
    values = values[..., 0] if values.ndim == 4 and values.shape[3] == 1 else values
    if values.ndim != 3:
        raise InputError(path, field="dim", problem=f"shape {values.shape}", expected="three axes, or a fourth of length 1")
    factor = _UNITS[image.header.get_xyzt_units()[0]]
    spacing = tuple(float(h) * factor for h in image.header.get_zooms()[:3])
    if not all(_SMALLEST <= h <= _LARGEST for h in spacing):
        raise InputError(
            path, field="pixdim", problem=f"spacing {spacing[0]:g} x {spacing[1]:g} x {spacing[2]:g} mm",
            expected=f"{_SMALLEST:g} to {_LARGEST:g} mm; a header in cm must be multiplied by 10",
        )  # fmt: skip
    return Scan(day, _masked(path, values, labels), spacing, _in_mm(image.affine, factor), str(path))


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
            expected="one label, or the argument labels=(...) with those that count as tumour",
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
        if scan.mask.shape != first.mask.shape:
            raise InputError(
                scan.file, field="dim", problem=f"shape {scan.mask.shape}", expected=f"{first.mask.shape} as in {first.file}"
            )
        if not np.allclose(scan.spacing, first.spacing, rtol=_SAME_SPACING):
            raise InputError(
                scan.file,
                field="pixdim",
                problem=f"spacing {scan.spacing} mm",
                expected=f"{first.spacing} mm as in {first.file}",
            )
        if orientation(scan) != orientation(first):
            raise InputError(
                scan.file,
                field="affine",
                problem=f"orientation {orientation(scan)}",
                expected=f"{orientation(first)} as in {first.file}",
            )
        if not np.allclose(scan.affine, first.affine, atol=_SAME_PLACE):
            raise InputError(
                scan.file, field="affine", problem="lies elsewhere in the scanner", expected=f"registered to {first.file}"
            )
    for row, day in enumerate(doses):
        if day < first.day:
            raise InputError(
                "doses", row + 1, "day", f"{day} is before the first scan, {first.day}",
                "doses from the first scan on: what was given before has acted on what it shows",
            )  # fmt: skip


def orientation(scan: Scan) -> str:
    """Where the three axes point to, such as RAS: right, anterior, superior."""
    names = ""
    for column in scan.affine[:3, :3].T:
        along = int(np.abs(column).argmax())
        names += ("RL", "AP", "SI")[along][int(column[along] < 0)]
    return names

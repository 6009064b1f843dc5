"""The tissue map of a head on a grid of 1 mm: 0 outside, 1 CSF, 2 grey, 3 white matter.

The one file of the data set, a NIfTI-1 volume of bytes, is read here with NumPy alone, so that a benchmark needs no other
package; scans of people are read by ``calibration.tumours.scans``. Without the data a ball of shells stands in.
"""

import gzip
import struct
from pathlib import Path

import numpy as np

from calibration.errors import InputError
from experiments.problems.shared_data import shared_data

FILE = "sri24_tissues_240x240x155.nii.gz"
_HEADER, _BYTE = 348, 2


def brain_labels(data: Path | str | None) -> tuple[np.ndarray, bool]:
    """``(labels, whether they are of the atlas)``."""
    folder = shared_data("sri24_brain_tissues", data)
    return (_read(folder / FILE), True) if folder is not None else (shells((96, 96, 80)), False)


def _read(path: Path) -> np.ndarray:
    if not path.is_file():
        raise InputError(path, problem="no such file", expected="the tissue map of the data set")
    raw = gzip.decompress(path.read_bytes())
    size, kind = struct.unpack("<i", raw[:4])[0], struct.unpack("<h", raw[70:72])[0]
    if size != _HEADER or kind != _BYTE:
        raise InputError(path, field="header", problem=f"size {size}, datatype {kind}", expected="348 and 2, a volume of bytes")
    shape = struct.unpack("<8h", raw[40:56])
    spacing = struct.unpack("<8f", raw[76:108])[1:4]
    if any(abs(h - 1.0) > 1e-6 for h in spacing):
        raise InputError(path, field="pixdim", problem=f"spacing {spacing} mm", expected="1 mm along each axis")
    start, cells = int(struct.unpack("<f", raw[108:112])[0]), shape[1] * shape[2] * shape[3]
    return np.frombuffer(raw, np.uint8, cells, start).reshape(shape[1:4], order="F")


def shells(shape: tuple[int, int, int]) -> np.ndarray:
    """A ball of white matter with a folded coat of grey and one of CSF."""
    x = np.meshgrid(*(np.linspace(-1.0, 1.0, n) for n in shape), indexing="ij")
    away = np.sqrt(sum(v**2 for v in x)) + 0.05 * np.sin(12.0 * x[0]) * np.sin(11.0 * x[1]) * np.sin(10.0 * x[2])
    return np.select([away < 0.6, away < 0.8, away < 0.9], [3, 2, 1], 0).astype(np.uint8)


def cropped(labels: np.ndarray, centre: tuple[int, ...], size: int) -> np.ndarray:
    """A cube of ``size`` cells about ``centre``, moved inwards where it would leave the map."""
    low = [min(max(c - size // 2, 0), n - size) for c, n in zip(centre, labels.shape, strict=True)]
    return labels[tuple(slice(a, a + size) for a in low)]


def white_places(labels: np.ndarray, size: int, count: int, random: np.random.Generator) -> list[tuple[int, ...]]:
    """Centres of cubes in the white matter of which a third at least is white: room for a tumour to infiltrate."""
    inner = tuple(slice(size // 2, n - size // 2) for n in labels.shape)
    candidates = np.argwhere(labels[inner] == 3) + size // 2
    found = []
    while len(found) < count:
        centre = tuple(int(c) for c in candidates[random.integers(len(candidates))])
        if (cropped(labels, centre, size) == 3).mean() > 1.0 / 3.0:
            found.append(centre)
    return found

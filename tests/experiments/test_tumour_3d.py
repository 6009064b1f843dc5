"""What the tumour benchmark is made of: the map it reads, the stencils it is timed beside, and how coverage is counted."""

import gzip
import struct

import numpy as np
import pytest

from calibration.errors import InputError
from experiments.problems.brain_labels import FILE, brain_labels, cropped, shells, white_places
from experiments.problems.glioma_cohort import Person
from experiments.problems.glioma_course import UNKNOWNS
from experiments.problems.glioma_coverage import coverage
from experiments.problems.shared_data import shared_data
from experiments.problems.stencils import gcc_step, numpy_step


def volume(labels, spacing=1.0, kind=2):
    """A NIfTI-1 file of bytes, header of 348 and data at 352."""
    raw = bytearray(352)
    struct.pack_into("<i", raw, 0, 348)
    struct.pack_into("<8h", raw, 40, 3, *labels.shape, 1, 1, 1, 1)
    struct.pack_into("<h", raw, 70, kind)
    struct.pack_into("<8f", raw, 76, 1, spacing, spacing, spacing, 0, 0, 0, 0)
    struct.pack_into("<f", raw, 108, 352.0)
    return gzip.compress(bytes(raw) + labels.astype(np.uint8).tobytes(order="F"))


def test_the_map_is_read_in_its_order(tmp_path):
    labels = np.arange(24).reshape(2, 3, 4) % 4
    (tmp_path / FILE).write_bytes(volume(labels))
    found, atlas = brain_labels(tmp_path)
    assert atlas and (found == labels).all()


@pytest.mark.parametrize(
    ("change", "says"), [({"spacing": 2.0}, "pixdim: spacing .* expected 1 mm"), ({"kind": 4}, "header: size 348, datatype 4")]
)
def test_another_volume_is_refused(tmp_path, change, says):
    (tmp_path / FILE).write_bytes(volume(np.zeros((2, 2, 2)), **change))
    with pytest.raises(InputError, match=says):
        brain_labels(tmp_path)


def test_the_atlas_has_the_voxels_of_its_description():
    folder = shared_data("sri24_brain_tissues", None)
    if folder is None:
        pytest.skip("the atlas is not here: set SOMAGRAD_DATA")
    labels, _ = brain_labels(folder)
    assert labels.shape == (240, 240, 155)
    assert np.bincount(labels.reshape(-1)).tolist() == [7_476_294, 282_297, 648_426, 520_983]


def test_crops_stay_inside_and_hold_white_matter():
    labels = shells((40, 40, 30))
    for place in white_places(labels, 12, 3, np.random.default_rng(0)):
        crop = cropped(labels, place, 12)
        assert crop.shape == (12, 12, 12) and crop[6, 6, 6] == 3 and (crop == 3).mean() > 1 / 3
    assert cropped(labels, (0, 39, 15), 12).shape == (12, 12, 12)


def test_stencils_against_a_matrix():
    random = np.random.default_rng(1)
    u, shape = random.random((4, 3, 5)), (4, 3, 5)
    faces = tuple(random.random([n - (k == axis) for k, n in enumerate(shape)]) for axis in range(3))
    matrix, number = np.zeros((60, 60)), np.arange(60).reshape(shape)
    for axis, f in enumerate(faces):
        low, high = np.take(number, range(shape[axis] - 1), axis).ravel(), np.take(number, range(1, shape[axis]), axis).ravel()
        for a, b, d in zip(low, high, f.ravel(), strict=True):
            matrix[[a, b, a, b], [a, b, b, a]] += [-d, -d, d, d]
    exact = u + 0.1 * ((matrix @ u.ravel()).reshape(shape) + 0.3 * u * (1 - u))
    np.testing.assert_allclose(numpy_step(u, faces, 0.1, 0.3), exact, rtol=1e-13)
    step = gcc_step()
    if step is not None:
        np.testing.assert_allclose(step(u, faces, 0.1, 0.3), exact, rtol=1e-12)


def test_coverage_counts_what_scans_tell_with_people_as_clusters():
    # growth, prior CV 0.8: an interval of 10 % is told, one over a factor of 20 is not
    def person(hits):
        truth = np.ones(len(UNKNOWNS))
        low, high = np.where(hits, 0.95, 1.05), np.where(hits, 1.05, 1.1)
        low[-1], high[-1] = 0.05, 20.0
        both = [np.stack([x, x]) for x in (truth, low, high)]
        return Person("wide", truth, *both, np.asarray([True, True]), False, 1.0)

    people = [person(np.ones(4, bool)), person(np.asarray([True, False, False, True]))]
    share, error, told = coverage(people, 0)
    # 3 of 3 and 1 of 3; spread (3 - 2, 1 - 2) over 6
    assert share == pytest.approx(4 / 6) and error == pytest.approx(np.sqrt(2.0) / 6) and told == 0.75

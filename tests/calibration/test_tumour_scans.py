"""Segmentations from files that nibabel writes, and what is wrong with bad ones."""

import datetime

import numpy as np
import pytest

from calibration.errors import InputError
from calibration.tumours.scans import check_scans, orientation, read_scan

nibabel = pytest.importorskip("nibabel", reason="reads scans with nibabel, which is in the extra 'imaging'")
DAY = datetime.date(2024, 3, 1)
BALL = (np.indices((8, 9, 7)) ** 2).sum(0) < 20


def write(path, values, spacing=(1.0, 1.0, 2.0), unit="mm", flip=False):
    image = nibabel.Nifti1Image(values.astype(np.uint8), np.diag([-spacing[0] if flip else spacing[0], *spacing[1:], 1.0]))
    image.header.set_xyzt_units(unit)
    nibabel.save(image, path)
    return path


def test_a_segmentation(tmp_path):
    scan = read_scan(write(tmp_path / "a.nii.gz", BALL[..., None]), DAY)
    assert (scan.mask == BALL).all() and scan.spacing == (1.0, 1.0, 2.0)
    assert scan.volume == 2.0 * BALL.sum() and orientation(scan) == "RAS"


def test_metres_become_millimetres(tmp_path):
    scan = read_scan(write(tmp_path / "a.nii.gz", BALL, (0.001, 0.001, 0.002), "meter"), DAY)
    np.testing.assert_allclose(scan.spacing, (1.0, 1.0, 2.0), rtol=1e-6)
    np.testing.assert_allclose(np.diag(scan.affine), (1.0, 1.0, 2.0, 1.0), rtol=1e-6)


def test_labels_that_count(tmp_path):
    path = write(tmp_path / "a.nii", BALL * 1 + (BALL & (np.indices(BALL.shape)[0] > 1)))
    assert read_scan(path, DAY, labels=(2,)).mask.sum() == (BALL & (np.indices(BALL.shape)[0] > 1)).sum()
    with pytest.raises(InputError, match=r"a.nii: labels: several labels: 1, 2; expected one label, or the argument labels"):
        read_scan(path, DAY)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda p: write(p, BALL * 0), "mask: empty: no voxel; expected a tumour"),
        (lambda p: write(p, BALL, (0.1, 0.1, 0.1)), "pixdim: spacing 0.1 x 0.1 x 0.1 mm; .* in cm must be multiplied by 10"),
        (lambda p: write(p, np.stack([BALL, BALL], -1)), "dim: shape .8, 9, 7, 2.; expected three axes"),
        (lambda p: p.write_bytes(b"no image"), "cannot be read"),
        (lambda p: None, "no such file"),
    ],
)
def test_bad_files_are_named(tmp_path, make, says):
    make(tmp_path / "a.nii")
    with pytest.raises(InputError, match=f"a.nii: {says}"):
        read_scan(tmp_path / "a.nii", DAY)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"spacing": (1.0, 1.0, 1.5)}, "b.nii: pixdim: spacing 1 x 1 x 1.5 mm; expected 1 x 1 x 2 mm as in"),
        ({"flip": True}, "b.nii: affine: orientation LAS; expected RAS as in"),
    ],
)
def test_scans_that_do_not_belong_together(tmp_path, change, says):
    scans = [read_scan(write(tmp_path / "a.nii", BALL), DAY)]
    scans.append(read_scan(write(tmp_path / "b.nii", BALL, **change), DAY + datetime.timedelta(30)))
    with pytest.raises(InputError, match=says):
        check_scans(scans)


def test_days_and_doses(tmp_path):
    scan = read_scan(write(tmp_path / "a.nii", BALL), DAY)
    check_scans([scan], [DAY])
    with pytest.raises(InputError, match="a.nii: day: 2024-03-01 is not after 2024-03-01"):
        check_scans([scan, scan])
    with pytest.raises(InputError, match="doses:2: day: 2024-02-29 is before the first scan, 2024-03-01"):
        check_scans([scan], [DAY, DAY - datetime.timedelta(1)])
    with pytest.raises(InputError, match="none given"):
        check_scans([])

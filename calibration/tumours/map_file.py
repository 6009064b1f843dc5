"""A map on the grid of scans as a NIfTI file, through nibabel."""

import gzip

import numpy as np

from calibration.tumours.scans import Scan


def map_file(values: np.ndarray, scan: Scan) -> bytes:
    """The bytes of a ``.nii.gz`` in single precision, with the scan's affine in mm; equal maps give equal bytes."""
    import nibabel

    image = nibabel.Nifti1Image(values.astype(np.float32), scan.affine)
    image.header.set_xyzt_units("mm")
    return gzip.compress(image.to_bytes(), mtime=0)

"""Segmentations in files become a page, a table and a map; mistakes name file, row and field, and write nothing."""

import csv
import re

import jax.numpy as jnp
import numpy as np
import pytest
from calibration.tumours.image_problem import Course, ImageProblem
from calibration.tumours.start import Seed
from experiments import cli
from experiments.report.wording import WARNING
from experiments.scans import calibrate as command
from physio.fields import Heun
from physio.tumours.infiltration import Brain

nibabel = pytest.importorskip("nibabel", reason="reads scans with nibabel, which is in the extra 'imaging'")
SHAPE, STEP = (24, 22, 20), 2.0
AFFINE = np.array([[-STEP, 0.0, 0.0, 40.0], [0.0, STEP, 0.0, -30.0], [0.0, 0.0, STEP, 10.0], [0.0, 0.0, 0.0, 1.0]])
LABELS = np.full(SHAPE, 3)
LABELS[15:] = 2
LABELS[:2] = 1
TRUTH = {"white": 0.25, "growth": 0.035, "radiosensitivity": 0.05}
FRACTIONS = tuple(("radiation", 42.0 + k, 2.0) for k in range(4))
BALL = np.sqrt(sum((x - c) ** 2 for x, c in zip(np.indices(SHAPE), (10, 11, 10), strict=True))) < 4.0


def save(path, values, *, affine=AFFINE, unit="mm"):
    image = nibabel.Nifti1Image(values.astype(np.uint8), affine)
    image.header.set_xyzt_units(unit)
    nibabel.save(image, path)


def write(folder, masks, days=(0, 40, 70), rows=None, doses=None):
    """Scans of label 4 beside one another, a tissue map, and tables."""
    folder.mkdir()
    save(folder / "tissue.nii.gz", LABELS)
    for k, mask in enumerate(masks):
        save(folder / f"{k}.nii.gz", 4 * mask)
    lines = [f"{day},{k}.nii.gz,4" for k, (day, _) in enumerate(zip(days, masks, strict=False))] if rows is None else rows
    (folder / "scans.csv").write_text("\n".join(["day,file,labels", *lines]))
    if doses is not None:
        (folder / "doses.csv").write_text("\n".join(doses))
    return folder


def called(folder, out, monkeypatch):
    """The exit status of the command line."""
    monkeypatch.setattr(command, "keep_compiled_programs", lambda: None)
    given = ["--doses", str(folder / "doses.csv")] if (folder / "doses.csv").exists() else []
    with pytest.raises(SystemExit) as ended:
        cli.main(
            ["calibrate", "scans", "--scans", str(folder / "scans.csv"), "--tissue", str(folder / "tissue.nii.gz"),
             "--out", str(out), *given]
        )  # fmt: skip
    return ended.value.code


def numbers(out):
    return {row["what"]: row for row in csv.DictReader((out / "numbers.csv").open())}


@pytest.fixture(scope="module")
def grown():
    """Masks at days 0, 40 and 70, radiation from day 42 on."""
    course = Course(-90.0, (0.0, 40.0, 70.0), FRACTIONS)
    empty, near = jnp.zeros((3, *SHAPE)), (21.0, 22.0, 20.0)
    made = ImageProblem(Brain.of(LABELS, (STEP,) * 3), Seed(near), empty, 1.0, None, course, tuple(TRUTH), 0.5, Heun())
    return np.asarray(made.predict(made.unknowns(jnp.asarray([*TRUTH.values()])))[0]) > 0.2


def test_what_made_the_scans_is_found(tmp_path, monkeypatch, capsys, grown):
    doses = ["day,channel,amount_gy", *(f"{day:g},radiation,{dose:g}" for _, day, dose in FRACTIONS), "75,radiation,2"]
    folder, out = write(tmp_path / "record", grown, doses=doses), tmp_path / "out"
    assert called(folder, out, monkeypatch) == 0
    assert "3 scans; 5 doses" in capsys.readouterr().out
    found = numbers(out)
    for name, value in (("D, diffusivity in white matter", 0.25), ("rho, growth rate", 0.035), ("radiosensitivity", 0.05)):
        assert float(found[name]["5 %"]) < value < float(found[name]["95 %"])
    speed = found["speed of the visible edge, first to last scan"]
    first, last = (np.cbrt(0.75 / np.pi * STEP**3 * (mask & (LABELS > 1)).sum()) for mask in grown[[0, 2]])
    assert float(speed["5 %"]) < (last - first) / 70.0 < float(speed["95 %"])
    read = STEP**3 * (grown[-1] & (LABELS > 1)).sum()
    last = found["last volume, forecast"]
    assert float(found["last volume, segmented"]["value"]) == read
    assert float(last["5 %"]) < read < float(last["95 %"])
    density = nibabel.load(out / "density.nii.gz")
    np.testing.assert_allclose(density.affine, AFFINE)
    assert density.shape == SHAPE and density.header.get_xyzt_units()[0] == "mm"
    cells = np.asarray(density.dataobj)
    assert (cells[LABELS < 2] == 0.0).all() and 0.0 <= cells.min() and cells.max() <= 1.0
    # what is seen holds most cells: the fit's edge at 20 % is that of the last mask
    seen = cells > 0.2
    assert 2.0 * (seen & grown[-1]).sum() / (seen.sum() + grown[-1].sum()) > 0.9
    page = (out / "scans.html").read_text()
    assert page.count(WARNING) == 2 and '="http' not in page
    for part in ("record", "numbers", "forecast", "plan"):
        assert f'<section class="study" id="{part}"' in page


def test_one_scan_tells_ratios_only(tmp_path, monkeypatch, grown):
    out = tmp_path / "out"
    assert called(write(tmp_path / "record", grown[:1], days=("2024-03-01",)), out, monkeypatch) == 0
    found = numbers(out)
    assert set(found) == {"D / rho", "rho T"}
    assert float(found["D / rho"]["5 %"]) < 0.25 / 0.035 < float(found["D / rho"]["95 %"])
    page = (out / "scans.html").read_text()
    assert "never how fast" in page and "mm/d" not in page and 'id="forecast"' not in page and 'id="plan"' not in page


def changed(**options):
    """Two scans of which the second was saved otherwise."""

    def make(folder):
        write(folder, (BALL, BALL))
        save(folder / "1.nii.gz", 4 * options.pop("mask", BALL), **options)

    return make


def tabled(**options):
    return lambda folder: write(folder, (BALL, BALL), **options)


def strange_tissue(labels, **options):
    def make(folder):
        write(folder, (BALL, BALL))
        save(folder / "tissue.nii.gz", labels, **options)

    return make


def in_centimetres(folder):
    """All files alike, as if 2 mm were 0.2 mm."""
    folder = write(folder, (BALL, BALL))
    for name, values in (("tissue", LABELS), ("0", 4 * BALL), ("1", 4 * BALL)):
        save(folder / f"{name}.nii.gz", values, affine=AFFINE * [0.1, 0.1, 0.1, 1.0])


GY = "day,channel,amount_gy"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (changed(affine=AFFINE * [1.0, 1.0, 1.2, 1.0]), "1.nii.gz: pixdim: spacing .* mm as in .*0.nii.gz"),
        (changed(affine=AFFINE * [-1.0, 1.0, 1.0, 1.0]), "1.nii.gz: affine: orientation RAS; expected LAS as in .*0.nii.gz"),
        (changed(affine=AFFINE * [0.05, 0.05, 0.05, 1.0]), "1.nii.gz: pixdim: spacing 0.1 x 0.1 x 0.1 mm; .* multiplied by 10"),
        (in_centimetres, "tissue.nii.gz: pixdim: the longest side of the map is 4.8 mm; expected 30 mm or more; cm times 10"),
        (changed(mask=BALL & False), "1.nii.gz: mask: empty: no voxel of the labels 4; expected a tumour"),
        (tabled(rows=["0,0.nii.gz,", "40,1.nii.gz,5"]), "1.nii.gz: mask: empty: no voxel of the labels 5"),
        (tabled(rows=["0,0.nii.gz,4", "40,2.nii.gz,4"]), "scans.csv:3: file: 2.nii.gz: no such file"),
        (tabled(rows=["40,0.nii.gz,4", "0,1.nii.gz,4"]), "scans.csv:3: day: 0 is not after 40"),
        (tabled(rows=["0,0.nii.gz,4", "2024-03-01,1.nii.gz,4"]), "scans.csv:3: day: '2024-03-01' is no such day"),
        (tabled(rows=["0,0.nii.gz,4", "40,1.nii.gz,x"]), "scans.csv:3: labels: 'x' is no list of labels"),
        (tabled(rows=[]), "scans.csv: no row below the header"),
        (tabled(doses=[GY, "-3,radiation,2"]), "doses.csv:2: day: -3 is before the first scan, 0"),
        (tabled(doses=[GY, "3,radiation,200"]), "doses.csv:2: amount_gy: 200 is no dose; expected .* at most 30 Gy"),
        (tabled(doses=["day,channel,amount_cgy", "3,radiation,200"]), "doses.csv:2: amount_gy: the unit is that of 'amount_c"),
        (tabled(doses=["day,channel,amount", "3,radiation,2"]), "doses.csv:1: amount: no unit in its name"),
        (tabled(doses=["day,channel,amount_gy,amount_mg", "3,tmz,,150", "4,tmz,2,"]), "doses.csv:3: amount_mg: the unit is"),
        (strange_tissue(LABELS[:-1]), r"tissue.nii.gz: dim: shape \(23, 22, 20\); expected \(24, 22, 20\) as in .*0.nii.gz"),
        (strange_tissue(LABELS, affine=AFFINE + np.eye(4, k=3)), "tissue.nii.gz: affine: lies elsewhere in the scanner"),
        (strange_tissue(np.where(BALL, 7, LABELS)), "tissue.nii.gz: labels: label 7; expected 0 outside, 1 CSF, 2 grey, 3"),
        (strange_tissue(LABELS * 0), "tissue.nii.gz: labels: no grey or white matter"),
    ],
)
def test_mistakes_are_named_and_nothing_is_written(tmp_path, monkeypatch, capsys, make, message):
    make(tmp_path / "record")
    assert called(tmp_path / "record", tmp_path / "out", monkeypatch) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert re.search(message, said), said
    assert not (tmp_path / "out").exists()


def test_several_labels_are_asked_for(tmp_path, monkeypatch, capsys):
    folder = write(tmp_path / "record", (BALL, BALL), rows=["0,0.nii.gz,", "40,1.nii.gz,"])
    save(folder / "1.nii.gz", BALL + 3 * (BALL & (np.indices(SHAPE)[0] > 9)))
    assert called(folder, tmp_path / "out", monkeypatch) == 2
    assert "1.nii.gz: labels: several labels: 1, 4; expected one label" in capsys.readouterr().err

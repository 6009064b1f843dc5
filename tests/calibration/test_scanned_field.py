"""Segmentations to a problem: what is asked of them, how far their outlines err, and a start of unknown age."""

import dataclasses
import datetime

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from calibration.errors import InputError
from calibration.tumours.field_fit import FieldProblem
from calibration.tumours.image_problem import Course, ImageProblem
from calibration.tumours.log_interval import log_intervals
from calibration.tumours.outline_error import OutlineError, radius
from calibration.tumours.scan_fit import dice, edge_speed, hiding
from calibration.tumours.scanned_field import Dose, scanned_field
from calibration.tumours.scans import Scan, Tissue
from calibration.tumours.sight import Contour
from calibration.tumours.start import Seed
from physio.fields import Domain, Grid, Heun
from physio.tumours.infiltration import Brain

DAY = datetime.date(2024, 3, 1)
SHAPE, SPACING = (30, 28, 26), (2.0, 2.0, 2.0)
AWAY = np.sqrt(sum((x - c) ** 2 for x, c in zip(np.indices(SHAPE), (14, 13, 12), strict=True))) * 2.0
LABELS = np.full(SHAPE, 3, np.uint8)
TISSUE = Tissue(LABELS, SPACING, np.diag([2.0, 2.0, 2.0, 1.0]), "tissue.nii")


def scans(*days):
    return [Scan(after(d), AWAY < 6.0 + 0.05 * d, SPACING, TISSUE.affine, f"{d}.nii") for d in days]


def after(days):
    return DAY + datetime.timedelta(days)


def test_a_box_and_days_from_the_first_scan():
    field = scanned_field(scans(0, 40), TISSUE, margin=7.0)
    # masks reach 3 voxels from their centre voxel; 7 mm are 4 voxels
    assert field.box == (slice(7, 22), slice(6, 21), slice(5, 20))
    course = field.problem.course
    assert course.scans == (0.0, 40.0) and course.at == (course.begin, 0.0, 40.0)
    assert field.problem.start.near == (15.0, 15.0, 15.0)
    np.testing.assert_array_equal(field.problem.measured[1], scans(0, 40)[1].mask[field.box])


@pytest.mark.parametrize(
    ("days", "doses", "names"),
    [
        ((0,), (), {"seed.radius", "seed.peak"}),
        ((0, 40), (), {"seed.age"}),
        ((0, 40), ((0, "radiation"),), {"seed.age", "radiosensitivity"}),
        ((0, 40), ((40, "radiation"), (39, "tmz")), {"seed.age", "tmz.kill"}),
    ],
)
def test_what_is_asked_is_what_scans_can_tell(days, doses, names):
    field = scanned_field(scans(*days), TISSUE, [Dose(after(d), channel, 2.0) for d, channel in doses])
    assert set(field.problem.names) == {"white", "growth", "seed.x", "seed.y", "seed.z"} | names
    assert [dose.channel for dose in field.planned] == [channel for d, channel in doses if d >= days[-1]]


def test_grey_matter_and_units_of_doses():
    grey = TISSUE._replace(labels=np.where(np.indices(SHAPE)[0] > 20, 2, LABELS))
    doses = [Dose(after(d), "tmz", a) for d, a in ((5, 100.0), (6, 150.0), (7, 200.0))] + [Dose(after(8), "radiation", 2.0)]
    problem = scanned_field(scans(0, 40), grey, doses).problem
    assert "grey_ratio" in problem.names
    assert [amount for _, _, amount in problem.course.doses] == pytest.approx([2.0 / 3.0, 1.0, 4.0 / 3.0, 2.0])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"spacing": (2.0, 2.0, 3.0)}, "tissue.nii: pixdim: spacing .* mm as in 0.nii"),
        ({"affine": np.diag([-2.0, 2.0, 2.0, 1.0])}, "tissue.nii: affine: orientation LAS; expected RAS as in 0.nii"),
        ({"labels": LABELS[1:]}, r"tissue.nii: dim: shape \(29, 28, 26\); expected \(30, 28, 26\)"),
        ({"labels": np.where(AWAY < 5.0, 1, LABELS)}, "tissue.nii: labels: .* % of the mask of 0.nii are grey or white"),
    ],
)
def test_a_tissue_map_that_does_not_belong(change, says):
    with pytest.raises(InputError, match=says):
        scanned_field(scans(0, 40), TISSUE._replace(**change))


def test_the_area_that_errs_as_one_on_a_sphere():
    error, r = OutlineError(1.0, 5.0), 8.0
    angle = np.linspace(0.0, np.pi, 20001)
    chord = 2.0 * r * np.sin(0.5 * angle)
    ring = 2.0 * np.pi * r**2 * np.sin(angle) * np.exp(-(chord**2) / (2.0 * 25.0))
    area = np.trapezoid(ring, angle)
    volume = 4.0 / 3.0 * np.pi * r**3
    assert radius(volume) == pytest.approx(8.0)
    assert error.volume_sd(volume) == pytest.approx(np.sqrt(4.0 * np.pi * r**2 * area), rel=1e-6)
    # all of a small outline errs as one
    assert OutlineError(1.0, 500.0).volume_sd(volume) == pytest.approx(4.0 * np.pi * r**2, rel=1e-3)


def test_residuals_vary_as_the_curvature_says():
    # a flat edge over 40 x 40 mm, moved as a whole by the unknown and from place to place by its error
    error, grid = OutlineError(1.0, 5.0), Grid((60, 40, 40), (0.5, 1.0, 1.0))
    scan = Scan(DAY, np.asarray(grid.centres(0) < 15.0) & np.ones(grid.shape, bool), grid.spacing, np.eye(4), "flat")
    sight = Contour(Domain(grid), error.width(grid.spacing))

    def shown(shift):
        return sight.shown(jnp.broadcast_to(0.2 + 0.05 * (15.0 + shift - grid.centres(0)), (1, *grid.shape)))

    middle, slope = (np.asarray(x)[0] for x in jax.jvp(shown, (jnp.asarray(0.0),), (jnp.asarray(1.0),)))
    random, away = np.random.default_rng(0), np.asarray(grid.centres(0)) - 15.0
    scores = []
    for _ in range(1000):
        moved = gaussian_filter(random.normal(size=(40, 40)), 5.0 / np.sqrt(2.0), mode="wrap")
        moved *= np.sqrt(4.0 * np.pi * 12.5)  # white noise so smoothed has an SD of 1 and the correlation exp(-r^2 / 50)
        scores.append((slope * (middle - (away < moved))).sum() / error.voxel_sd(scan) ** 2)
    curvature = (slope**2).sum() / error.voxel_sd(scan) ** 2
    # 1000 draws know a variance to 4.5 %
    assert np.var(scores) == pytest.approx(curvature, rel=0.15)


def test_a_contour_is_as_wide_on_steep_fronts_as_on_flat_ones():
    grid = Grid((40, 4, 4), (1.0, 1.0, 1.0))
    for steep in (0.005, 0.02, 0.05):
        cells = 0.2 + steep * (20.0 - grid.centres(0)) + jnp.zeros(grid.shape)
        shown = np.asarray(Contour(Domain(grid), 1.5).shown(cells[None]))[0, 1:-1, 2, 2]
        away = np.asarray(20.0 - grid.centres(0))[1:-1, 0, 0] / np.hypot(1.0, 5e-3 / steep)
        np.testing.assert_allclose(shown, 1.0 / (1.0 + np.exp(-away / 1.5)), rtol=1e-9)


SMALL = Brain.of(np.full((9, 8, 7), 3), (1.5, 1.5, 1.5))
PREDICTED = eqx.filter_jit(lambda problem, values: problem.predict(problem.unknowns(values))[0])


def aged(begin, typical, names):
    seed = Seed((6.0, 6.0, 5.0), typical_age=typical)
    course = Course(begin, (0.0, 30.0), (("radiation", 0.0, 2.0),))
    return ImageProblem(SMALL, seed, jnp.zeros((2, 9, 8, 7)), 1.0, None, course, names, 0.5, Heun())


def test_an_unknown_age_is_that_of_an_earlier_start():
    truth = jnp.asarray([0.08, 0.05, 60.0])
    unknown = aged(-40.0, 50.0, ("white", "growth", "seed.age"))
    # 60 d in 80 steps of 0.5 d paced, or in 120: what differs is the steps' error
    early = PREDICTED(aged(-60.0, None, ("white", "growth")), truth[:2])
    np.testing.assert_allclose(PREDICTED(unknown, truth), early, rtol=2e-3, atol=1e-5)
    late = PREDICTED(aged(-40.0, None, ("white", "growth")), truth[:2])
    assert float(early[0].sum()) > 1.5 * float(late[0].sum())
    with pytest.raises(ValueError, match="'seed.age' is an unknown of the image"):
        FieldProblem(unknown, unknown.unknowns(truth))


def test_a_hidden_scan_counts_for_nothing():
    problem = dataclasses.replace(aged(-40.0, None, ("white", "growth")), sd=jnp.full((2, 1, 1, 1), 0.5))
    z = jnp.zeros((2, 1))
    hidden = eqx.filter_jit(lambda p: p.evaluate(z).residuals)(hiding(problem))
    cells = problem.measured[0].size
    assert (hidden[cells : 2 * cells] == 0.0).all() and (hidden[:cells] != 0.0).any()


def test_intervals_on_the_log_scale_need_a_covariance():
    from calibration.fit import Fit

    problem, z = aged(-40.0, None, ("white", "growth")), jnp.zeros((2, 1))
    fit = Fit(problem, z, jnp.zeros(1), jnp.zeros(1, int), jnp.zeros(1, int), None, None, "point")
    with pytest.raises(ValueError, match="not quantified by point"):
        log_intervals(fit, lambda of: {"speed": of["white"]})
    known = dataclasses.replace(fit, covariance=jnp.diag(jnp.asarray([0.04, 0.09]))[..., None])
    found = log_intervals(known, lambda of: {"speed": 2.0 * (of["white"] * of["growth"]) ** 0.5})["speed"]
    # SDs of log D and log rho are 0.2 and 0.3 times that of their priors, sqrt(log 1.64)
    reach = 1.6448536 * 0.5 * np.hypot(0.2, 0.3) * np.sqrt(np.log1p(0.64))
    np.testing.assert_allclose(found, 2.0 * np.sqrt(0.003) * np.exp([0.0, -reach, reach]), rtol=1e-6)


def test_an_edge_moves_by_its_radius():
    volume = 4.0 / 3.0 * np.pi * np.asarray([[6.0, 7.0, 9.0], [6.0, 7.0, 5.0]]) ** 3
    np.testing.assert_allclose(edge_speed(volume, np.asarray([0.0, 20.0, 60.0])), [0.05, -1.0 / 60.0], rtol=1e-12)


def test_dice_of_two_masks():
    one, other = np.asarray([True, True, False, False]), np.asarray([False, True, True, True])
    assert dice(one, one) == 1.0 and dice(one, other) == pytest.approx(2.0 / 5.0)

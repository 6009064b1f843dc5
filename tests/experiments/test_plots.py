"""Pictures say what the results say: failures are counted in words, open ends have no number, nothing is drawn off the sheet."""

import subprocess
import sys

import jax.numpy as jnp
import numpy as np
import pytest
from calibration.diagnostics.coverage import Coverage, coverage, subgroup_coverage
from calibration.diagnostics.cost import GradientCost
from calibration.diagnostics.predictive import Predictive
from calibration.diagnostics.ranks import ranks, uniformity
from calibration.diagnostics.starts import convergence
from calibration.fit import Fit, FitStatus
from calibration.identifiability import End, Profiles, Spectrum
from calibration.multistart import Starts
from calibration.population import Npde, VisualCheck
from calibration.problem import AbstractProblem
from experiments.plots.contraction import contraction_figure
from experiments.plots.convergence import convergence_figure
from experiments.plots.cost import cost_figure
from experiments.plots.coverage import coverage_figure, subgroups_figure
from experiments.plots.npde import npde_figure
from experiments.plots.pit import pit_figure
from experiments.plots.predictive import predictive_figure
from experiments.plots.profiles import profiles_figure
from experiments.plots.ranks import ranks_figure
from experiments.plots.scores import crps_figure
from experiments.plots.spectrum import spectrum_figure
from experiments.plots.visual_check import visual_check_figure
from experiments.plots.waterfall import waterfall_figure

import equinox as eqx

pytestmark = pytest.mark.usefixtures("no_window_system")
RNG = np.random.default_rng(0)
COST = jnp.asarray([[3.0, np.inf], [1.0, np.inf], [np.inf, np.inf], [1.04, np.inf], [1e40, np.inf]])
STATUS = jnp.where(jnp.isfinite(COST), FitStatus.CONVERGED, FitStatus.SOLVE_FAILED)
STARTS = Starts(COST, STATUS, jnp.full((5, 2), 10), jnp.zeros((5, 2), int), jnp.zeros((1, 5, 2)))


class Nothing(AbstractProblem):
    """Names without equations."""

    names: tuple[str, ...] = eqx.field(static=True, default=("a", "b"))
    lanes: int = eqx.field(static=True, default=1)
    informed: bool = eqx.field(static=True, default=False)

    def evaluate(self, z, memory=None):
        raise AssertionError("a picture solves nothing")

    def tiled(self, times):
        return self

    def values(self, z):
        return 10.0 * z


def profiles_of(code):
    """Profiles of a parabola of a, whose upper end has this code, and of a closed b."""
    fit = Fit(Nothing(), jnp.zeros((2, 1)), jnp.zeros(1), jnp.zeros(1, int), jnp.zeros(1, int), None, None, "given")
    at = np.stack([np.full((2, 1), -1.0), np.full((2, 1), 1.0)], axis=1)[None] * np.asarray([0.5, 1.0, 2.0])[:, None, None, None]
    codes = np.zeros((2, 2, 1), int)
    codes[0, 1, 0] = code
    end = np.where(codes == End.CLOSED, np.asarray([-1.96, 1.96])[None, :, None], np.nan)
    return Profiles(fit, 0.95, 6.0, at, 0.5 * at**2, end, codes, np.zeros((2, 1)))


def spectrum_of(known):
    values = jnp.asarray([[40.0], [0.0]]) if known else jnp.full((2, 1), jnp.nan)
    turned = jnp.asarray([[0.6, 0.8], [0.8, -0.6]])[..., None]
    return Spectrum(values, turned, jnp.asarray([1 if known else -1]), jnp.asarray([known]), ("a", "b"), "gauss newton")


def predictive_of(solved):
    made = jnp.asarray(RNG.standard_normal((40, 5, 1)))
    there = jnp.full((40, 1), solved)
    observed = jnp.asarray([[0.1], [9.0], [-0.3], [0.0], [0.2]])
    below = jnp.asarray([[False], [False], [False], [False], [True]])
    return Predictive("assay", observed, ~below, below, jnp.zeros((40, 5, 1)), jnp.ones((40, 5, 1)), made, there)


def uniformity_of(failed):
    draws, truth = RNG.standard_normal((19, 1, 300)), RNG.standard_normal((1, 300))
    draws[0, 0, :failed] = np.nan
    return uniformity(ranks(draws, truth), 19, ("a",))


def words(figure):
    """All text of a figure, drawn first so that everything is in place."""
    figure.canvas.draw()
    found = [t.get_text() for t in figure.findobj(lambda a: hasattr(a, "get_text"))]
    return "\n".join(found)


HOLDS = np.asarray([[True, True, False, False]])
CHECK = VisualCheck(
    np.asarray([10.0, 50.0, 90.0]), 0.95, np.asarray([1.0, 2.0]), np.asarray([9, 9]),
    np.asarray([[1.0, 1.0], [2.0, 5.0], [3.0, 9.0]]), np.asarray([[0.5, 0.5], [1.5, 1.5], [2.5, 2.5]]),
    np.asarray([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]), np.asarray([[1.5, 1.5], [2.5, 2.5], [3.5, 3.5]]),
)  # fmt: skip
CASES = {
    "waterfall": (lambda: waterfall_figure(STARTS), ["1 not solved", "2 of 5 within 0.05", "3 of 5 within 2", "above 10000"]),
    "waterfall of failures": (lambda: waterfall_figure(STARTS, 1), ["5 not solved", "0 of 5 within 5"]),
    "waterfall to a known best": (lambda: waterfall_figure(STARTS, 0, np.asarray([0.0, 0.0])), ["the best known", "0 of 5 within 0.05"]),
    "convergence": (lambda: convergence_figure(convergence(STARTS), ["Ada", "Ben"]), ["within 0.05", "Ben", "none", "95 % intervals"]),
    "profiles": (lambda: profiles_figure(profiles_of(End.CLOSED)), ["a", "b", "95 % threshold"]),
    "open profile": (lambda: profiles_figure(profiles_of(End.OPEN)), ["open above"]),
    "unsolved profile": (lambda: profiles_figure(profiles_of(End.UNSOLVED)), ["unsolved above"]),
    "spectrum": (lambda: spectrum_figure(spectrum_of(True)), ["rank 1 of 2", "supported from 3 on", "squared loading"]),
    "no spectrum": (lambda: spectrum_figure(spectrum_of(False)), ["no spectrum"]),
    "contraction": (lambda: contraction_figure(np.asarray([[0.9, np.nan, 0.2], [0.8, np.nan, -3.0]]), ("a", "b")), ["1 of 3, 1 failed"]),
    "ranks": (lambda: ranks_figure(uniformity_of(0)), ["300 replicates, grey", "among 19 draws", "chi-square p"]),
    "ranks with failures": (lambda: ranks_figure(uniformity_of(30)), ["30 failed and counted"]),
    "pit": (lambda: pit_figure(np.append(RNG.uniform(size=50), np.nan), "assay"), ["50 readings", "99 % band"]),
    "coverage": (lambda: coverage_figure({0.8: coverage([(n, n % 5 > 0) for n in range(50)])}), ["50 intervals of 50 people", "80.0"]),
    "subgroups": (lambda: subgroups_figure(subgroup_coverage(HOLDS, ["f", "f", "m", "m"]), 0.95), ["2 intervals", "Wilson"]),
    "nobody": (lambda: subgroups_figure(subgroup_coverage(HOLDS, list("ffmm"), counted=HOLDS), 0.95), ["nothing counted"]),
    "predictive": (
        lambda: predictive_figure(predictive_of(True), 0, np.arange(5.0), time_unit="h", unit="mg/L"),
        ["time [h]", "assay [mg/L]", "outside 90 %", "below this limit", "40 of 40 draws solved"],
    ),
    "no predictive": (
        lambda: predictive_figure(predictive_of(False), 0, np.arange(5.0), time_unit="h", unit="mg/L"),
        ["no draw could be solved"],
    ),
    "visual check": (lambda: visual_check_figure(CHECK, time_unit="h", unit="mg/L"),
                     ["percentiles of readings [mg/L]", "95 % bands", "33 % of the points outside", "50 %"]),
    "prediction errors": (lambda: npde_figure(Npde(np.asarray([[0.1, -1.0, np.nan], [0.5, 1.2, -0.4]]), 1), np.arange(6.0).reshape(2, 3),
                          time_unit="h"), ["5 readings, 1 left out", "time [h]", "p = "]),
    "cost": (lambda: cost_figure({"glucose": GradientCost(4, 8, 1e-3, 2e-3, 2.5e-3)}), ["4 unknowns, 8 lanes, 1 ms", "differences"]),
    "crps": (lambda: crps_figure(np.asarray([1.0, 2.0, np.nan]), np.asarray([2.0, 1.0, 1.0]), "new", "old", "mg/L"),
             ["new better for 1 of 3, 1 without a score", "CRPS of old [mg/L]"]),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_picture_says_what_was_found(name):
    draw, wanted = CASES[name]
    figure = draw()
    said = words(figure)
    assert not [text for text in wanted if text not in said], said
    width, height = figure.canvas.get_width_height()
    for ax in (ax for ax in figure.axes if ax.get_visible() and ax.axison):
        box = ax.get_tightbbox()
        assert box.x0 >= -1 and box.y0 >= -1 and box.x1 <= width + 1 and box.y1 <= height + 1, f"cut off: {box}"


def test_an_open_end_has_no_line_down_to_the_axis():
    closed, opened = (profiles_figure(profiles_of(code)).axes[0] for code in (End.CLOSED, End.OPEN))
    ends = [sum(line.get_linestyle() == ":" for line in ax.lines) for ax in (closed, opened)]
    assert ends == [2, 1]


def test_a_share_off_its_level_is_marked():
    right, wrong = Coverage(0.8, 0.02, 100, 100), Coverage(0.6, 0.02, 100, 100)
    marks = [line.get_marker() for line in coverage_figure({0.8: right, 0.95: wrong}).axes[0].lines if line.get_marker() != "None"]
    assert marks == ["o", "D"]


def test_no_module_of_pictures_brings_a_window_system():
    program = (
        "import importlib, pkgutil, sys, experiments.plots, experiments.report\n"
        "for package in (experiments.plots, experiments.report):\n"
        "    for found in pkgutil.walk_packages(package.__path__, package.__name__ + '.'):\n"
        "        importlib.import_module(found.name)\n"
        "assert 'matplotlib.figure' in sys.modules and 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)

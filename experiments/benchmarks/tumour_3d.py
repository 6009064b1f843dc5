"""A tumour on an atlas of the brain: recovery of its parameters, gradients, speed.

(a) Five scans of a tumour on the grid that fits them, without noise: error of diffusivity, growth, radiosensitivity and drug
effect after eight Gauss-Newton steps from the medians of the priors.
(b) Virtual people made on a finer grid by another scheme, with noise of 5 %: bias and coverage, for wide and narrow fronts.

Gradients: of the squared cells at the scans, by all six scalars of the model in reverse mode, beside one solve and against
Richardson-extrapolated differences. Speeds: forward Euler in float64 beside NumPy and C on the same arrays, whose results are
compared. The head: 270 d in steps of half a day, float32, 30 fractions and 74 doses.

Units: 1, s, 1/s, MiB. Without the atlas a ball of shells is used, and the run of the head left out.
"""

import dataclasses
import time
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from calibration.calibrator import started, stepped
from calibration.tumours.gauss_newton import GaussNewton
from calibration.tumours.image_problem import ImageProblem
from calibration.tumours.start import FromScan, Seed
from experiments.benchmarks.contract import Baseline, Figure, Result, Target, measure
from experiments.problems import glioma_coverage
from experiments.problems.brain_labels import brain_labels, cropped, white_places
from experiments.problems.glioma_cohort import people
from experiments.problems.glioma_course import COURSE, UNKNOWNS
from experiments.problems.stencils import gcc_step, numpy_step, updates_a_second
from experiments.problems.whole_head import HEAD, head_figures
from physio.fields import Checkpointed, Forward, ForwardEuler, Heun, solve_field
from physio.tumours.infiltration import Brain, Infiltration
from physio.tumours.reaction_diffusion import ReactionDiffusion
from physio.tumours.treated_field import Drug

SEED = 17
STEPS = 8
TRUTH = (0.05, 0.1, 0.05, 0.02)
SCALARS = (0.06, 0.12, 0.03, 0.4, 0.05, 0.05)
REVERSE = "gradient of all scalars, reverse, over one solve"


def run(data: Path | None, quick: bool) -> Result:
    """Quick: crops of 24 and 32 cells, two people on 16 cells, no head."""
    labels, atlas = brain_labels(data)
    place = white_places(labels, 64 if atlas else 32, 1, np.random.default_rng(SEED))[0]
    recovered, error, fit_s = _same_grid(labels, place, 24 if quick else 48)
    gradient, compile_s = _gradient(cropped(labels, place, 32 if quick else 64))
    cohort = people(labels, 16 if quick else 24, 2 if quick else 100, SEED)
    speed, baselines, apart = _speeds(cropped(labels, place, 32 if quick else 64))
    figures = [
        Figure("brain is the atlas", atlas, "1"),
        *recovered,
        Figure("eight steps of Gauss-Newton, compilation left out", fit_s, "s"),
        *gradient,
        *speed,
        Figure("40 steps beside NumPy and one beside C, largest difference", apart, "1"),
        *glioma_coverage.figures(cohort),
    ]
    named = {f.figure: f.value for f in figures}
    targets = [
        Target.at_most(f"(a) largest parameter error after {STEPS} steps", error, 3e-4, "1"),
        Target.at_most(REVERSE, named[REVERSE], 4.0, "1"),
        Target.at_most("gradient against differences", named["gradient against differences"], 1e-5, "1"),
        glioma_coverage.target(cohort, quick),
    ]  # fmt: skip
    if jax.default_backend() == "cpu":
        targets.append(Target.not_run(f"{HEAD}, on a GPU", "memory and time", "no GPU"))
    if quick or not atlas:
        targets.append(Target.not_run(HEAD, "memory and time", "the quick run leaves it out" if quick else "no atlas"))
    else:
        figures += head_figures(labels, place)
    return Result(
        "tumour-3d", figures, targets, "float64", compile_s, error, "largest relative parameter error of (a)", baselines
    )


def _same_grid(labels: np.ndarray, place: tuple[int, ...], size: int) -> tuple[list[Figure], float, float]:
    """Figures, the largest error after all steps, and seconds of the steps."""
    brain = Brain.of(cropped(labels, place, size), (1.0, 1.0, 1.0))
    grid = brain.domain.grid
    first = brain.domain.kept(Seed((size / 2.0,) * 3).cells(grid, {}))
    empty = jnp.zeros((len(COURSE.at) - 1, *grid.shape))
    problem = ImageProblem(brain, FromScan(first), empty, 1.0, None, COURSE, UNKNOWNS, 0.5, Heun(), informed=False)
    truth = jnp.asarray(TRUTH)
    made = eqx.filter_jit(lambda p, z: p.predict(z)[0])(problem, problem.unknowns(truth))
    problem = dataclasses.replace(problem, measured=made)
    seconds = []
    for _ in range(2):
        began = time.perf_counter()
        state, errors = started(GaussNewton(), problem, jnp.zeros((len(UNKNOWNS), 1))), []
        for _ in range(STEPS):
            state = stepped(GaussNewton(), problem, state)
            errors.append(np.abs(np.asarray(problem.values(state.z))[:, 0] / np.asarray(truth) - 1.0))
        seconds.append(time.perf_counter() - began)
    enough = [k + 1 for k, e in enumerate(errors) if e.max() <= 3e-4]
    last = zip(UNKNOWNS, errors[-1], strict=True)
    figures = [Figure(f"(a) error of {name} after {STEPS} steps", float(e), "1") for name, e in last]
    figures.append(Figure("(a) steps to 0.03 %", enough[0] if enough else None, "1"))
    return figures, float(errors[-1].max()), seconds[1]


def _gradient(labels: np.ndarray) -> tuple[list[Figure], float]:
    """Figures, and seconds of compilation."""
    brain = Brain.of(labels, (1.0, 1.0, 1.0))
    cells = brain.domain.kept(Seed((labels.shape[0] / 2.0,) * 3).cells(brain.domain.grid, {}))
    schedule = COURSE.schedule()

    def value(p, adjoint, method):
        model = ReactionDiffusion(
            Infiltration(p[0], p[1]).operator(brain), {"temozolomide": Drug(p[2], p[3])}, growth=p[4], radiosensitivity=p[5]
        )
        path = solve_field(model, model.start(cells), schedule, at=COURSE.at, step=0.5, method=method, adjoint=adjoint)
        return (path.seen.cells**2).sum()

    at = jnp.asarray(SCALARS)

    def solved(method):
        return lambda p: value(p, Forward(), method)

    def reverse(method):
        return jax.grad(lambda p: value(p, Checkpointed(16), method))

    once, slopes = measure(solved(Heun()), at, repeats=3), measure(reverse(Heun()), at, repeats=3)
    along = measure(jax.jacfwd(solved(Heun())), at, repeats=1)
    euler, euler_slopes = measure(solved(ForwardEuler()), at, repeats=3), measure(reverse(ForwardEuler()), at, repeats=3)
    figures = [
        Figure("one solve", once.run_s, "s"),
        Figure(REVERSE, slopes.run_s / once.run_s, "1"),
        Figure("gradient of all scalars, forward mode, over one solve", along.run_s / once.run_s, "1"),
        Figure("gradient against differences", _difference(solved(Heun()), at, slopes.result), "1"),
        Figure("one solve, forward Euler", euler.run_s, "s"),
        Figure(f"{REVERSE}, forward Euler", euler_slopes.run_s / euler.run_s, "1"),
    ]
    return figures, sum(m.compile_s for m in (once, slopes, along, euler, euler_slopes))


def _difference(value, at, slopes) -> float:
    """Largest relative difference from central differences, extrapolated once."""
    value, worst = jax.jit(value), 0.0
    for k in range(at.size):
        e = 1e-3 * at[k] * jnp.eye(at.size)[k]
        near, far = ((value(at + c * e) - value(at - c * e)) / (2 * c * 1e-3 * at[k]) for c in (1.0, 2.0))
        rough = float((4.0 * near - far) / 3.0)
        worst = max(worst, abs(float(slopes[k]) - rough) / abs(rough))
    return worst


def _speeds(labels: np.ndarray) -> tuple[list[Figure], list[Baseline], float]:
    brain = Brain.of(labels, (1.0, 1.0, 1.0))
    operator = Infiltration(0.1, 0.1).operator(brain)
    cells = brain.domain.kept(Seed((labels.shape[0] / 2.0,) * 3).cells(brain.domain.grid, {}))
    model, steps, dt, rate = ReactionDiffusion(operator, growth=0.05), 40, 0.5, 0.05

    def solved(cells):
        return solve_field(model, model.start(cells), at=(0.0, dt * steps), step=dt, method=ForwardEuler()).seen.cells[-1]

    ours = measure(solved, cells)
    faces, u = tuple(np.ascontiguousarray(f) for f in operator.faces), np.ascontiguousarray(cells)
    other = u
    for _ in range(steps):
        other = numpy_step(other, faces, dt, rate)
    apart = float(np.abs(np.asarray(ours.result) - other).max())
    figures = [Figure("voxel-updates a second, forward Euler, float64", steps * u.size / ours.run_s, "1/s")]
    baselines = [Baseline("voxel-updates a second, NumPy", updates_a_second(numpy_step, u, faces, dt, rate, 5), "1/s")]
    compiled = gcc_step()
    if compiled is None:
        baselines.append(Baseline("voxel-updates a second, gcc: not installed", None, "1/s"))
        return figures, baselines, apart
    apart = max(apart, float(np.abs(compiled(u, faces, dt, rate) - numpy_step(u, faces, dt, rate)).max()))
    fast = updates_a_second(compiled, u, faces, dt, rate, steps)
    baselines.append(Baseline("voxel-updates a second, C by gcc -O3", fast, "1/s"))
    return figures, baselines, apart

"""Cohorts on a GPU: one thread for each lane against a general solver under ``vmap``, on the same GPU.

Lorenz (rho 0 to 21, t 0 to 1, float32, rtol = atol = 1e-5) by ``Tsit5Kernel`` and the stiff van der Pol (mu 500 to 1500, t 0
to 2000, float64, rtol 1e-6) by ``Rodas4`` in lanes; value and gradient of 24 unknowns of the Regazzoni circulation (one beat,
float64). The kernel's results are compared with those of the XLA path. Operations of a step are counted in the emitted text.
Without a GPU everything is reported as not run.
"""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np

from experiments.benchmarks.contract import Baseline, Figure, Result, Target, measure
from experiments.problems.ode_baselines import Case, vmapped
from experiments.problems.ode_cases import lorenz, van_der_pol
from experiments.problems.varied import varied
from physio.bodies.regazzoni import regazzoni
from physio.component import cast
from physio.schedule import nothing
from physio.solve import Rodas4, Tsit5, Tsit5Kernel, solve
from physio.solve.kernel.model import emitted
from physio.solve.kernel.segment import model_of
from physio.solve.plan import arrivals, plan_of
from physio.system import System

LANES, STIFF, PEOPLE = 1_000_000, 100_000, 100_000
NONSTIFF_FIGURE = "Lorenz, speed against diffrax.Tsit5 under vmap"
STIFF_FIGURE = "van der Pol, speed against diffrax.Kvaerno5 under vmap"
GRADIENT_FIGURE = "Regazzoni, value and gradient of 24 unknowns over the primal"
PEAK_FIGURE = "Lorenz, fraction of the peak in float32"
# operations a second in float32, as the maker states them for the SXM cards
PEAK = {"H100": 67e12, "H200": 67e12, "A100": 19.5e12, "V100": 15.7e12}


def run(data: str | None, quick: bool) -> Result:
    asked = ((NONSTIFF_FIGURE, ">= 30"), (STIFF_FIGURE, ">= 200"), (GRADIENT_FIGURE, "<= 3"), (PEAK_FIGURE, "stated"))
    if jax.default_backend() != "gpu":
        why = f"no GPU: JAX computes on {jax.default_backend()}"
        return _result([], [], [Target.not_run(figure, bound, why) for figure, bound in asked], None, 0.0)
    scale = 16 if quick else 1
    return measured(LANES // scale, STIFF // scale, PEOPLE // scale)


def measured(lanes: int, stiff: int, people: int) -> Result:
    """All figures, whatever JAX computes on."""
    figures, baselines, targets = [], [], []
    case = Case("Lorenz", cast(lorenz(), jnp.float32), _spread("case.rho", 0.0, 21.0, lanes), 1.0, 1.0)
    speed, compile_s, apart, each = _nonstiff(case, figures, baselines)
    targets.append(Target.at_least(NONSTIFF_FIGURE, speed, 30.0, ""))
    kind = jax.devices()[0].device_kind
    peak = next((rate for name, rate in PEAK.items() if name in kind), None)
    if peak is None:
        targets.append(Target.not_run(PEAK_FIGURE, "stated", f"the peak of '{kind}' is not known here"))
    else:
        share = _operations(case) / each / peak
        figures.append(Figure(PEAK_FIGURE, share, "1"))
        targets.append(Target(PEAK_FIGURE, "stated", share, True))
    speed = _stiff(stiff, figures, baselines)
    targets.append(Target.at_least(STIFF_FIGURE, speed, 200.0, ""))
    ratio = _gradient(people, figures)
    targets.append(Target.at_most(GRADIENT_FIGURE, ratio, 3.0, ""))
    return _result(figures, baselines, targets, apart, compile_s)


def _spread(address: str, low: float, high: float, lanes: int) -> dict[str, np.ndarray]:
    return {address: np.linspace(low, high, lanes).astype(np.float32)}


def _nonstiff(case: Case, figures: list, baselines: list) -> tuple[float, float, float, float]:
    """Speed against diffrax, seconds of compilation, distance from the XLA path, seconds per lane and step."""

    def own(values):
        path = case.final(values, Tsit5Kernel(1e-5, 1e-5))
        return path.final, path.steps

    ours = measure(own, case.values)
    final, steps = (np.asarray(x) for x in ours.result)
    xla = np.asarray(jax.jit(lambda v: case.final(v, Tsit5(1e-5, 1e-5)).final)(case.values))
    apart = float((np.abs(final - xla) / np.abs(xla).max(axis=1, keepdims=True)).max())
    theirs = measure(lambda v: vmapped(case, diffrax.Tsit5())(v, 1e-5), case.values, repeats=3)
    each = ours.run_s / float(steps.sum())
    figures += [
        Figure(NONSTIFF_FIGURE, theirs.run_s / ours.run_s, "1"),
        Figure("Lorenz, ns per trajectory and step", 1e9 * each, "ns"),
        Figure("Lorenz, kernel against XLA path, largest difference", apart, "1"),
    ]
    baselines.append(Baseline("Lorenz, diffrax.Tsit5 under vmap, ms", 1e3 * theirs.run_s, "ms"))
    return theirs.run_s / ours.run_s, ours.compile_s, apart, each


def _operations(case: Case) -> int:
    """Floating-point operations of one step of one lane: six rates and the sums over stages."""
    system = System.of(case.body, 1)
    plan = plan_of(system, (), arrivals(system, nothing()), jnp.ones((1, 1), system.dtype), jnp.zeros((1,), system.dtype))
    model = model_of(system, plan)
    # 21 weights of stages and of the new state, 7 of the error: a product and a sum each, and the scaled norm
    return 6 * emitted(model).operations + model.states * (2 * 21 + 2 * 7 + 8)


def _stiff(lanes: int, figures: list, baselines: list) -> float:
    case = Case("van der Pol", van_der_pol(), {"case.mu": np.linspace(500.0, 1500.0, lanes)}, 2000.0, 1e-2)
    ours = measure(lambda v: case.final(v, Rodas4(1e-6, 1e-8, max_steps=1_000_000)).final, case.values, repeats=3)
    few = Case(case.name, case.body, {"case.mu": case.values["case.mu"][:: max(lanes // 10_000, 1)]}, case.end, case.atol)
    theirs = measure(lambda v: vmapped(few, diffrax.Kvaerno5())(v, 1e-6), few.values, repeats=1)
    speed = (theirs.run_s / few.lanes) / (ours.run_s / lanes)
    figures.append(Figure(STIFF_FIGURE, speed, "1"))
    baselines.append(Baseline("van der Pol, diffrax.Kvaerno5 under vmap, us a lane", 1e6 * theirs.run_s / few.lanes, "us"))
    return speed


def _gradient(people: int, figures: list) -> float:
    body = regazzoni()
    addresses, values = varied(body, people)
    method = Tsit5Kernel(1e-6, 1e-6, rows=512)

    def loss(values):
        there = body.with_values(dict(zip(addresses, values, strict=True)))
        return (solve(there, at=jnp.asarray([1.0]), lanes=people, method=method).final ** 2).sum()

    primal = measure(loss, values, repeats=3)
    both = measure(jax.value_and_grad(loss), values, repeats=3)
    figures += [
        Figure(GRADIENT_FIGURE, both.run_s / primal.run_s, "1"),
        Figure("Regazzoni, a beat, us a person", 1e6 * primal.run_s / people, "us"),
    ]
    return both.run_s / primal.run_s


def _result(figures, baselines, targets, error, compile_s) -> Result:
    return Result(
        name="solver-gpu",
        figures=figures,
        targets=targets,
        precision="float32",
        compile_s=compile_s,
        achieved_error=error,
        error_meaning="largest difference of the kernel from the XLA path, as a share of the state's largest value",
        baselines=baselines,
    )

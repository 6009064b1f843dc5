"""The same equations by other solvers: a general solver under ``vmap``, SciPy person by person, and the same steps in C.

Every solver is run at the loosest tolerance of a ladder from which on its largest error is within the common one.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from scipy.integrate import solve_ivp

from physio.body import Body
from physio.schedule import Schedule, nothing
from physio.solve import Diffrax, Tsit5, solve
from physio.solve.kernel.gcc import compiled
from physio.solve.kernel.segment import given, model_of
from physio.solve.plan import arrivals, plan_of
from physio.system import System

# three to a decade, or the ladder decides who is faster
LADDER = tuple(10.0 ** (-k / 3.0) for k in range(3, 37))


@dataclass(frozen=True)
class Case:
    """A body, the numbers in which lanes differ, the end of time, and atol as a share of rtol.

    ``values``  address -> (lanes,)
    ``start``   (states,) replaces the body's rest
    """

    name: str
    body: Body
    values: dict[str, np.ndarray]
    end: float
    atol: float
    schedule: Schedule | None = None
    start: np.ndarray | None = None

    @property
    def lanes(self) -> int:
        return len(next(iter(self.values.values())))

    def every(self, stride: int) -> dict[str, np.ndarray]:
        """The values of every so many lanes."""
        return {address: value[::stride] for address, value in self.values.items()}

    def final(self, values, method, **options):
        """(states, lanes) at the end, by the cohort solver."""
        there = self.body.with_values(values)
        return solve(
            there,
            self.schedule,
            at=jnp.asarray([self.end]),
            start=self.start,
            lanes=self.lanes,
            method=method,
            **options,
        )


def vmapped(case: Case, solver: diffrax.AbstractSolver) -> Callable:
    """The solve of a general solver for one person, under ``vmap``: (values, rtol) -> (states, lanes)."""

    def one(value, rtol):
        method = Diffrax(solver, rtol, rtol * case.atol, max_steps=100_000, adjoint=diffrax.ForwardMode())
        there = case.body.with_values(value)
        return solve(there, case.schedule, at=jnp.asarray([case.end]), start=case.start, method=method).final

    return jax.vmap(one, in_axes=(0, None), out_axes=-1)


def in_c(case: Case, rtol: float, order: np.ndarray) -> tuple[np.ndarray, float]:
    """``(states (states, lanes), seconds)`` of Tsit5 written as C, eight lanes side by side, lanes sorted by ``order``.

    NoCompiler where there is no gcc. The text is emitted from the body's own jaxpr.
    """
    lanes = case.lanes
    system = System.of(case.body.with_values(case.values), lanes)
    at = jnp.full((1, lanes), case.end)
    plan = plan_of(system, (), arrivals(system, nothing()), at, jnp.zeros((lanes,)))
    kernel = compiled(model_of(system, plan), width=8)
    place = np.argsort(order, kind="stable")
    start = np.asarray(system.rest())[:, place]
    p = np.asarray(given(system, plan.columns(plan.table[:, 0])))[:, place]
    first = Tsit5().first_step / case.end

    def solved():
        return kernel.solve(start, p, 0.0, 1.0, rtol=rtol, atol=rtol * case.atol, first_step=first).y

    final = np.empty_like(start)
    final[:, place] = solved()
    seconds = []
    for _ in range(5):
        began = time.perf_counter()
        solved()
        seconds.append(time.perf_counter() - began)
    return final, sorted(seconds)[2]


def by_lsoda(case: Case, rates: Callable, slopes: Callable, values: np.ndarray, rtol: float) -> np.ndarray:
    """(states, lanes) by SciPy's LSODA, one person after the other; plain Python ``rates(y, value)`` and their Jacobian."""
    start = np.asarray(System.of(case.body, 1).rest()[:, 0]) if case.start is None else case.start
    ends = [
        solve_ivp(
            lambda t, y, v=value: rates(y, v),
            (0.0, case.end),
            start,
            "LSODA",
            rtol=rtol,
            atol=rtol * case.atol,
            jac=lambda t, y, v=value: slopes(y, v),
        ).y[:, -1]
        for value in values
    ]
    return np.stack(ends, axis=-1)


def loosest(final: Callable, truth: np.ndarray, bound: float) -> tuple[float, float]:
    """``(rtol, error)``: the first of three in a row on the ladder whose largest errors, relative to each state's range, are
    within bound. Errors change their sign on the way, and one alone may be small by chance.
    """
    errors: list[float] = []
    for rtol in LADDER:
        errors.append(worst(np.asarray(final(rtol)), truth))
        if len(errors) >= 3 and max(errors[-3:]) <= bound:
            return LADDER[len(errors) - 3], errors[-3]
    raise ValueError(f"no tolerance down to {LADDER[-1]:g} brings the error within {bound:g}: it is {errors[-1]:.3g}")


def worst(found: np.ndarray, truth: np.ndarray) -> float:
    """Largest error of a lane, as a share of each state's largest value."""
    return float((np.abs(found - truth) / np.abs(truth).max(axis=1, keepdims=True)).max())

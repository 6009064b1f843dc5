"""The same equations by other solvers: a general solver under ``vmap``, and SciPy person by person.

Every solver is run at the loosest tolerance of a ladder at which its largest error is within the common one.
"""

from collections.abc import Callable
from dataclasses import dataclass

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from scipy.integrate import solve_ivp

from physio.body import Body
from physio.schedule import Schedule
from physio.solve import Diffrax, solve
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
    """``(rtol, error)``: the first of the ladder whose largest error, relative to each state's range, is within bound."""
    scale = np.abs(truth).max(axis=1, keepdims=True)
    for rtol in LADDER:
        error = float((np.abs(np.asarray(final(rtol)) - truth) / scale).max())
        if error <= bound:
            return rtol, error
    raise ValueError(f"no tolerance down to {LADDER[-1]:g} brings the error within {bound:g}: it is {error:.3g}")

"""Fronts, cosine modes and mass of a tumour's field against closed forms.

KPP fronts     speed of N = 1/2 against 2 sqrt(D rho) with the correction for a young front: in units of D = rho = 1
               c(t) = 2 - 3 / (2 t) + 3 sqrt(pi) / (2 t^(3/2)), measured between rho t = 100 and 120
on the grid    the same with the slowest speed that the scheme itself allows: least of log(g(s)) / (s dt) over the steepness s,
               g what one step of the scheme multiplies exp(-s x) with; the correction, of 0.7 %, is that of the continuum
exact front    Ablowitz and Zeppetella: u = (1 + exp((x - 5 t / sqrt 6) / sqrt 6))^-2, error at t = 1 on 320 and 640 cells
cosine modes   exp(-D (n pi / L)^2 t) in a box, error on 16 and 32 cells
mass           after 200 steps in a random mask, relative to the start

Sources: M. Bramson, Mem. Am. Math. Soc. 44:285 (1983); U. Ebert, W. van Saarloos, Physica D 146:1-99 (2000); M. J. Ablowitz,
A. Zeppetella, Bull. Math. Biol. 41:835-840 (1979).
"""

import math
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from scipy.optimize import minimize_scalar

from experiments.benchmarks.contract import Figure, Target
from physio.fields import (
    Domain, ExactCosine, Grid, Heun, NoReaction, Stabilised, Strang, TissueDiffusion, UniformDiffusion, solve_field,
)  # fmt: skip
from physio.tumours.reaction_diffusion import ReactionDiffusion

# D [mm2/d], rho [1/d]: fast, slow, and one measured in people
CASES = ((0.05, 0.1), (0.025, 0.05), (0.13, 0.012))
YOUNG, OLD = 100.0, 120.0
_SOLVE = eqx.filter_jit(lambda model, u, at, step, method: solve_field(model, u, at=at, step=step, method=method).seen)


class Front(NamedTuple):
    """Speeds [mm/d]: measured, and expected of the continuum and of the grid."""

    measured: float
    continuum: float
    grid: float


def rows(quick: bool) -> tuple[list[Figure], list[Target]]:
    """What was measured, and what was asked."""
    figures, targets = [], []
    for diffusivity, rate in CASES[: 1 if quick else None]:
        name = f"front speed at D {diffusivity:g} mm2/d, rho {rate:g} /d"
        # half a front's width to a cell, and a cell of 1 mm as in an image
        fine = front(diffusivity, rate, 0.5 * math.sqrt(diffusivity / rate), 4)
        figures.append(Figure(f"{name}, 2 sqrt(D rho)", 2.0 * math.sqrt(diffusivity * rate), "mm/d"))
        targets.append(Target.within(name, fine.measured, fine.continuum, 0.01, "mm/d"))
        image = front(diffusivity, rate, 1.0, 2)
        figures.append(Figure(f"{name}, on cells of 1 mm, order 2", image.measured, "mm/d"))
        figures.append(Figure(f"{name}, on cells of 1 mm, of the continuum", image.continuum, "mm/d"))
        targets.append(Target.within(f"{name}, on cells of 1 mm, of the grid", image.measured, image.grid, 0.01, "mm/d"))
    for order in (2, 4, 6):
        errors = [exact_front_error(n, order) for n in (320, 640)]
        figures.append(Figure(f"exact front, error of order {order} on 640 cells", errors[1], "1"))
        targets.append(_order(f"exact front, order {order}", errors, order))
        errors = [cosine_error(n, order) for n in (16, 32)]
        targets.append(_order(f"cosine mode, order {order}", errors, order))
    targets.append(_order("exact front, order in time of Strang splitting", [split_error(k) for k in (1, 2)], 2))
    targets.append(Target.at_most("mass lost in a random mask", mass_lost(), 1e-10, "1"))
    return figures, targets


def front(diffusivity: float, rate: float, spacing: float, order: int) -> Front:
    """A front on a line: from a step of cells at the left end."""
    width, end = math.sqrt(diffusivity / rate), OLD / rate
    cells = int((2.2 * end * math.sqrt(diffusivity * rate) + 40.0 * width) / spacing)
    grid = Grid((cells,), (spacing,))
    method = Heun()
    operator = UniformDiffusion(Domain(grid), diffusivity, order)
    model = ReactionDiffusion(operator, growth=rate)
    step = min(0.02 / rate, 0.9 * float(method.limit(model)))
    at = np.concatenate([[0.0], np.linspace(YOUNG, OLD, 41) / rate])
    start = model.start(jnp.where(jnp.arange(cells) * spacing < 5.0 * width, 1.0, 0.0))
    seen = np.asarray(_SOLVE(model, start, tuple(at.tolist()), step, method).cells)[1:]
    x = np.asarray(grid.centres(0))
    places = [_halfway(x, u) for u in seen]
    # over a whole number of cells at least: a front hops from cell to cell
    measured = float(np.polyfit(at[1:], places, 1)[0])
    young = 0.5 * (YOUNG + OLD)
    correction = 1.0 - 0.75 / young + 0.75 * math.sqrt(math.pi) / young**1.5
    length = (at[1] - at[0]) / math.ceil((at[1] - at[0]) / step)
    slowest = grid_speed(diffusivity, rate, spacing, order, length)
    return Front(measured, 2.0 * math.sqrt(diffusivity * rate) * correction, slowest * correction)


def grid_speed(diffusivity: float, rate: float, spacing: float, order: int, dt: float) -> float:
    """The slowest front of Heun's method on a line [mm/d]."""

    def speed(steepness: float) -> float:
        s = -4.0 * math.sinh(0.5 * steepness * spacing) ** 2
        along = sum(c * s ** (k + 1) for k, c in enumerate((1.0, 1.0 / 12.0, 1.0 / 90.0)[: order // 2]))
        rates = rate - diffusivity / spacing**2 * along
        return math.log(1.0 + dt * rates + 0.5 * (dt * rates) ** 2) / (steepness * dt)

    near = math.sqrt(rate / diffusivity)
    return float(minimize_scalar(speed, bounds=(0.02 * near, 3.0 * near), method="bounded", options={"xatol": 1e-10}).fun)


def _halfway(x: np.ndarray, u: np.ndarray) -> float:
    """Where the front crosses 1/2, between two cells."""
    last = int(np.flatnonzero(u > 0.5)[-1])
    # straight in logit, as the profile nearly is
    a, b = (math.log(v / (1.0 - v)) for v in u[last : last + 2])
    return float(x[last] + (x[1] - x[0]) * a / (a - b))


def exact_front_error(cells: int, order: int, step: float | None = None) -> float:
    """Largest error at t = 1; steps shrink with h^(order/2), so that a method of order 2 in time shows the order in space."""
    spacing = 160.0 / cells
    grid = Grid((cells,), (spacing,))
    x = np.asarray(grid.centres(0)) - 80.0
    model = ReactionDiffusion(UniformDiffusion(Domain(grid), 1.0, order), growth=1.0)
    step = 0.2 * spacing ** (order // 2) if step is None else step
    seen = _SOLVE(model, model.start(jnp.asarray(_wave(x, 0.0))), (0.0, 1.0), step, Strang(ExactCosine()))
    return float(np.abs(np.asarray(seen.cells)[-1] - _wave(x, 1.0)).max())


def split_error(halvings: int) -> float:
    """The error of steps of 1/16 and 1/32 on a grid whose own error does not show."""
    return exact_front_error(400, 6, 1.0 / (8.0 * 2**halvings))


def _wave(x: np.ndarray, t: float) -> np.ndarray:
    return (1.0 + np.exp((x - 5.0 * t / math.sqrt(6.0)) / math.sqrt(6.0))) ** -2


def cosine_error(cells: int, order: int) -> float:
    """Of a mode in a box of 16 x 8 mm after 3 d, exact in time: what is left is space."""
    grid = Grid((cells, 4), (16.0 / cells, 2.0))
    mode = np.cos(2.0 * math.pi * np.asarray(grid.centres(0)) / 16.0) * np.ones((1, 4))
    model = NoReaction(UniformDiffusion(Domain(grid), 0.8, order))
    seen = _SOLVE(model, jnp.asarray(mode), (0.0, 3.0), 3.0, Strang(ExactCosine()))
    return float(np.abs(np.asarray(seen)[-1] - mode * math.exp(-3.0 * 0.8 * (2.0 * math.pi / 16.0) ** 2)).max())


def mass_lost() -> float:
    random = np.random.default_rng(5)
    grid = Grid((14, 13, 12), (1.0, 1.0, 1.5))
    domain = Domain(grid, random.random(grid.shape) < 0.7)
    operator = TissueDiffusion.of(domain, jnp.asarray(0.02 + 0.2 * random.random(grid.shape)))
    start = domain.kept(jnp.asarray(random.random(grid.shape)))
    seen = np.asarray(_SOLVE(NoReaction(operator), start, (0.0, 100.0), 0.5, Strang(Stabilised(3))))
    return float(abs(seen[-1].sum() - seen[0].sum()) / seen[0].sum())


def _order(name: str, errors: list[float], order: int) -> Target:
    return Target.between(name, math.log2(errors[0] / errors[1]), order - 0.15, order + 0.15, "1")

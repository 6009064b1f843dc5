"""A trust region inside the problem's bounds, every lane with its own radius, curvature and acceptance.

    cost = -log p,    gradient = J'r,    curvature = J'J  or  a secant approximation B

Two quadratics stand ready: Gauss and Newton's, and one kept by the BFGS update, which knows the curvature of the model that J'J
leaves out. The next step is taken by the one that foretold the last decrease better; where that is J'J, the secant
approximation begins again from it. So nearly linear problems keep J'J, and bent valleys with large residuals get B.

A trial costs one solve without derivatives; derivatives are taken where it was accepted. Lanes that need no evaluation have z = nan
there, which a problem may leave unsolved.

Steps: ``calibration.reflective``. Hybrids: R. Fletcher, C. Xu, IMA J. Numer. Anal. 7:371-389 (1987); choice of the model by its
last forecast: J. E. Dennis, D. M. Gay, R. E. Welsch, ACM Trans. Math. Softw. 7:348-368 (1981).
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

from calibration.calibrator import AbstractCalibrator
from calibration.fit import Fit, FitStatus
from calibration.problem import AbstractProblem, linearize
from calibration.reflective import propose
from physio.solve import Status

_SMALLEST_RADIUS = 1e-9
_INSIDE = 1e-8


class _State(NamedTuple):
    z: Array
    cost: Array
    gradient: Array
    normal: Array
    secant: Array
    by_secant: Array
    radius: Array
    memory: Any
    reference: Array
    status: Array
    finished: Array
    iterations: Array
    derivatives: Array


class TrustRegion(AbstractCalibrator):
    """Bounded least squares with first derivatives and a secant correction.

    A lane has converged when the whole step of its quadratic, whatever the radius, promises to lower the cost by less than
    ``ftol (1 + |cost|)``. It has stalled when its radius has shrunk to nothing, or when ``patience`` iterations together
    lowered the cost by less than ``progress``.

    ``radius``  of the first step, in z scaled by the square root of the distance to the bounds
    """

    iterations: int = 200
    ftol: float = 1e-12
    radius: float = 1.0
    patience: int = 25
    progress: float = 1e-9

    def limit(self) -> int:
        return self.iterations

    def done(self, state: _State) -> Array:
        return state.finished

    def init(self, problem: AbstractProblem, z: Array) -> _State:
        """Nothing is solved yet: the first step has no length and evaluates the start, moved inside the bounds."""
        unknowns, lanes = z.shape
        zero = jnp.zeros((lanes,), z.dtype)
        whole = jnp.zeros((lanes,), jnp.int32)
        square = jnp.zeros((unknowns, unknowns, lanes), z.dtype)
        memory = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), jax.eval_shape(problem.evaluate, z).memory)
        return _State(
            z=inside(problem, z),
            cost=zero + jnp.inf,
            gradient=jnp.zeros_like(z),
            normal=square,
            secant=square,
            by_secant=jnp.zeros((lanes,), bool),
            radius=zero + self.radius,
            memory=memory,
            reference=zero + jnp.inf,
            status=whole + FitStatus.ITERATION_LIMIT,
            finished=jnp.zeros((lanes,), bool),
            iterations=whole,
            derivatives=whole,
        )

    def step(self, problem: AbstractProblem, state: _State) -> _State:
        lower, upper = (x[:, None] for x in problem.bounds())
        active = ~state.finished
        first = ~(state.cost < jnp.inf)
        curvature = jnp.where(state.by_secant, state.secant, state.normal)
        wanted = propose(state.z, state.gradient, curvature, state.radius, lower, upper)
        settled = active & ~first & (wanted.whole <= self.ftol * (1.0 + jnp.abs(state.cost)))
        active = active & ~settled
        step = jnp.where(first, 0.0, wanted.step)
        trial = inside(problem, state.z + step)
        step = trial - state.z

        there = problem.evaluate(jnp.where(active, trial, jnp.nan), state.memory)
        cost = -there.log_density
        usable = active & (there.status == Status.OK) & (cost < jnp.inf)
        decrease = state.cost - cost
        promise = jnp.maximum(wanted.promise, 1e-300)
        # comparisons with nan are false: a lane without a finite cost rejects
        accept = usable & (first | (decrease > 1e-4 * promise))
        gain = jnp.where(first, 0.5, jnp.where(usable, decrease / promise, -1.0))
        at_edge = wanted.length > 0.8 * state.radius
        radius = jnp.where(gain < 0.25, 0.25 * jnp.minimum(wanted.length, state.radius), state.radius)
        radius = jnp.where((gain > 0.75) & at_edge, 2.0 * state.radius, radius)

        at_z, jacobian = linearize(problem, jnp.where(accept, trial, jnp.nan), there.memory)
        gradient = jnp.where(accept, jnp.einsum("rpl,rl->pl", jacobian, at_z.residuals), state.gradient)
        normal = jnp.where(accept, jnp.einsum("rpl,rql->pql", jacobian, jacobian), state.normal)
        sound = jnp.all(jnp.abs(gradient) < jnp.inf, axis=0) & jnp.all(jnp.abs(normal) < jnp.inf, axis=(0, 1))
        accept = accept & sound
        secant, by_secant = _hybrid(state, step, gradient, normal, decrease, first)

        unsolved = active & first & ~accept
        stuck = active & ~first & (radius < _SMALLEST_RADIUS)
        best = jnp.where(accept, cost, state.cost)
        iterations = state.iterations + active
        turn = active & (iterations % self.patience == 0)
        slow = turn & (state.reference - best < self.progress)
        code = jnp.where(settled, FitStatus.CONVERGED, jnp.where(stuck | slow, FitStatus.STALLED, state.status))
        code = jnp.where(unsolved, FitStatus.SOLVE_FAILED, code).astype(jnp.int32)

        def keep(new, old):
            return jnp.where(accept, new, old)

        return _State(
            z=keep(trial, state.z),
            cost=best,
            gradient=keep(gradient, state.gradient),
            normal=keep(normal, state.normal),
            secant=keep(secant, state.secant),
            by_secant=keep(by_secant, state.by_secant),
            radius=jnp.where(active, radius, state.radius),
            memory=jax.tree.map(lambda new, old: jnp.where(active, new, old), there.memory, state.memory),
            reference=jnp.where(turn, best, state.reference),
            status=code,
            finished=state.finished | settled | stuck | slow | unsolved,
            iterations=iterations,
            derivatives=state.derivatives + accept,
        )

    def finish(self, problem: AbstractProblem, state: _State) -> Fit:
        method = "trust region, Gauss-Newton and BFGS"
        return Fit(problem, state.z, state.cost, state.status, state.iterations, state.normal, None, method)


def inside(problem: AbstractProblem, z: Array) -> Array:
    """z moved strictly inside the bounds."""
    lower, upper = (x[:, None] for x in problem.bounds())
    width = jnp.where(upper - lower < jnp.inf, upper - lower, 1.0)
    return jnp.clip(z, lower + _INSIDE * width, upper - _INSIDE * width)


def _hybrid(state: _State, step: Array, gradient: Array, normal: Array, decrease: Array, first: Array) -> tuple[Array, Array]:
    """The secant approximation after a step (unknowns, unknowns, lanes), and whether the next step goes by it (lanes,)."""

    def foretold(curvature):
        return -(state.gradient * step).sum(0) - 0.5 * jnp.einsum("il,ijl,jl->l", step, curvature, step)

    by_normal, by_secant = foretold(state.normal), foretold(state.secant)
    better = ~first & (jnp.abs(decrease - by_secant) < jnp.abs(decrease - by_normal))
    base = jnp.where(better, state.secant, normal)
    change = gradient - state.gradient
    turned = jnp.einsum("ijl,jl->il", base, step)
    bend, old = (step * change).sum(0), (step * turned).sum(0)
    length = jnp.sqrt((step**2).sum(0) * (change**2).sum(0))
    good = ~first & (bend > 1e-8 * length) & (old > 0.0)
    bend, old = jnp.where(good, bend, 1.0), jnp.where(good, old, 1.0)
    updated = base + change[:, None] * change[None] / bend - turned[:, None] * turned[None] / old
    return jnp.where(good, updated, base), better & good

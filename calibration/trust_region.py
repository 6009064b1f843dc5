"""A trust region inside the problem's bounds, every lane with its own radius, curvature and acceptance.

    cost = -log p,    gradient = J'r,    curvature = J'J  or  a secant approximation B

Two quadratics stand ready: Gauss and Newton's, and one kept by the BFGS update, which knows the curvature of the model that J'J
leaves out. The next step is taken by the one that foretold the last decrease better; where that is J'J, the secant
approximation begins again from it. So nearly linear problems keep J'J, and bent valleys with large residuals get B.

A trial costs one solve without derivatives; derivatives are taken where it was accepted. Lanes that need no evaluation have z =
nan there, which a problem may leave unsolved.

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
from calibration.reflective import propose, whole_promise
from physio.solve import Status

_SMALLEST_RADIUS = 1e-9


class _State(NamedTuple):
    z: Array
    cost: Array
    residuals: Array
    jacobian: Array
    secant: Array
    by_secant: Array
    radius: Array
    memory: Any
    reference: Array
    status: Array
    finished: Array
    iterations: Array


class _Walk(NamedTuple):
    """Trials of one iteration: where each lane is, and whether it has moved and is over."""

    z: Array
    cost: Array
    residuals: Array
    jacobian: Array
    radius: Array
    memory: Any
    moved: Array
    over: Array


class TrustRegion(AbstractCalibrator):
    """Bounded least squares with first derivatives and a secant correction.

    A lane has converged when a Gauss-Newton step of any length promises to lower the cost by less than ``ftol (1 + |cost|)``.
    It has stalled when its radius has shrunk to nothing, or when ``patience`` iterations together lowered the cost by less than
    ``progress``.

    ``radius``  of the first step, in z scaled by the square root of the distance to the bounds
    ``trials``  steps that may be tried for one Jacobian
    """

    iterations: int = 200
    ftol: float = 1e-12
    radius: float = 1.0
    trials: int = 4
    patience: int = 25
    progress: float = 1e-9

    def limit(self) -> int:
        return self.iterations

    def done(self, state: _State) -> Array:
        return state.finished

    def init(self, problem: AbstractProblem, z: Array) -> _State:
        """Nothing is solved yet: the first step has no length and evaluates the start, moved into the bounds."""
        unknowns, lanes = z.shape
        zero = jnp.zeros((lanes,), z.dtype)
        whole = jnp.zeros((lanes,), jnp.int32)
        shapes = jax.eval_shape(problem.evaluate, z)
        memory = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes.memory)
        return _State(
            z=inside(problem, z),
            cost=zero + jnp.inf,
            residuals=jnp.zeros(shapes.residuals.shape, z.dtype),
            jacobian=jnp.zeros((shapes.residuals.shape[0], *z.shape), z.dtype),
            secant=jnp.zeros((unknowns, unknowns, lanes), z.dtype),
            by_secant=jnp.zeros((lanes,), bool),
            radius=zero + self.radius,
            memory=memory,
            reference=zero + jnp.inf,
            status=whole + FitStatus.ITERATION_LIMIT,
            finished=jnp.zeros((lanes,), bool),
            iterations=whole,
        )

    def step(self, problem: AbstractProblem, state: _State) -> _State:
        lower, upper = (x[:, None] for x in problem.bounds())
        first = ~(state.cost < jnp.inf)
        extra = jnp.where(state.by_secant, state.secant - _normal(state.jacobian), 0.0)

        def trial(_, now: _Walk) -> _Walk:
            active = ~now.over
            wanted = propose(now.z, _slope(now), _normal(now.jacobian) + extra, now.radius, lower, upper)
            z = inside(problem, now.z + jnp.where(first, 0.0, wanted.step))
            step = z - now.z
            there = problem.evaluate(jnp.where(active, z, jnp.nan), now.memory)
            cost = -there.log_density
            usable = active & (there.status == Status.OK) & (cost < jnp.inf)
            decrease = now.cost - cost
            promise = jnp.maximum(wanted.promise, 1e-300)
            # comparisons with nan are false: a lane without a finite cost rejects
            accept = usable & (first | (decrease > 1e-4 * promise))
            gain = jnp.where(first, 0.5, jnp.where(usable, decrease / promise, -1.0))
            radius = jnp.where(gain < 0.25, 0.25 * jnp.minimum(wanted.length, now.radius), now.radius)
            radius = jnp.where((gain > 0.75) & (wanted.length > 0.8 * now.radius), 2.0 * now.radius, radius)
            jacobian = jnp.where(accept & ~first, _broyden(now, step, there.residuals), now.jacobian)
            return _Walk(
                z=jnp.where(accept, z, now.z),
                cost=jnp.where(accept, cost, now.cost),
                residuals=jnp.where(accept, there.residuals, now.residuals),
                jacobian=jacobian,
                # a step that fails by a Jacobian that is not its own says nothing of the radius: the walk ends
                radius=jnp.where(active & (accept | ~now.moved), radius, now.radius),
                memory=jax.tree.map(lambda new, old: jnp.where(active, new, old), there.memory, now.memory),
                moved=now.moved | accept,
                over=now.over | first | (now.moved & ~accept),
            )

        promised = whole_promise(state.z, _slope(state), _normal(state.jacobian), lower, upper)
        settled = ~state.finished & ~first & (promised <= self.ftol * (1.0 + jnp.abs(state.cost)))
        nothing, over = jnp.zeros_like(settled), state.finished | settled
        begun = _Walk(state.z, state.cost, state.residuals, state.jacobian, state.radius, state.memory, nothing, over)
        walk = jax.lax.fori_loop(0, self.trials, trial, begun)

        at_z, jacobian = linearize(problem, jnp.where(walk.moved, walk.z, jnp.nan), walk.memory)
        sound = jnp.all(jnp.abs(jacobian) < jnp.inf, axis=(0, 1)) & (-at_z.log_density < jnp.inf)
        moved = walk.moved & sound
        secant, by_secant = _hybrid(state, walk.z - state.z, at_z.residuals, jacobian, state.cost - walk.cost, first)

        active = ~state.finished
        unsolved = active & first & ~moved
        stuck = active & ~first & ((walk.radius < _SMALLEST_RADIUS) | (walk.moved & ~sound))
        best = jnp.where(moved, -at_z.log_density, state.cost)
        iterations = state.iterations + active
        turn = active & (iterations % self.patience == 0)
        slow = turn & (state.reference - best < self.progress)
        code = jnp.where(settled, FitStatus.CONVERGED, jnp.where(stuck | slow, FitStatus.STALLED, state.status))
        code = jnp.where(unsolved, FitStatus.SOLVE_FAILED, code).astype(jnp.int32)

        def keep(new, old):
            return jnp.where(moved, new, old)

        return _State(
            z=keep(walk.z, state.z),
            cost=best,
            residuals=keep(at_z.residuals, state.residuals),
            jacobian=keep(jacobian, state.jacobian),
            secant=keep(secant, state.secant),
            by_secant=keep(by_secant, state.by_secant),
            radius=walk.radius,
            memory=walk.memory,
            reference=jnp.where(turn, best, state.reference),
            status=code,
            finished=state.finished | settled | stuck | slow | unsolved,
            iterations=iterations,
        )

    def finish(self, problem: AbstractProblem, state: _State) -> Fit:
        method = "trust region, Gauss-Newton and BFGS"
        information = _normal(state.jacobian)
        return Fit(problem, state.z, state.cost, state.status, state.iterations, information, None, method)


def inside(problem: AbstractProblem, z: Array) -> Array:
    """z moved into the bounds."""
    lower, upper = (x[:, None] for x in problem.bounds())
    return jnp.clip(z, lower, upper)


def _normal(jacobian: Array) -> Array:
    return jnp.einsum("rpl,rql->pql", jacobian, jacobian)


def _slope(at: "_State | _Walk") -> Array:
    return jnp.einsum("rpl,rl->pl", at.jacobian, at.residuals)


def _broyden(now: _Walk, step: Array, residuals: Array) -> Array:
    """The Jacobian changed as little as makes it right along the step."""
    missed = residuals - now.residuals - jnp.einsum("rpl,pl->rl", now.jacobian, step)
    length = (step**2).sum(0)
    return now.jacobian + missed[:, None] * (step / jnp.where(length > 0.0, length, 1.0))[None]


def _hybrid(
    state: _State, step: Array, residuals: Array, jacobian: Array, decrease: Array, first: Array
) -> tuple[Array, Array]:
    """The secant approximation after a step (unknowns, unknowns, lanes), and whether the next step goes by it (lanes,)."""
    before, normal = _slope(state), _normal(jacobian)

    def foretold(curvature):
        return -(before * step).sum(0) - 0.5 * jnp.einsum("il,ijl,jl->l", step, curvature, step)

    by_normal, by_secant = foretold(_normal(state.jacobian)), foretold(state.secant)
    better = ~first & (jnp.abs(decrease - by_secant) < jnp.abs(decrease - by_normal))
    base = jnp.where(better, state.secant, normal)
    change = jnp.einsum("rpl,rl->pl", jacobian, residuals) - before
    turned = jnp.einsum("ijl,jl->il", base, step)
    bend, old = (step * change).sum(0), (step * turned).sum(0)
    length = jnp.sqrt((step**2).sum(0) * (change**2).sum(0))
    good = ~first & (bend > 1e-8 * length) & (old > 0.0)
    bend, old = jnp.where(good, bend, 1.0), jnp.where(good, old, 1.0)
    updated = base + change[:, None] * change[None] / bend - turned[:, None] * turned[None] / old
    return jnp.where(good, updated, base), better & good

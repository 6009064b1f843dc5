"""A body as a state space: chosen states and parameters, what disturbs them, and the instruments that see them.

    x = (states, or their logarithms; parameters as unknowns z, standard normal under their priors)
    d(state) = rates dt + noise dW             on the scale of x: a relative disturbance where a logarithm is kept
    dz = -rate z dt + diffusion dW             ``calibration.assimilation.drift``

Between noise the body's own method solves its equations, through doses, meals and inputs. Noise enters an advance of
length h at its Gauss-Legendre nodes c_j with the variance share w_j h, so that on a linear model its covariance is

    sum_j w_j h F(1 - c_j) Q F(1 - c_j)'       for       integral F(t1 - s) Q F(t1 - s)' ds

which m nodes integrate to order 2 m; the variance of a drift alone is exact. A drift's pull is halved before and after each
stretch. One node is a midpoint rule: right where h is short against the body's own times, more nodes where it is not.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from calibration.assimilation.belief import BeliefStatus, Gaussian
from calibration.assimilation.drift import AbstractDrift
from calibration.assimilation.semidefinite import symmetric
from calibration.assimilation.state_space import AbstractStateSpace
from physio.body import Body, lanes_of
from physio.observe import AtTimes, Observation
from physio.protocol import Timed
from physio.schedule import Schedule, nothing
from physio.solve import AbstractMethod, Status, Tsit5, instant, solve
from physio.solve.lanes import lane_jacobian, repeated
from physio.system import System
from physio.units import unit
from physio.wiring import state_names, unknown


class Twin(AbstractStateSpace):
    """People of one body; made by ``twin``."""

    body: Body
    schedule: Schedule
    observations: tuple[Observation, ...]
    method: AbstractMethod
    rates: Array
    diffusions: Array
    states: tuple[str, ...] = eqx.field(static=True)
    free: tuple[str, ...] = eqx.field(static=True)
    logarithmic: frozenset[str] = eqx.field(static=True)
    disturbed: tuple[str, ...] = eqx.field(static=True)
    nodes: int = eqx.field(static=True)
    names: tuple[str, ...] = eqx.field(static=True)
    instruments: tuple[str, ...] = eqx.field(static=True)
    noises: int = eqx.field(static=True)
    lanes: int = eqx.field(static=True)

    def start(
        self,
        time: float | Array = 0.0,
        *,
        mean: Array | None = None,
        covariance: Array | None = None,
        spread: Mapping[str, float | Array] | None = None,
    ) -> Gaussian:
        """The belief before any reading: parameters by their priors, states as they follow from them at rest, or in the
        steady state of the schedule's regimen.

        ``mean`` (free, lanes) and ``covariance`` (free, free, lanes) replace the priors, such as those of a fit or of a
        population. ``spread`` (state -> sd on the scale of x) is what is not known of a state beside the parameters.
        """
        count = len(self.free)
        time = jnp.broadcast_to(jnp.asarray(time, self.rates.dtype), (self.lanes,))
        z = jnp.zeros((count, self.lanes), time.dtype) if mean is None else jnp.asarray(mean)
        known = jnp.eye(count, dtype=time.dtype)[..., None] if covariance is None else jnp.asarray(covariance)
        known = jnp.broadcast_to(known, (count, count, self.lanes))

        def rest(z):
            path = solve(self.bodies(z), self.schedule, at=time[None], t0=time, lanes=self.lanes, method=self.method)
            return self.kept(path.final), path.status

        if count:
            first, slopes, status = lane_jacobian(rest, z, has_aux=True)
        else:
            first, status = rest(z)
            slopes = jnp.zeros((0, *first.shape), first.dtype)
        every = jnp.concatenate([jnp.swapaxes(slopes, 0, 1), jnp.broadcast_to(jnp.eye(count)[..., None], known.shape)])
        own = jnp.zeros((len(self.names), self.lanes), first.dtype)
        for name, sd in (spread or {}).items():
            if name not in self.states:
                raise unknown("state with a spread at the start", name, self.states)
            own = own.at[self.names.index(name)].set(jnp.asarray(sd, own.dtype) ** 2)
        spread_out = jnp.einsum("ijl,jkl,mkl->iml", every, known, every) + jnp.eye(len(self.names))[..., None] * own
        code = jnp.where(status == Status.OK, BeliefStatus.OK, BeliefStatus.SOLVE_FAILED).astype(jnp.int32)
        return Gaussian(jnp.concatenate([first, z]), symmetric(spread_out), time, code)

    def values(self, x: Array) -> Array:
        """x (n, lanes) as states and parameters in their own units."""
        infos = self.body.parameters
        parameters = [infos[name].prior.from_z(x[len(self.states) + i]) for i, name in enumerate(self.free)]
        states = [jnp.exp(x[i]) if name in self.logarithmic else x[i] for i, name in enumerate(self.states)]
        return jnp.stack([*states, *parameters])

    def bodies(self, z: Array) -> Body:
        """The body with the parameters at z (free, lanes) in every lane."""
        infos = self.body.parameters
        return self.body.with_values({name: infos[name].prior.from_z(z[i]) for i, name in enumerate(self.free)})

    def kept(self, y: Array) -> Array:
        """The rows of x that are states, from all states of the body (all, lanes)."""
        place = state_names(self.body.wiring).index
        return jnp.stack([jnp.log(y[place(n)]) if n in self.logarithmic else y[place(n)] for n in self.states])

    def whole(self, body: Body, x: Array) -> Array:
        """All states of the body (all, lanes); those that are not estimated are at rest."""
        place = state_names(body.wiring).index
        rows = jnp.asarray([place(name) for name in self.states])
        values = jnp.stack([jnp.exp(x[i]) if n in self.logarithmic else x[i] for i, n in enumerate(self.states)])
        return System.of(body, self.lanes).rest().at[rows].set(values)

    def transition(self, x, noise, begin, end):
        if not self.disturbed:
            return self.flow(x, begin, end)
        places, weights = np.polynomial.legendre.leggauss(self.nodes)
        places, weights = 0.5 * (1.0 + places), 0.5 * weights
        length = end - begin
        edges = begin + jnp.asarray([0.0, *places, 1.0])[:, None] * length
        sizes = self.diffusions * jnp.sqrt(jnp.asarray(weights)[:, None, None] * length) * self.exact(places, weights, length)
        shocks = noise.reshape(self.nodes, len(self.disturbed), self.lanes) * sizes
        shocks = jnp.concatenate([shocks, jnp.zeros_like(shocks[:1])])
        rows = jnp.asarray([self.names.index(name) for name in self.disturbed])

        def stretch(carry, piece):
            x, good = carry
            begin, end, shock = piece
            pull = jnp.ones_like(x).at[rows].set(jnp.exp(-0.5 * self.rates * (end - begin)))
            x, solved = self.flow(pull * x, begin, end)
            return ((pull * x).at[rows].add(shock), good & solved), None

        start = (x, jnp.ones(begin.shape, bool))
        (x, good), _ = jax.lax.scan(stretch, start, (edges[:-1], edges[1:], shocks))
        return x, good

    def exact(self, places: np.ndarray, weights: np.ndarray, length: Array) -> Array:
        """Factor (disturbed, lanes) by which the nodes' variance of a pulled quantity alone becomes that of the integral."""
        twice = 2.0 * self.rates * length
        pulled = twice > 0.0
        wanted = jnp.where(pulled, -jnp.expm1(-twice) / jnp.where(pulled, twice, 1.0), 1.0)
        by_nodes = sum(w * jnp.exp(-twice * (1.0 - c)) for c, w in zip(places, weights, strict=True))
        return jnp.sqrt(wanted / by_nodes)

    def with_schedule(self, schedule: Schedule) -> "Twin":
        """The same people with what is done to them from now on: a life of many events need not carry those that are past.

        An infusion or an input that still runs belongs to it. Same number of slots, same compiled program.
        """
        return dataclasses.replace(self, schedule=_widened_schedule(schedule, self.lanes))

    def flow(self, x: Array, begin: Array, end: Array) -> tuple[Array, Array]:
        """x after the body's equations alone, and whether they could be solved."""
        body, schedule = self.bodies(x[len(self.states) :]), self.going_on
        y = self.whole(body, x)
        path = solve(body, schedule, at=end[None], t0=begin, start=y, lanes=self.lanes, method=self.method)
        new = jnp.concatenate([self.kept(path.final), x[len(self.states) :]])
        return new, (path.status == Status.OK) & jnp.all(jnp.abs(new) < jnp.inf, axis=0)

    @property
    def going_on(self) -> Schedule:
        """The schedule without the regimen that only says where a life begins."""
        return dataclasses.replace(self.schedule, steady=None)

    def observe(self, instrument, x, time):
        body = self.bodies(x[len(self.states) :])
        shown = instant(body, self.going_on, state=self.whole(body, x), at=time, lanes=self.lanes)
        o = self.observations[instrument]
        factor = unit(self.body.unit_of(o.path)).factor_to(unit(o.unit))
        predicted = o.predict(shown, factor)[0]
        return o.noise.transform(predicted), o.noise.sd(predicted)

    def scaled(self, instrument, value):
        return self.observations[instrument].noise.transform(value)

    def tiled(self, times):
        arrays = ("body", "schedule", "observations", "rates", "diffusions")
        wide = {name: repeated(getattr(self, name), times) for name in arrays}
        return dataclasses.replace(self, lanes=self.lanes * times, **wide)

    def narrowed(self, lanes):
        return dataclasses.replace(self, lanes=lanes)


def twin(
    body: Body,
    free: Sequence[str] = (),
    *,
    lanes: int,
    instruments: Sequence[Observation],
    schedule: Schedule | None = None,
    states: Sequence[str] | None = None,
    logarithmic: Sequence[str] = (),
    noise: Mapping[str, float | Array] | None = None,
    drift: Mapping[str, AbstractDrift] | None = None,
    nodes: int = 1,
    method: AbstractMethod = Tsit5(),
) -> Twin:
    """People of one body as a state space.

    ``free``          addresses of parameters to estimate
    ``instruments``   observations at instants (summary ``AtTimes()``) with independent errors
    ``schedule``      doses, meals and inputs over the whole life, shared or (slots, lanes)
    ``states``        addresses to estimate, by default all but accounts that only fill, such as what was excreted
    ``logarithmic``   states kept as logarithms, so that no belief reaches zero: for amounts and concentrations that are
                      positive from the start
    ``noise``         state -> sd that its disturbance reaches in one unit of the body's time, in the state's unit, or
                      relative where its logarithm is kept; scalar or (lanes,)
    ``drift``         parameter -> ``RandomWalk`` or ``Reverting``; parameters without one are constant
    ``nodes``         at how many instants of each advance noise enters

    Numbers of the body are shared or one a lane. ValueError for a body with implied variables, and where a state is left
    out on which one that is kept depends.
    """
    system = System.of(body, lanes)
    noise, drift = noise or {}, drift or {}
    kept = _kept(system) if states is None else tuple(states)
    _check(body, system, kept, tuple(free), logarithmic, noise, drift, instruments)
    coefficients = [(0.0, value) for value in noise.values()] + [d.coefficients() for d in drift.values()]
    columns = [[jnp.broadcast_to(jnp.asarray(c, system.dtype), (lanes,)) for c in pair] for pair in coefficients]
    wide = jnp.asarray(columns, system.dtype).reshape(len(columns), 2, lanes)
    return Twin(
        body=lanes_of(body, lanes),
        schedule=_widened_schedule(nothing() if schedule is None else schedule, lanes),
        observations=tuple(_widened(o, lanes) for o in instruments),
        method=method,
        rates=wide[:, 0],
        diffusions=wide[:, 1],
        states=kept,
        free=tuple(free),
        logarithmic=frozenset(logarithmic),
        disturbed=(*noise, *drift),
        nodes=nodes,
        names=(*kept, *free),
        instruments=tuple(o.name for o in instruments),
        noises=nodes * (len(noise) + len(drift)),
        lanes=lanes,
    )


def _widened_schedule(schedule: Schedule, lanes: int) -> Schedule:
    return Timed(jnp.zeros((1,)), schedule).widened(lanes).schedule


def _widened(o: Observation, lanes: int) -> Observation:
    return eqx.tree_at(lambda o: o.noise, o, jax.tree.map(lambda x: jnp.broadcast_to(x, (lanes,)), o.noise))


def _kept(system: System) -> tuple[str, ...]:
    """All states but those of accounts that only fill."""
    accounts = set(system.boundary_rows())
    return tuple(name for i, name in enumerate(system.state_names) if i not in accounts)


def _check(body, system, states, free, logarithmic, noise, drift, instruments) -> None:
    known = system.state_names
    if system.algebraic.any():
        implied = [name for name, yes in zip(known, system.algebraic, strict=True) if yes]
        raise ValueError(f"a Twin cannot hold implied variables, but this body has {', '.join(implied)}")
    for name in states:
        if name not in known:
            raise unknown("state to estimate", name, known)
    for name in free:
        if name not in body.parameters:
            raise unknown("parameter to estimate", name, body.parameters)
    for what, names, among in (
        ("state to keep as a logarithm", logarithmic, states),
        ("state with noise", noise, states),
        ("parameter that drifts", drift, free),
    ):
        for name in names:
            if name not in among:
                raise unknown(what, name, among)
    for o in instruments:
        if not isinstance(o.summary, AtTimes):
            raise ValueError(f"instrument '{o.name}' sums up a path by {type(o.summary).__name__}: a filter needs AtTimes()")
    left_out = [name for name in known if name not in states]
    readers = _readers(system, left_out, states, [o.path for o in instruments]) if left_out else []
    if readers:
        raise ValueError(f"'{readers[0]}' depends on a state that is left out ({', '.join(left_out)}): add it to states")


def _readers(system: System, left_out: list[str], states: tuple[str, ...], paths: list[str]) -> list[str]:
    """Kept states and instruments' paths that change with those left out, by a derivative away from rest."""
    known, at_rest = system.state_names, system.rest()
    generator = np.random.default_rng(0)
    rows = jnp.asarray([known.index(name) for name in left_out])
    away = at_rest * generator.uniform(0.9, 1.1, at_rest.shape) + generator.uniform(0.5, 1.5, at_rest.shape)
    along = jnp.zeros_like(at_rest).at[rows].set(1.0)
    zero = jnp.zeros((system.lanes,), at_rest.dtype)
    silent = {name: zero for name, _ in system.wiring.inputs}

    def shown(y):
        outputs = dict(system.evaluate(zero, y, silent)[0]) | dict(zip(known, y, strict=True))
        return system.field(zero, y, {}, silent), [outputs[path] for path in paths]

    rates, seen = jax.jvp(shown, (away,), (along,))[1]
    moved = [name for name in states if (rates[known.index(name)] != 0.0).any()]
    return moved + [path for path, value in zip(paths, seen, strict=True) if (value != 0.0).any()]

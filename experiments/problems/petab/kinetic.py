"""A problem of the collection as a calibration problem: unknowns of the equations by search, all others by the inner problem.

    z = log10 of the parameters that the equations depend on, in the collection's bounds
    log p(z) = max over scales, offsets and spreads of the log likelihood of all measurements, without prior

Lanes are starts; inside, lanes are starts x conditions, where conditions that do the same to the equations are solved once.
"""

from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from calibration.errors import InputError
from calibration.inner import Eliminated, Inner
from calibration.problem import AbstractProblem, Evaluation
from experiments.problems.petab.model import Model
from experiments.problems.petab.tables import Measurement, Tables, read_tables
from physio.body import Body
from physio.component import fields_of
from physio.schedule import Schedule, nothing
from physio.solve import AbstractMethod, Rodas5P, Status, solve

_LOG_OFFSET = 50.0


class KineticProblem(AbstractProblem):
    """Starts of one model; ``evaluate`` solves every condition of every start.

    A lane whose z holds a number that is not finite is not solved and fails at no cost. ``memory`` is the number of steps that
    a lane took, by which lanes of equal length are solved together.

    ``fixed``     parameters that are not estimated, and ``constants`` of the conditions (conditions,), by field of the part
    ``at``        (times, conditions) of the measurements, the last one repeated
    ``rows``      of each measurement its time, condition and output, (rows,) each
    ``given``     the collection's own offsets, scales and spreads, and ``reference`` a spread of the right size (rows,)
    ``nominal``   (unknowns,) z of the collection's parameter vector
    """

    body: Body
    fixed: dict[str, Array]
    constants: dict[str, Array]
    at: Array
    schedule: Schedule
    rows: tuple[Array, Array, Array]
    inner: Inner
    reference: Array
    lower: Array
    upper: Array
    nominal: Array
    given: Eliminated
    method: AbstractMethod
    names: tuple[str, ...] = eqx.field(static=True)
    outputs: tuple[str, ...] = eqx.field(static=True)
    lanes: int = eqx.field(static=True)
    informed: bool = eqx.field(static=True)
    chunk: int = eqx.field(static=True)

    def bounds(self) -> tuple[Array, Array]:
        return self.lower, self.upper

    def values(self, z: Array) -> Array:
        return 10.0**z

    def tiled(self, times: int) -> "KineticProblem":
        return self.with_lanes(self.lanes * times)

    def with_lanes(self, lanes: int) -> "KineticProblem":
        """The same problem for another number of starts."""
        return KineticProblem(**{**vars(self), "lanes": lanes})

    def with_method(self, method: AbstractMethod) -> "KineticProblem":
        """The same problem solved otherwise."""
        return KineticProblem(**{**vars(self), "method": method})

    def predict(self, z: Array, memory: Array | None = None) -> tuple[Array, Array, Array]:
        """``(outputs at the measurements (rows, lanes), status (lanes,), steps (conditions, lanes))``."""
        asked = jnp.all(jnp.abs(z) < jnp.inf, axis=0)
        z = jnp.where(asked, z, self.nominal[:, None])
        count = self.at.shape[1]
        lanes = self.lanes * count

        def each_start(x):
            return jnp.repeat(x, count, axis=-1)

        def each_condition(x):
            return jnp.tile(x, self.lanes)

        values = dict(zip(self.names, self.values(z), strict=True))
        part = self.body.parts["cell"]
        fields = [f.name for f in fields_of(type(part))]
        numbers = {**self.fixed, **{n: each_start(v) for n, v in values.items() if n in fields}}
        numbers |= {n: each_condition(v) for n, v in self.constants.items()}
        body = eqx.tree_at(lambda b: b.parts["cell"], self.body, type(part)(**{n: numbers[n] for n in fields}))
        wanted = each_start(asked)
        at = jnp.where(wanted, each_condition(self.at), 0.0)
        schedule = jax.tree.map(each_condition, self.schedule)
        # those that are not asked for fill chunks of their own, which end at once
        order = None if memory is None else jnp.where(wanted, memory.T.reshape(-1), -1)
        path = solve(body, schedule, at=at, lanes=lanes, method=self.method, chunk=self.chunk, order=order)
        seen = path.outputs([f"cell.{name}" for name in self.outputs])
        # (outputs, times, starts, conditions)
        seen = jnp.stack([seen[f"cell.{n}"] for n in self.outputs]).reshape(len(self.outputs), -1, self.lanes, count)
        time, condition, output = self.rows
        solved = jnp.all(path.status.reshape(self.lanes, count) == Status.OK, axis=1) & asked
        x = seen[output, time, :, condition]
        x = jnp.where(solved, x, 1.0)
        status = jnp.where(solved, Status.OK, jnp.max(path.status.reshape(self.lanes, count), axis=1))
        status = jnp.where(asked, status, Status.STEP_TOO_SMALL).astype(jnp.int32)
        return x, status, path.steps.reshape(self.lanes, count).T

    def evaluate(self, z: Array, memory: Array | None = None) -> Evaluation:
        x, status, steps = self.predict(z, memory)
        best = self.inner.eliminate(x)
        return self._evaluation(x, best, status, steps)

    def with_given(self, z: Array) -> Evaluation:
        """At z with the collection's own scales, offsets and spreads instead of the best."""
        x, status, steps = self.predict(z)
        given = jax.tree.map(lambda v: jnp.broadcast_to(v[:, None], (v.shape[0], self.lanes)), self.given)
        return self._evaluation(x, given, status, steps)

    def _evaluation(self, x: Array, at: Eliminated, status: Array, steps: Array) -> Evaluation:
        residuals, sd = self.inner.residuals(x, at)
        failed = status != Status.OK
        log_density = jnp.where(failed, -jnp.inf, self.inner.log_density(residuals, sd))
        log_sd = jnp.log(sd / self.reference[:, None]).sum(0)
        whole = jnp.sqrt(2.0 * log_sd + _LOG_OFFSET * len(sd))
        residuals = jnp.where(failed, jnp.nan, jnp.concatenate([residuals, whole[None]]))
        return Evaluation(residuals, log_density, status, steps)


def kinetic_problem(
    model: Model, data: Path, lanes: int, method: AbstractMethod | None = None, chunk: int = 4
) -> KineticProblem:
    """The problem of a model with the files of the collection in ``data``."""
    tables = read_tables(data, model.folder, model.measurements)
    where = Path(data) / model.folder
    fields = [f.name for f in fields_of(model.part)]
    used = list(dict.fromkeys(m.condition for m in tables.measurements))
    for m in tables.measurements:
        if m.equilibration != model.equilibration:
            found, wanted = repr(m.equilibration), repr(model.equilibration)
            raise InputError(where, field="preequilibrationConditionId", problem=f"found {found}", expected=wanted)
        if m.observable not in model.observed:
            raise InputError(where, field="observableId", problem=f"found {m.observable!r}", expected=", ".join(model.observed))
    missing = [n for n in fields if n not in tables.parameters and n not in tables.conditions[used[0]]]
    if missing:
        raise InputError(where, problem=f"no {', '.join(missing)}", expected="a parameter or a column of the condition table")
    names = tuple(n for n in fields if n in tables.parameters and tables.parameters[n].estimated)
    fixed = {n: jnp.asarray(tables.parameters[n].nominal) for n in fields if n in tables.parameters and n not in names}
    doing = {c: _effect(model, tables.conditions[c], fields) for c in used}
    distinct = list(dict.fromkeys(doing.values()))
    condition = [distinct.index(doing[m.condition]) for m in tables.measurements]
    times = [sorted({m.time for m, c in zip(tables.measurements, condition, strict=True) if c == k}) for k in range(len(distinct))]
    most = max(len(t) for t in times)
    at = np.stack([np.pad(t, (0, most - len(t)), mode="edge") for t in times], axis=-1)
    representative = [next(c for c in used if doing[c] == d) for d in distinct]
    constants = {n: jnp.asarray([tables.conditions[c][n] for c in representative]) for n in fields if n not in tables.parameters}
    outputs = tuple(dict.fromkeys(o.output or name for name, o in model.observed.items()))
    rows = (
        [times[c].index(m.time) for m, c in zip(tables.measurements, condition, strict=True)],
        condition,
        [outputs.index(model.observed[m.observable].output or m.observable) for m in tables.measurements],
    )
    inner, given, reference, eliminated = _inner(model, tables, where)
    lost = set(n for n, p in tables.parameters.items() if p.estimated) - set(names) - eliminated - set(model.flat)
    if lost:
        unused = f"nothing depends on {', '.join(sorted(lost))}"
        raise InputError(where, problem=unused, expected="a model that uses every estimated parameter")
    one = jnp.asarray(1.0)
    name = model.input_name
    wires = {"inputs": {name: "1"}, "senses": {f"cell.{name}": f"input.{name}"}} if name else {}
    box = np.log10([[tables.parameters[n].lower, tables.parameters[n].upper, tables.parameters[n].nominal] for n in names]).T
    return KineticProblem(
        body=Body({"cell": model.part(**{n: one for n in fields})}, time="1", **wires),
        fixed=fixed,
        constants=constants,
        at=jnp.asarray(at),
        schedule=_schedule(model, [tables.conditions[c] for c in representative]),
        rows=tuple(jnp.asarray(r, jnp.int32) for r in rows),
        inner=inner,
        reference=jnp.asarray(reference),
        lower=jnp.asarray(box[0]),
        upper=jnp.asarray(box[1]),
        nominal=jnp.asarray(box[2]),
        given=given,
        method=Rodas5P() if method is None else method,
        names=names,
        outputs=outputs,
        lanes=lanes,
        informed=False,
        chunk=chunk,
    )


def _effect(model: Model, condition: dict[str, float], fields: list[str]) -> tuple:
    """What a condition does to the equations; conditions of equal effect are one."""
    levels = tuple(model.levels(condition)) if model.levels else ()
    return tuple(condition[n] for n in fields if n in condition), levels


def _schedule(model: Model, conditions: list[dict[str, float]]) -> Schedule:
    """The input's levels, (slots, conditions)."""
    if model.levels is None:
        return nothing()
    levels = np.asarray([model.levels(c) for c in conditions])
    on, off, level = np.moveaxis(levels, -1, 0).swapaxes(1, 2)
    zero = jnp.zeros(on.shape, jnp.int32)
    return Schedule(jnp.asarray(on), jnp.asarray(level), jnp.asarray(off - on), zero, None, (f"input.{model.input_name}",))


def _inner(model: Model, tables: Tables, where: Path):
    """``(inner problem, the collection's own numbers, reference spreads (rows,), names it eliminates)``."""
    groups: dict[tuple, int] = {}
    spreads: dict[str | float, int] = {0.0: 0}
    group, first, second = [], [], []
    for m in tables.measurements:
        seen = model.observed[m.observable]
        key = (_named(seen.offset, m, where), _named(seen.scale, m, where), tables.logarithmic[m.observable])
        group.append(groups.setdefault(key, len(groups)))
        noise = [_as_number(n) for n in m.noise]
        noise = [n for n in noise if n != 0.0] or [0.0]
        if len(noise) > 2:
            raise InputError(where, field="noiseParameters", problem=f"found {';'.join(m.noise)}", expected="at most two")
        first.append(spreads.setdefault(noise[0], len(spreads)))
        second.append(spreads.setdefault(noise[1], len(spreads)) if len(noise) > 1 else 0)
    taken = [n for key in groups for n in key[:2] if isinstance(n, str)]
    if len(taken) != len(set(taken)):
        twice = sorted({n for n in taken if taken.count(n) > 1})
        shared = f"{', '.join(twice)} in more than one pair"
        raise InputError(where, field="observableParameters", problem=shared, expected="one offset with one scale")

    def bounds(keys):
        found = [tables.parameters.get(k) if isinstance(k, str) else None for k in keys]
        given = [k if p is None else p.nominal for k, p in zip(keys, found, strict=True)]
        free = [p is not None and p.estimated for p in found]
        boxes = [(p.lower, p.upper) if f else (g, g) for p, f, g in zip(found, free, given, strict=True)]
        return np.asarray(boxes, float).T, jnp.asarray(given, jnp.float64)

    for n in [*taken, *(s for s in spreads if isinstance(s, str))]:
        if n not in tables.parameters:
            raise InputError(where, problem=f"no parameter {n}", expected="a row of the parameter table")
    offset, given_offset = bounds([k[0] for k in groups])
    scale, given_scale = bounds([k[1] for k in groups])
    spread, given_spread = bounds(list(spreads))
    value = np.asarray([m.value for m in tables.measurements])
    logarithmic = np.asarray([tables.logarithmic[m.observable] for m in tables.measurements])
    if (value[logarithmic] <= 0.0).any():
        raise InputError(where, field="measurement", problem="zero or less on a log10 scale", expected="a number above zero")
    inner = Inner(value, logarithmic, group, first, second, offset, scale, spread)
    reference = np.where(logarithmic, 1.0, max(np.std(value), 1.0))
    eliminated = {*taken, *(s for s in spreads if isinstance(s, str))}
    return inner, Eliminated(given_offset, given_scale, given_spread), reference, eliminated


def _named(entry: float | int | str, m: Measurement, where: Path) -> float | str:
    """A number or a parameter's name, looked up among the measurement's overrides where the model says so."""
    if not isinstance(entry, int):
        return entry
    if len(m.observed) < entry:
        few = f"{m.observable} at {m.time} has {len(m.observed)}"
        raise InputError(where, field="observableParameters", problem=few, expected=f"at least {entry}")
    return _as_number(m.observed[entry - 1])


def _as_number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text

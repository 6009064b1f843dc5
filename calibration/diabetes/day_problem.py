"""Days of one family as a problem: z of the person, of the sensor's gain, of where glucose begins, and of every meal.

A lane is a day. Residuals are the innovations of the sensor's readings, and z. The person begins at the rest that a basal
delivery of ``basal.held`` times the recorded one holds: nobody's basal is just right, and what it lacks drives glucose away all
day.
"""

from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from calibration.diabetes.family import AbstractFamily
from calibration.diabetes.inputs import DayInputs, Events
from calibration.diabetes.sensor import STEP, Sensor, Trace
from calibration.problem import AbstractProblem, Evaluation
from physio.solve import AbstractAdjoint, AbstractMethod, ForwardMode, Trajectory, Tsit5, solve
from physio.solve.lanes import picked

GAIN, HELD, BEGIN = "sensor.gain", "basal.held", "begin.glucose"
# a basal rate is set to hold glucose and misses by about a tenth: assumed
HELD_SD = 0.1
METHOD = Tsit5(rtol=1e-4, atol=1e-4, max_steps=6000)
# of 5 min: what lies between is interpolated in fits, since each stop costs two steps
STRIDE = 2
# so many lanes with thirty tangents stay in the caches of a core
CHUNK = 32
GUESSED_SD = 0.7  # of the logarithm of a meal whose amount nobody wrote down


class Doubt(NamedTuple):
    """How far a record is believed: ``grams`` sd of the logarithm of a meal's amount, ``minutes`` sd of its time [min],
    ``begin`` sd [mg/dL] of glucose when the window begins, about its first reading; 0: as it is written, and at rest.

    ``spells`` equal parts of the window have an insulin sensitivity of their own, ``sensitivity`` the sd of its logarithm.
    ``by_mouthful``: meals are eaten as the simulator's people eat, each minute's food being news to the stomach.
    """

    grams: float = 0.25
    minutes: float = 10.0
    begin: float = 15.0
    spells: int = 6
    sensitivity: float = 0.3
    by_mouthful: bool = False


EXACT = Doubt(grams=0.0, minutes=0.0, begin=0.0, spells=0, by_mouthful=True)


class Predicted(NamedTuple):
    """Glucose [mg/dL] in plasma, under the skin and as the sensor would tell it without noise, (times, days)."""

    plasma: Array
    tissue: Array
    told: Array
    status: Array


class DayProblem(AbstractProblem):
    """``first`` (days,) [mg/dL] is about where glucose begins; ``spread`` (meals, days) the sd of each meal's log amount.

    ``adjoint`` says which derivatives can be taken: forward ones by default, which fits need.
    """

    family: AbstractFamily
    events: Events
    trace: Trace
    weight: Array
    basal: Array
    first: Array
    spread: Array
    sensor: Sensor = eqx.field(static=True)
    doubt: Doubt = eqx.field(static=True)
    method: AbstractMethod
    adjoint: AbstractAdjoint = eqx.field(static=True)
    names: tuple[str, ...] = eqx.field(static=True)
    meals: int = eqx.field(static=True)
    lanes: int = eqx.field(static=True)
    informed: bool = eqx.field(static=True, default=True)

    @classmethod
    def of(
        cls,
        family: AbstractFamily,
        days: Sequence[DayInputs],
        trace: Trace,
        *,
        sensor: Sensor = Sensor(),
        doubt: Doubt = Doubt(),
        meals: int | None = None,
        method: AbstractMethod = METHOD,
        adjoint: AbstractAdjoint = ForwardMode(),
    ) -> "DayProblem":
        """``meals``: room for so many a day, so that problems share one program; by default as many as a day has at most."""
        most = max((meal.number + 1 for day in days for meal in day.meals), default=0)
        room = (most if meals is None else meals) if doubt.grams or doubt.minutes else 0
        if doubt.grams and room < most:
            raise ValueError(f"a day has {most} meals, more than the room for {room}")
        spread = np.zeros((room, len(days)))
        for i, day in enumerate(days):
            for meal in day.meals:
                if room and meal.number >= 0:
                    spread[meal.number, i] = GUESSED_SD if meal.guessed else doubt.grams
        value, present = np.asarray(trace.value), np.asarray(trace.present)
        first = np.where(present.any(0), value[present.argmax(0), np.arange(len(days))], 130.0)
        names = (*family.unknowns, GAIN, HELD)
        names += (BEGIN,) if doubt.begin else ()
        names += tuple(f"spell{i}.sensitivity" for i in range(doubt.spells))
        names += tuple(f"meal{i}.grams" for i in range(room)) + tuple(f"meal{i}.minute" for i in range(room))
        return cls(
            jax.tree.map(jnp.asarray, family),
            Events.of(family, days, doubt.by_mouthful, doubt.spells, float(trace.at[-1].max())),
            trace,
            jnp.asarray([day.weight for day in days]),
            jnp.asarray([day.rate for day in days]),
            jnp.asarray(first),
            jnp.asarray(spread),
            sensor,
            doubt,
            method,
            adjoint,
            names,
            room,
            len(days),
        )

    def _split(self, z: Array):
        """z of the person, of gain and held basal, of the beginning or None, of sensitivities, of the meals' amounts and times."""
        count = len(self.family.unknowns)
        rest = z[count + 2 :]
        begin, rest = (rest[0], rest[1:]) if self.doubt.begin else (None, rest)
        spells, rest = rest[: self.doubt.spells], rest[self.doubt.spells :]
        return z[:count], z[count : count + 2], begin, spells, rest[: self.meals], rest[self.meals :]

    def values(self, z):
        person, (gain, held), begin, spells, grams, minutes = self._split(z)
        own = [self.family.prior(name).from_z(person[i]) for i, name in enumerate(self.family.unknowns)]
        own += [1.0 + self.sensor.gain_sd * gain, jnp.exp(HELD_SD * held)]
        if begin is not None:
            own.append(self._begin(begin))
        hourly = jnp.exp(self.doubt.sensitivity * spells)
        return jnp.concatenate([jnp.stack(own), hourly, jnp.exp(self.spread * grams), self.doubt.minutes * minutes])

    def _begin(self, z):
        # glucose is not below 40 mg/dL in somebody who wears a sensor
        return 40.0 + jnp.maximum(self.first - 40.0, 5.0) * jnp.exp(self.doubt.begin / jnp.maximum(self.first - 40.0, 30.0) * z)

    def predict(self, z: Array, events: Events | None = None, exercise: Array | None = None) -> Predicted:
        """The day at z; or another day of the same person and meals: its ``events``, resting under the same basal.

        ``exercise`` (addresses, days) is z of what exercise does to the person; None: what it does to the median person.
        """
        path, gain, _ = self._path(z, self.trace.at, events, exercise)
        tissue = path[self.family.tissue]
        return Predicted(path[self.family.plasma], tissue, gain * tissue, path.status)

    def evaluate(self, z, memory=None):
        path, gain, rate = self._path(z, self.trace.at[::STRIDE])
        tissue, plasma = path[self.family.tissue], path[self.family.plasma]
        told = gain * between(tissue, STRIDE * STEP * rate * (plasma - tissue))
        e = self.trace.innovations(told, self.sensor.phi)
        log_density = -0.5 * (e**2).sum(0) - 0.5 * (z**2).sum(0)
        return Evaluation(jnp.concatenate([e, z]), log_density, path.status, None)

    def _path(
        self, z: Array, at: Array, events: Events | None = None, exercise: Array | None = None
    ) -> tuple[Trajectory, Array, Array]:
        """The solved day seen at ``at``, the sensor's gain, and the rate at which the tissue follows plasma (days,)."""
        person, (gain, held), begin, spells, grams, minutes = self._split(z)
        known = {name: self.family.prior(name).from_z(person[i]) for i, name in enumerate(self.family.unknowns)}
        if exercise is not None:
            known |= {name: self.family.prior(name).from_z(exercise[i]) for i, name in enumerate(self.family.exercise)}
        held = jnp.exp(HELD_SD * held) * self.basal
        body = self.family.resting(known, self.weight, held)
        if begin is not None:
            body = self.family.beginning(body, self._begin(begin))
        events = self.events if events is None else events
        eaten = jnp.exp(self.spread * grams), self.doubt.minutes * minutes
        schedule = events.moved(*eaten, self.basal - held, self.doubt.sensitivity * spells)
        path = solve(body, schedule, at=at, lanes=self.lanes, method=self.method, adjoint=self.adjoint, chunk=CHUNK)
        return path, 1.0 + self.sensor.gain_sd * gain, body.value("interstitium.rate")

    def with_inputs(self, days: Sequence[DayInputs]) -> Events:
        """Other days of the same people, for ``predict``."""
        return Events.of(self.family, days, self.doubt.by_mouthful, self.doubt.spells, float(self.trace.at[-1].max()))

    def tiled(self, times):
        return self.picked(np.repeat(np.arange(self.lanes), times))

    def picked(self, index) -> "DayProblem":
        """The days ``index``, in that order."""
        whole = (self.events, self.trace, self.weight, self.basal, self.first, self.spread)
        parts = picked(whole, jnp.asarray(index))
        fixed = self.sensor, self.doubt, self.method, self.adjoint, self.names, self.meals
        return DayProblem(self.family, *parts, *fixed, len(index))


def between(value: Array, slope: Array) -> Array:
    """(times, lanes) at every step from ``value`` at every ``STRIDE``-th and its ``slope`` over a stride: cubics of Hermite."""
    theta = (jnp.arange(STRIDE) / STRIDE)[:, None, None]
    square = theta**2
    first, last = value[:-1], value[1:]
    inside = (
        (2.0 * theta * square - 3.0 * square + 1.0) * first
        + (theta * square - 2.0 * square + theta) * slope[:-1]
        + (3.0 * square - 2.0 * theta * square) * last
        + (theta * square - square) * slope[1:]
    )
    whole = jnp.moveaxis(inside, 0, 1).reshape(-1, *value.shape[1:])
    return jnp.concatenate([whole, value[-1:]])

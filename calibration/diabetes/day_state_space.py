"""A person with type 1 diabetes from one reading of a sensor to the next: a state space for ``calibration.assimilation``.

    x = (states of the body; those z of the person, of the sensor's gain and of the held basal that are free; s, m, f, a)

    ds = -s / Ts dt + ...      s   logarithm of a factor of insulin sensitivity, of lasting sd ``sensitivity``      [1]
    m ~ N(0, 1)                m   new with each meal, whose amount is exp(spread m) times what the diary says      [1]
    df = -f / Tf dt + ...      f   rise of plasma glucose that nothing explains, of lasting sd ``rise``             [mg/dL/min]
    da = ...                   a   the sensor's drift, as ``calibration.diabetes.sensor`` says                      [mg/dL]

    reading = gain C + a + w   C   glucose under the skin; w white                                                  [mg/dL]

s, f and a are walks of Ornstein and Uhlenbeck, exact over any time. Within an advance s and m act as they are at its beginning,
and f raises plasma glucose at its end: an advance is meant to be one step of 5 min, and hours without a reading are followed
through absent ones. Glucose is no logarithm here: what a sensor sees is then linear in x, and a reading far from what was
expected cannot throw the belief beyond it. z that are not free stay where they are expected.

A reading at the sensor's upper limit is a lower bound. A second instrument tells the negative of the first, and such a
reading is one of its own that lies below minus the limit.

Source: of Kalman filters of such bodies: Z. Mahmoudi, D. Boiroux, T. K. S. Ritschel, J. B. Jorgensen, arXiv:1908.10234 (2019).
"""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from calibration.assimilation import AbstractStateSpace
from calibration.diabetes.between_readings import BetweenReadings
from calibration.diabetes.day_problem import GAIN, HELD, HELD_SD
from calibration.diabetes.family import AbstractFamily
from calibration.diabetes.inputs import DayInputs
from calibration.diabetes.sensor import STEP, Sensor, Trace
from physio.body import Body
from physio.observe import Readings
from physio.solve import AbstractMethod, Status, Tsit5
from physio.solve.lanes import picked, repeated
from physio.system import System
from physio.wiring import unknown

WANDERING = ("day.sensitivity", "meal.grams", "day.rise", "sensor.drift")
METHOD = Tsit5(rtol=1e-4, atol=1e-4, max_steps=200, first_step=2.5)
_OF_DAYS = ("events", "weight", "basal", "expected", "sensor", "unrest")


class Unrest(NamedTuple):
    """How a person changes within a day: numbers or (days,). Memories are in min; ``rise`` is in mg/dL/min."""

    sensitivity: float | Array = 0.15
    sensitivity_memory: float | Array = 240.0
    rise: float | Array = 1.4
    rise_memory: float | Array = 30.0


class DayStateSpace(AbstractStateSpace):
    """Days of one family, a lane each; made by ``of``.

    ``expected`` (unknowns + 2, lanes) is z of the person, of the sensor's gain and of the held basal.
    """

    family: AbstractFamily
    events: BetweenReadings
    weight: Array
    basal: Array
    expected: Array
    sensor: Sensor
    unrest: Unrest
    method: AbstractMethod
    states: tuple[str, ...] = eqx.field(static=True)
    free: tuple[str, ...] = eqx.field(static=True)
    names: tuple[str, ...] = eqx.field(static=True)
    instruments: tuple[str, ...] = eqx.field(static=True)
    noises: int = eqx.field(static=True)
    lanes: int = eqx.field(static=True)

    @classmethod
    def of(
        cls,
        family: AbstractFamily,
        days: Sequence[DayInputs],
        *,
        free: Sequence[str] | None = None,
        expected: Array | None = None,
        sensor: Sensor = Sensor(),
        unrest: Unrest = Unrest(),
        grams: float = 0.25,
        method: AbstractMethod = METHOD,
    ) -> "DayStateSpace":
        """A lane for each day.

        ``free``      which of the family's unknowns, GAIN and HELD are estimated, by default those that it calls ``followed``
        ``expected``  z as earlier days left it, by default 0, the medians
        ``grams``     sd of the logarithm of a meal's amount

        ValueError for an unknown that the family lacks.
        """
        lanes, every = len(days), unknowns(family)
        free = (*family.followed, GAIN, HELD) if free is None else tuple(free)
        for name in free:
            if name not in every:
                raise unknown("unknown to estimate", name, every)
        states = System.of(family.body, 1).state_names

        def wide(x):
            return jnp.broadcast_to(jnp.asarray(x, jnp.float64), (lanes,))

        return cls(
            jax.tree.map(jnp.asarray, family),
            BetweenReadings.of(family, days, grams),
            jnp.asarray([day.weight for day in days]),
            jnp.asarray([day.rate for day in days]),
            jnp.zeros((len(every), lanes)) if expected is None else jnp.asarray(expected),
            Sensor(*map(wide, sensor)),
            Unrest(*map(wide, unrest)),
            method,
            states,
            free,
            (*states, *free, *WANDERING),
            ("sensor", "sensor from above"),
            len(WANDERING),
            lanes,
        )

    @property
    def rows(self) -> Array:
        """Which of all unknowns are free."""
        every = unknowns(self.family)
        return jnp.asarray([every.index(name) for name in self.free], jnp.int32)

    @property
    def lasting(self) -> Array:
        """Standard deviations (4, lanes) that s, m, f and a have where nothing is known of them."""
        return jnp.stack([self.unrest.sensitivity, jnp.ones(self.lanes), self.unrest.rise, self.sensor.sd])

    def known(self, z: Array) -> Array:
        """Every z (unknowns + 2, lanes) from those that are free."""
        return self.expected.at[self.rows].set(z)

    def person(self, z: Array) -> tuple[Body, Array]:
        """The body with z (free, lanes), and what is delivered beside the basal that it rests under [U/min]."""
        known = self.known(z)
        values = {name: self.family.prior(name).from_z(known[i]) for i, name in enumerate(self.family.unknowns)}
        held = jnp.exp(HELD_SD * known[-1]) * self.basal
        return self.family.resting(values, self.weight, held), self.basal - held

    def transition(self, x, noise, begin, end):
        count, length, unrest = len(self.states), end - begin, self.unrest
        z = x[count : count + len(self.free)]
        s, m, f, a = x[-len(WANDERING) :]
        m = jnp.where(self.events.meal_begins(begin, end), noise[1], m)
        body, extra = self.person(z)
        system = System.of(body, self.lanes)
        plan = self.events.plan(begin, end, m, {"insulin": extra, "sensitivity": s})
        done = self.method.march(system, plan, x[:count])
        pool, tissue, rest = self.states.index(self.family.pool), self.states.index(self.family.tissue), system.rest()
        # at rest glucose is the same everywhere, which tells what the pool holds of each mg/dL
        states = done.final.at[pool].add(f * length * rest[pool] / rest[tissue])
        s = walked(s, length / unrest.sensitivity_memory, unrest.sensitivity, noise[0])
        f = walked(f, length / unrest.rise_memory, unrest.rise, noise[2])
        a = walked(a, -jnp.log(self.sensor.phi) * length / STEP, self.sensor.sd, noise[3])
        new = jnp.concatenate([states, z, jnp.stack([s, m, f, a])])
        return new, (done.status == Status.OK) & jnp.all(jnp.abs(new) < jnp.inf, axis=0)

    def observe(self, instrument, x, time):
        count = len(self.states)
        gain = 1.0 + self.sensor.gain_sd * self.known(x[count : count + len(self.free)])[-2]
        told = gain * x[self.states.index(self.family.tissue)] + x[-1]
        return (told, -told)[instrument], self.sensor.white

    def scaled(self, instrument, value):
        return (value, -value)[instrument]

    def tiled(self, times):
        arrays = {name: repeated(getattr(self, name), times) for name in _OF_DAYS}
        return dataclasses.replace(self, lanes=self.lanes * times, **arrays)

    def picked(self, index: Sequence[int]) -> "DayStateSpace":
        """The days ``index``, in that order."""
        arrays = {name: picked(getattr(self, name), jnp.asarray(index)) for name in _OF_DAYS}
        return dataclasses.replace(self, lanes=len(index), **arrays)

    def narrowed(self, lanes):
        return dataclasses.replace(self, lanes=lanes)


def unknowns(family: AbstractFamily) -> tuple[str, ...]:
    """The rows of ``expected``."""
    return (*family.unknowns, GAIN, HELD)


def walked(value: Array, pull: Array, sd: Array, noise: Array) -> Array:
    """Ornstein and Uhlenbeck's walk of lasting ``sd`` after ``pull`` of its memories; ``noise`` is standard normal."""
    return jnp.exp(-pull) * value + sd * jnp.sqrt(-jnp.expm1(-2.0 * pull)) * noise


def readings_of(trace: Trace) -> Readings:
    """A trace as readings (times, 2, lanes) of the two instruments."""
    value = jnp.stack([trace.value, trace.value], axis=1)
    present = jnp.stack([trace.present & ~trace.above, trace.present & trace.above], axis=1)
    return Readings(value, present, present & jnp.stack([trace.below, trace.above], axis=1))

"""Exact concentrations of linear pharmacokinetics: what solvers are measured against.

An impulse of 1 mg into the first of up to three compartments leaves there

    c1(t) = [exp(-S t)]_11 / V1 = (1/V1) sum_j w_j exp(-l_j t)         S, l, w: physio.drugs.matrix_response

and every other dose form is another function of the exponents l, summed with the same weights. Where rates
meet (ka = l above all) the quotient of differences is a divided difference of exp, free of cancellation.

Units: mg, L, h and L/h make mg/L; any coherent set does (mg, L, min, L/min). First derivatives are accurate
everywhere; second derivatives need distinct exponents and Q > 0. Where an input starts or stops, the
derivative is the one from the later side. One person at a time: batch with jax.vmap.

Source: M. Gibaldi and D. Perrier, Pharmacokinetics, 2nd ed. (1982), chapters 1-3.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from physio.component import as_float
from physio.drugs.matrix_response import divided_difference, matrix_response


def _minus_exp(x):
    return -jnp.exp(-x)


def _bolus(rate, t):
    return jnp.exp(-rate * t)


def _mean_decay(x):
    """(1 - exp(-x)) / x, the mean of exp(-s) over s in [0, x]."""
    return divided_difference(_minus_exp, x, jnp.zeros_like(x), 1.0)


def _infusion(rate, t, duration):
    running = t < duration
    elapsed = jnp.where(running, t, duration)
    given = jnp.where(running, t / jnp.where(running, duration, 1.0), 1.0)
    return given * _mean_decay(rate * elapsed) * jnp.exp(-rate * (t - elapsed))


def _oral(rate, t, ka):
    return ka * divided_difference(lambda x: -jnp.exp(-x * t), rate, ka, t)


def _past_bolus(rate, t, every):
    """Boluses given one, two, three, ... intervals before the one at t = 0: a geometric sum."""
    return jnp.exp(-rate * (t + every)) / -jnp.expm1(-rate * every)


def _past_infusion(rate, t, every, duration):
    return _mean_decay(rate * duration) * _past_bolus(rate, t - duration, every)


def _past_oral(rate, t, every, ka):
    return ka * divided_difference(lambda x: -_past_bolus(x, t, every), rate, ka, t + every, pole=True)


def is_concrete(*values):
    """Whether all values are known now, rather than traced."""
    return not any(isinstance(value, jax.core.Tracer) for value in values)


def _floats(values):
    return tuple(as_float(value) for value in values)


def _elapsed(t, *course):
    return t


def _until_next(t, every, *course):
    return t + every


def since_arrival(t, lag, every):
    """Time since the last arrival (0 where nothing has arrived), and whether something has."""
    since = jnp.asarray(t) - lag
    if every is not None:
        since += every * jnp.maximum(jnp.ceil(-since / every), 0.0)
    arrived = since >= 0
    return jnp.where(arrived, since, 0.0), arrived if every is None else True


def _common(dtype, *values):
    """One shape for all, and one dtype in which a Python number does not count."""
    dtype = jnp.result_type(dtype, *values)
    return tuple(jnp.broadcast_arrays(*(jnp.asarray(value, dtype) for value in values)))


class LinearPK(eqx.Module):
    """One, two or three compartments, drug measured in the first and eliminated from it.

    clearance CL [L/h]; volumes (V1[, V2[, V3]]) [L]; exchange ([Q2[, Q3]]) [L/h]. Scalars; CL and Q may be 0.

    Every method takes t [h], time after the dose was given (any shape; broadcasts against the other
    arguments), and gives the concentration in compartment 1 [mg/L]: exactly 0, with zero gradient, before
    the dose arrives. lag [h] delays the arrival; bioavailability is the share of the amount [mg] that
    arrives (an infusion keeps its duration).

    steady_* are the exact sums over doses given at 0, -every, -2 every, ... without end. At t > every the
    dose at 0 was the last one (washout); at t < lag it has not arrived, so earlier doses make the curve.
    They need CL and Q above 0 (else ValueError, unless traced).
    """

    clearance: Float[Array, ""] = eqx.field(converter=as_float)
    volumes: tuple[Float[Array, ""], ...] = eqx.field(converter=_floats)
    exchange: tuple[Float[Array, ""], ...] = eqx.field(converter=_floats, default=())

    def __check_init__(self):
        if not 1 <= len(self.volumes) <= 3 or len(self.exchange) != len(self.volumes) - 1:
            raise ValueError(
                f"LinearPK: {len(self.volumes)} volumes and {len(self.exchange)} exchange clearances; "
                "give 1 to 3 volumes (L) and one exchange clearance (L/h) for each volume after the first"
            )
        for name, value in zip(("clearance", "exchange", "exchange"), (self.clearance, *self.exchange)):
            if is_concrete(value) and not np.all(np.asarray(value) >= 0):
                raise ValueError(f"LinearPK: {name} {value} L/h; it must be 0 or more")
        for value in self.volumes:
            if is_concrete(value) and not np.all(np.asarray(value) > 0):
                raise ValueError(f"LinearPK: volume {value} L; it must be above 0")

    def bolus(self, t, amount, *, lag=0.0, bioavailability=1.0):
        """amount [mg] into compartment 1 at once. At t = lag the dose is in."""
        return self._curve(_bolus, (), t, amount, lag, bioavailability)

    def infusion(self, t, amount, duration, *, lag=0.0, bioavailability=1.0):
        """amount [mg] at a constant rate over duration [h]; duration 0 is the bolus."""
        return self._curve(_infusion, (duration,), t, amount, lag, bioavailability)

    def oral(self, t, amount, ka, *, lag=0.0, bioavailability=1.0):
        """amount [mg] into a depot that empties at ka [1/h], which may equal an exponent or be 0."""
        return self._curve(_oral, (ka,), t, amount, lag, bioavailability)

    def steady_bolus(self, t, amount, every, *, lag=0.0, bioavailability=1.0):
        """bolus, repeated for ever, every [h] > 0."""
        return self._curve(_bolus, (), t, amount, lag, bioavailability, _past_bolus, every)

    def steady_infusion(self, t, amount, duration, every, *, lag=0.0, bioavailability=1.0):
        """infusion, repeated for ever, every [h] > 0; duration <= every, else ValueError unless traced."""
        if is_concrete(duration, every) and np.any(np.asarray(duration) > np.asarray(every)):
            raise ValueError(
                f"steady_infusion: duration {duration} h is longer than the interval {every} h; "
                "give a duration of at most one interval"
            )
        return self._curve(_infusion, (duration,), t, amount, lag, bioavailability, _past_infusion, every)

    def steady_oral(self, t, amount, ka, every, *, lag=0.0, bioavailability=1.0):
        """oral, repeated for ever, every [h] > 0."""
        return self._curve(_oral, (ka,), t, amount, lag, bioavailability, _past_oral, every)

    def _check_elimination(self):
        """A compartment that drug never leaves has no (unique) steady state."""
        if is_concrete(self.clearance) and np.asarray(self.clearance) == 0:
            raise ValueError("LinearPK: clearance 0 L/h has no steady state; give a clearance above 0")
        if any(is_concrete(value) and np.asarray(value) == 0 for value in self.exchange):
            raise ValueError("LinearPK: exchange 0 L/h has no steady state; leave that compartment out")

    def _curve(self, kernel, course, t, amount, lag, bioavailability, past=None, every=None):
        if self.clearance.ndim:
            raise ValueError("LinearPK: clearance (L/h) is an array; give one person and batch with jax.vmap")
        conductances = jnp.stack((self.clearance, *self.exchange))
        volumes = jnp.stack(self.volumes)
        since, arrived = since_arrival(t, lag, every)
        inputs = _common(volumes.dtype, since, *course)
        share = matrix_response(kernel, _elapsed, False, conductances, volumes, inputs)
        if past is not None:
            self._check_elimination()
            inputs = _common(volumes.dtype, since, every, *course)
            share += matrix_response(past, _until_next, True, conductances, volumes, inputs)
        return jnp.where(arrived, bioavailability * amount / volumes[0] * share, 0.0)


def superposed(curve, t, times, *doses, **options):
    """sum_k curve(t - times_k, *doses_k, **options), over the last axis of times [h] and of arrays in doses.

    curve: a method of LinearPK (saturable kinetics do not add up). t [h] and the result have the same shape,
    any: superposed(pk.oral, t, times, amounts, ka, lag=0.5). A time of +inf is a dose never given.
    """
    return jnp.sum(curve(jnp.asarray(t)[..., None] - jnp.asarray(times), *doses, **options), axis=-1)

"""Virtual people with a cuff, an echo and a catheter: what is unknown, what is read, what is asked.

Unknown are twelve numbers that both circulations have under the same addresses, so that people can be made by one model
and fitted by the other. Everything else stays at its published value.
"""

from collections.abc import Mapping, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from calibration.compiled import compiled_once
from calibration.problem import Problem
from physio.body import Body
from physio.component import placed
from physio.drugs.effect import Effect
from physio.noise import Additive, Proportional
from physio.observe import Maximum, Mean, Minimum, Observation, Readings
from physio.priors import LogNormal
from physio.protocol import ClosedBeat
from physio.solve import Anderson, Newton, Status, Trajectory, Tsit5
from physio.solve.lanes import lane_jacobian
from physio.system import System
from physio.wiring import times

FREE = (
    "pacemaker.rate",
    "lv.active_elastance",
    "lv.passive_elastance",
    "lv.unstressed",
    "rv.active_elastance",
    "rv.passive_elastance",
    "systemic_arteries.compliance",
    "systemic_bed.resistance",
    "systemic_return.resistance",
    "pulmonary_arteries.compliance",
    "pulmonary_bed.resistance",
    "total.blood",
)
METHOD = Tsit5(rtol=1e-6, atol=1e-6, max_steps=20_000)
MAKING = ClosedBeat(samples=48, closing=Anderson(), tolerance=1e-4, method=METHOD)
# closed to 1e-3 of the largest volume before the last Newton step, far below what instruments read
FITTING = ClosedBeat(samples=48, closing=Newton(cycles=5, steps=4), tolerance=1e-3, method=METHOD)

# Spreads: cuff 5 mmHg (a validated cuff may have 8 mmHg, AAMI), echo volumes 8-10 %, thermodilution 7 %, catheter
# 1-2 mmHg, one beat's length 0.01 s: usual clinical repeatability, assumed here for synthetic readings.
INSTRUMENTS = (
    Observation(Additive(0.01), Mean(), "beat", "pacemaker.period", "s"),
    Observation(Additive(5.0), Maximum(), "cuff systolic", "systemic_arteries.pressure", "mmHg"),
    Observation(Additive(5.0), Minimum(), "cuff diastolic", "systemic_arteries.pressure", "mmHg"),
    Observation(Proportional(0.08, 1.0), Maximum(), "echo end-diastolic volume", "lv.volume", "mL"),
    Observation(Proportional(0.10, 1.0), Minimum(), "echo end-systolic volume", "lv.volume", "mL"),
    Observation(Additive(1.0), Mean(), "catheter right atrium", "ra.pressure", "mmHg"),
    Observation(Additive(2.0), Maximum(), "catheter right ventricle", "rv.pressure", "mmHg"),
    Observation(Additive(1.5), Maximum(), "catheter pulmonary systolic", "pulmonary_arteries.pressure", "mmHg"),
    Observation(Additive(1.5), Minimum(), "catheter pulmonary diastolic", "pulmonary_arteries.pressure", "mmHg"),
    Observation(Additive(1.5), Mean(), "catheter wedge", "pulmonary_veins.pressure", "mmHg"),
    Observation(Proportional(0.07, 0.1), Mean(), "thermodilution output", "pulmonary_bed.flow", "L/min"),
)

DERIVED = {
    "stroke volume": "mL",
    "ejection fraction": "%",
    "cardiac output": "L/min",
    "mean arterial pressure": "mmHg",
    "systemic vascular resistance": "mmHg*s/mL",
    "mean pulmonary pressure": "mmHg",
    "left atrial pressure": "mmHg",
    "peak ventricular pressure": "mmHg",
    "stroke work": "mmHg*mL",
}


def treatable(body: Body, parameters: Sequence[str]) -> Body:
    """The body with one drug effect in front of each of these parameters, all without effect at first."""
    names = {address: f"effect_{i}" for i, address in enumerate(parameters)}
    one = placed(Effect, source="set by the arm", multiplier=LogNormal(1.0, cv=0.1))
    return body.wired(
        {name: one for name in names.values()},
        drive={address: times(f"{name}.multiplier") for address, name in names.items()},
    )


def derived(trajectory: Trajectory) -> Array:
    """The quantities of ``DERIVED`` (quantities, lanes) from one closed beat.

    Mean flow is read where it is smooth: over a closed beat it is the same everywhere, and evenly spaced samples of the
    jet through a valve would miss part of it.
    """
    addresses = [
        "systemic_bed.flow",
        "systemic_arteries.pressure",
        "ra.pressure",
        "pulmonary_arteries.pressure",
        "la.pressure",
        "lv.pressure",
        "pacemaker.period",
    ]
    path = trajectory.outputs(addresses)
    volume, t = trajectory["lv.volume"], trajectory.times
    largest, smallest = Maximum().read(t, volume)[0], Minimum().read(t, volume)[0]
    stroke = largest - smallest
    mean = {a: Mean().read(t, path[a])[0] for a in addresses}
    output = mean["systemic_bed.flow"]
    pressure = path["lv.pressure"]
    work = -(0.5 * (pressure[1:] + pressure[:-1]) * jnp.diff(volume, axis=0)).sum(0)
    return jnp.stack(
        [
            stroke,
            100.0 * stroke / largest,
            0.06 * output,
            mean["systemic_arteries.pressure"],
            (mean["systemic_arteries.pressure"] - mean["ra.pressure"]) / output,
            mean["pulmonary_arteries.pressure"],
            mean["la.pressure"],
            Maximum().read(t, pressure)[0],
            work,
        ]
    )


class People(eqx.Module):
    """People made by a model: values (unknowns, people), what instruments would read without error, beats, status.

    ``orbit`` is the state that their beat leaves where it is.
    """

    values: Array
    exact: list[Array]
    derived: Array
    volume: Array
    pressure: Array
    status: Array
    orbit: Array


def values_of(body: Body, z: Array) -> Array:
    """The unknowns in their own units under this body's priors."""
    known = body.parameters
    return jnp.stack([known[name].prior.from_z(z[i]) for i, name in enumerate(FREE)])


def with_effects(body: Body, effects: Array) -> Body:
    """The treatable body with these multipliers (effects, lanes)."""
    return body.with_values({f"effect_{i}.multiplier": effects[i] for i in range(effects.shape[0])})


@compiled_once
def observed(body: Body, values: Array, effects: Array, orbit: Array) -> People:
    """Run a treatable body with the unknowns at ``values`` and its drug effects at ``effects``, from ``orbit``."""
    person = with_effects(body.with_values(dict(zip(FREE, values, strict=True))), effects)
    trajectory = MAKING.run(person, values.shape[-1], orbit)
    exact = [o.predict(trajectory, 0.06 if o.unit == "L/min" else 1.0) for o in INSTRUMENTS]
    return People(
        values,
        exact,
        derived(trajectory),
        trajectory["lv.volume"],
        trajectory["lv.pressure"],
        trajectory.status,
        MAKING.memory(trajectory),
    )


def with_noise(people: People, keys: Array) -> list[Readings]:
    """Readings of every instrument with its error, one key a person."""
    noise = jax.vmap(lambda k: jax.random.normal(k, (len(INSTRUMENTS),)))(keys).T
    out = []
    for k, (instrument, exact) in enumerate(zip(INSTRUMENTS, people.exact, strict=True)):
        value = exact + instrument.noise.sd(exact) * noise[k]
        present = jnp.broadcast_to(people.status == Status.OK, value.shape)
        out.append(Readings(jnp.where(present, value, 1.0), present, jnp.zeros(value.shape, bool)))
    return out


def circulation_problem(body: Body, readings: Sequence[Readings]) -> Problem:
    """All people at once, under the priors of the fitted body."""
    return Problem(body, FREE, protocol=FITTING, observations=INSTRUMENTS, readings=readings)


class Treated(eqx.Module):
    """The fitted people under an arm, lanes last; ``slopes`` are derivatives along every unknown, on a leading axis.

    The unknowns are the person's z and one standard normal for each effect: multiplier = exp(m + s e).
    """

    derived: Array
    volume: Array
    pressure: Array
    slopes: "Treated | None"
    status: Array | None
    orbit: Array | None


@compiled_once
def treated(body: Body, z: Array, log_multiplier: Array, effect_sd: Array, orbit: Array) -> Treated:
    """Run the fitted body under drug effects, from ``orbit``."""
    unknowns = z.shape[0]

    def quantities(x):
        values = values_of(body, x[:unknowns])
        effects = jnp.exp(log_multiplier[:, None] + effect_sd[:, None] * x[unknowns:])
        person = with_effects(body.with_values(dict(zip(FREE, values, strict=True))), effects)
        trajectory = FITTING.run(person, x.shape[-1], orbit)
        seen = Treated(derived(trajectory), trajectory["lv.volume"], trajectory["lv.pressure"], None, None, None)
        return seen, (trajectory.status, FITTING.memory(trajectory))

    start = jnp.concatenate([z, jnp.zeros((log_multiplier.shape[0], z.shape[-1]), z.dtype)])
    seen, slopes, (status, orbit) = lane_jacobian(quantities, start, has_aux=True)
    return Treated(seen.derived, seen.volume, seen.pressure, slopes, status, orbit)


def from_rest(body: Body, lanes: int) -> Array:
    """The orbit of people of whom none is known: every lane begins at rest."""
    return jnp.full((len(System.of(body, 1).state_names), lanes), jnp.nan, dtype=float)


def effect_terms(arm_effects: Mapping[str, tuple[float, float]], parameters: Sequence[str]) -> tuple[Array, Array]:
    """log multiplier and its standard deviation for every treatable parameter; (0, 0) where the arm does nothing."""
    log_multiplier = np.zeros(len(parameters))
    sd = np.zeros(len(parameters))
    for k, address in enumerate(parameters):
        if address in arm_effects:
            factor, cv = arm_effects[address]
            log_multiplier[k], sd[k] = np.log(factor), np.sqrt(np.log1p(cv**2))
    return jnp.asarray(log_multiplier), jnp.asarray(sd)

"""What a problem must have before anything is solved; each refusal names what was found, what was expected and the fix."""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from physio.body import Body
from physio.component import ParameterInfo
from physio.observe import Observation, Readings
from physio.units import UnitError, unit
from physio.wiring import WiringError, unknown


def check_problem(
    body: Body,
    names: Sequence[str],
    table: Mapping[str, ParameterInfo],
    observations: Sequence[Observation],
    readings: Sequence[Readings],
) -> None:
    """Unknowns that exist and are named once, instruments the body can be read by, readings that can have been read."""
    if not names:
        raise ValueError("nothing to estimate: `free` names no unknown")
    for name in names:
        if name not in table:
            raise unknown("unknown to estimate", name, table)
        if names.count(name) > 1:
            raise ValueError(f"{name!r} is named {names.count(name)} times in `free`: name each unknown once")
    called = [o.name for o in observations]
    if len(set(called)) != len(called):
        raise ValueError(f"instruments need names of their own, got {', '.join(called)}")
    for o, read in zip(observations, readings, strict=True):
        _check_path(body, o)
        _check_spread(o)
        _check_values(o, read)


def check_shape(o: Observation, predicted: jax.Array, read: Readings) -> None:
    """As many numbers as are predicted: one short would be read as the same for all."""
    if predicted.shape != read.value.shape:
        (numbers, lanes), (have, people) = predicted.shape, read.value.shape
        raise ValueError(
            f"instrument {o.name!r} gives {numbers} numbers for each of {lanes} people, its readings are {have} for {people}: "
            "mark numbers that were not read as absent (nan)"
        )


def _check_path(body: Body, o: Observation) -> None:
    try:
        measured = body.unit_of(o.path)
    except WiringError as error:
        raise WiringError(f"instrument {o.name!r} reads what the body does not have: {error}") from None
    try:
        unit(measured).factor_to(unit(o.unit))
    except UnitError as error:
        raise UnitError(f"instrument {o.name!r} reads {o.path} in {o.unit}: {error}") from None


def _check_spread(o: Observation) -> None:
    """At a value of 1: an error that is nowhere positive leaves nothing to weigh readings by."""
    if any(isinstance(x, jax.core.Tracer) for x in jax.tree.leaves(o.noise)):
        return
    lanes = max((jnp.size(x) for x in jax.tree.leaves(o.noise)), default=1)
    spread = np.asarray(o.noise.sd(jnp.ones((1, lanes))))
    if not ((spread > 0.0) & (spread < np.inf)).all():
        raise ValueError(
            f"the error of instrument {o.name!r} has a standard deviation of {spread.ravel()[0]:g} at a value of 1: give its "
            f"{type(o.noise).__name__} noise numbers that make it positive and finite"
        )


def _check_values(o: Observation, read: Readings) -> None:
    if isinstance(read.value, jax.core.Tracer):
        return
    present = np.asarray(read.present)
    scaled = np.asarray(o.noise.transform(jnp.where(read.present, read.value, 1.0)))
    wrong = np.argwhere(present & ~np.isfinite(scaled))
    if wrong.size:
        row, person = wrong[0]
        raise ValueError(
            f"reading {row} of person {person} (counted from 0) by instrument {o.name!r} is {float(read.value[row, person]):g}, which "
            f"{type(o.noise).__name__} has no error for: mark it below its limit or as absent, or change the noise"
        )

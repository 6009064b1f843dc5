"""People with one oral dose each as one problem: the last samples of everybody may be held out."""

from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from calibration.problem import Problem
from experiments.tables import OralCourse
from physio.bodies.theophylline import theophylline
from physio.noise import Combined
from physio.observe import AtTimes, Observation, readings
from physio.priors import LogNormal
from physio.protocol import Timed
from physio.schedule import bolus, ragged
from physio.solve import Tsit5

FREE = ("absorption.rate", "elimination.clearance", "central.volume", "assay.spread", "assay.fraction")
METHOD = Tsit5(rtol=1e-7, atol=1e-8, max_steps=4000)
ASSAY = Observation(
    Combined(0.3, 0.1),
    AtTimes(),
    "assay",
    "central.concentration",
    "mg/L",
    (("spread", LogNormal(0.3, cv=0.7)), ("fraction", LogNormal(0.1, cv=0.5))),
)


def padded(people: Sequence[np.ndarray], fill_last: bool) -> np.ndarray:
    """(rows, people) from ragged columns, padded with the last value or with zero."""
    most = max(len(column) for column in people)
    return np.stack(
        [np.pad(c, (0, most - len(c)), mode="edge") if fill_last else np.pad(c, (0, most - len(c))) for c in people],
        axis=-1,
    )


def held_out(course: OralCourse, last: int) -> np.ndarray:
    """Mask of the last measured samples of one person."""
    measured = np.flatnonzero(course.concentration.observed | course.concentration.below)
    mask = np.zeros(len(course.times_h), bool)
    mask[measured[len(measured) - min(last, len(measured)) :]] = True
    return mask


def oral_problem(courses: Sequence[OralCourse], hold_out_last: int) -> Problem:
    """Absorption, clearance, volume and the assay's error of each person; a lane a person."""
    used = [
        (c.concentration.observed | c.concentration.below) & ~held_out(c, hold_out_last) for c in courses
    ]
    body = theophylline(1.0)
    weights = jnp.asarray([c.weight_kg for c in courses])
    body = with_weights(body, weights)
    doses = ragged([bolus("depot.drug", 0.0, c.dose_mg) for c in courses])
    return Problem(
        body,
        FREE,
        protocol=Timed(padded([c.times_h for c in courses], True), doses, METHOD),
        observations=[ASSAY],
        readings=[
            readings(
                padded([np.nan_to_num(c.concentration.value) for c in courses], False),
                padded(used, False),
                padded([c.concentration.below for c in courses], False),
            )
        ],
    )


def with_weights(body, weights):
    """The body with every lane's weight [kg]."""
    return eqx.tree_at(lambda b: b.parts["size"].weight, body, weights)

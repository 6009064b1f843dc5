"""People after one intravenous dose, four noisy samples each: two unknowns whose posteriors are somewhat skewed."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from calibration.problem import Problem
from physio.bodies.pharmacokinetics import intravenous
from physio.noise import Additive
from physio.observe import AtTimes, Observation, readings
from physio.protocol import Timed
from physio.schedule import bolus
from physio.solve import Tsit5

DOSE_MG, SD_MG_PER_L = 100.0, 0.3
TIMES_H = np.linspace(0.5, 8.0, 4)
FREE = ("elimination.clearance", "central.volume")


def bolus_problem(values: np.ndarray, *, informed: bool = True) -> Problem:
    """Concentrations [mg/L] (samples, people) of a one-compartment body."""
    assay = Observation(Additive(SD_MG_PER_L), AtTimes(), "assay", "central.concentration", "mg/L")
    protocol = Timed(TIMES_H, bolus("central.drug", 0.0, DOSE_MG), Tsit5(rtol=1e-7, atol=1e-8))
    return Problem(
        intravenous(1), FREE, protocol=protocol, observations=[assay], readings=[readings(values)], informed=informed
    )


def bolus_people(people: int, seed: int) -> tuple[Problem, Array]:
    """``(problem, true z)``: truths from the prior, readings by the closed form, so that the solver is not its own judge."""
    rng = np.random.default_rng(seed)
    truth = jnp.asarray(rng.standard_normal((2, people)))
    clearance, volume = bolus_problem(np.ones((TIMES_H.size, people))).values(truth)
    clean = np.asarray(DOSE_MG / volume * jnp.exp(-clearance / volume * TIMES_H[:, None]))
    return bolus_problem(clean + SD_MG_PER_L * rng.standard_normal(clean.shape)), truth

"""An intravenous glucose tolerance test as a problem: which samples are used, which basal values are known."""

import numpy as np

from calibration.problem import Problem
from experiments.tables import GlucoseTest
from physio.bodies.glucose import glucose_test
from physio.noise import Additive
from physio.observe import AtTimes, Observation, readings
from physio.priors import LogNormal
from physio.protocol import Timed
from physio.solve import Tsit5

KINETIC = ("glucose.effectiveness", "glucose.action_rate", "glucose.sensitivity", "glucose.initial_glucose")
BASAL = ("glucose.basal_glucose", "glucose.basal_insulin")
# a start whose rates are so fast that it needs more steps than this is refused, not waited for
METHOD = Tsit5(rtol=1e-8, atol=1e-8, max_steps=4000)
ASSAY_PRIOR = LogNormal(3.0, cv=0.5)


def _problem(test: GlucoseTest, start_min: float, free: tuple[str, ...], informed: bool, assay: Observation, values):
    # all sample times are stops, also the unused ones: the insulin signal has a kink at each
    used = test.glucose.observed & (test.times_min >= start_min)
    insulin = test.insulin.observed
    body = glucose_test(test.times_min[insulin], test.insulin.value[insulin]).with_values(values)
    return Problem(
        body,
        free,
        protocol=Timed(test.times_min, method=METHOD),
        observations=[assay],
        readings=[readings(test.glucose.value, used[:, None])],
        informed=informed,
    )


def least_squares_problem(test: GlucoseTest, start_min: float, basal_glucose: float, basal_insulin: float) -> Problem:
    """Unit weights, no priors, basal values known [mg/dL, uU/mL]: the classical fit."""
    assay = Observation(Additive(1.0), AtTimes(), "assay", "glucose.concentration", "mg/dL")
    known = {"glucose.basal_glucose": basal_glucose, "glucose.basal_insulin": basal_insulin}
    return _problem(test, start_min, KINETIC, False, assay, known)


def posterior_problem(test: GlucoseTest, start_min: float) -> Problem:
    """Priors on everything: kinetic and basal values and the spread of the assay are unknown."""
    assay = Observation(
        Additive(3.0), AtTimes(), "assay", "glucose.concentration", "mg/dL", (("spread", ASSAY_PRIOR),)
    )
    return _problem(test, start_min, (*KINETIC, *BASAL, "assay.spread"), True, assay, {})


def sum_of_squares(problem: Problem, values: dict[str, float]) -> float:
    """Sum of squared residuals of a problem with unit weights at given values."""
    z = problem.unknowns(np.array([[values[name]] for name in problem.names]))
    residuals = problem.evaluate(z).residuals
    return float((residuals**2).sum())

"""Seconds [s] that two published programs need for one person's day, where they are installed; None where they are not.

    simglucose    its virtual adult 1 stepped through the day minute by minute, as its own simulations are
    py-replay-bg  one evaluation of the posterior that it searches, at its own first guess: a day of its multi-meal model by a
                  fixed step of one minute

Both run in one thread. Their equations and errors are their own: seconds are of the same day, not of the same answer.

Sources: J. Xie, simglucose (MIT licence), 2018; G. Cappon et al., IEEE Trans. Biomed. Eng. 70:3227-3238 (2023), ReplayBG.
"""

import tempfile
import time
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np

from calibration.diabetes.inputs import DayInputs
from calibration.diabetes.sensor import STEP

MINUTES = 1440
LABELS = "BLSD"


def simglucose_seconds(day: DayInputs) -> float | None:
    """Of one day; its persons eat 5 g/min."""
    try:
        from simglucose.patient.t1dpatient import Action, T1DPatient
    except ImportError:
        return None
    eaten, given = _by_step(day, 1)
    person = T1DPatient.withName("adult#001")
    began = time.perf_counter()
    for grams, units in zip(eaten, given, strict=True):
        person.step(Action(CHO=grams, insulin=units + day.rate))
    return time.perf_counter() - began


def replay_seconds(day: DayInputs, repeats: int = 20) -> float | None:
    """Of one evaluation, the mean of some, its own compilation apart."""
    try:
        import pandas
        from py_replay_bg.data import ReplayBGData
        from py_replay_bg.environment import Environment
        from py_replay_bg.model.t1d_model_multi_meal import T1DModelMultiMeal
    except ImportError:
        return None
    step = int(STEP)
    eaten, given = (x / step for x in _by_step(day, step))
    label = np.full(eaten.size, "", dtype=object)
    # its model knows one absorption for each kind of meal
    for kind, place in zip(LABELS, np.flatnonzero(eaten), strict=False):
        label[place] = kind
    begins = datetime(2024, 1, 1, 6)
    table = pandas.DataFrame({
        "t": [begins + timedelta(minutes=step * i) for i in range(eaten.size)],
        "glucose": np.full(eaten.size, 130.0),
        "cho": eaten, "cho_label": label, "bolus": given, "bolus_label": label,
        "basal": np.full(eaten.size, day.rate), "exercise": np.zeros(eaten.size),
    })  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        place = Environment(blueprint="multi-meal", save_folder=folder, yts=step, plot_mode=False, verbose=False)
        model = T1DModelMultiMeal(table, day.weight, environment=place, is_twin=True)
        data = ReplayBGData(data=table, model=model, environment=place)
        for _ in range(3):
            model.neg_log_posterior(model.start_guess, data)
        began = time.perf_counter()
        for _ in range(repeats):
            model.neg_log_posterior(model.start_guess, data)
        return (time.perf_counter() - began) / repeats


def _by_step(day: DayInputs, step: int) -> tuple[np.ndarray, np.ndarray]:
    """Grams eaten from and units given in every ``step`` [min] of the day."""
    edges = np.arange(0.0, MINUTES + step, step)
    within = list(pairwise(edges))
    eaten = [sum(m.grams for m in day.meals if a <= m.minute < b) for a, b in within]
    given = [sum(x.units for x in day.boluses if a <= x.minute < b) for a, b in within]
    return np.asarray(eaten, float), np.asarray(given, float)

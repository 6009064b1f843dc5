"""Two compartments with normal noise, and the exact filter and smoother for them in NumPy, by matrix exponentials.

Noise between readings is integrated by the method of C. F. Van Loan, IEEE Trans. Autom. Control 23:395-404 (1978).
"""

from typing import NamedTuple

import numpy as np
import scipy.linalg

from calibration.assimilation import Gaussian, Twin, twin
from physio.bodies.pharmacokinetics import intravenous
from physio.noise import Additive
from physio.observe import AtTimes, Observation
from physio.schedule import bolus
from physio.solve import AbstractMethod, Tsit5

VOLUMES, CLEARANCE, EXCHANGE = np.asarray([30.0, 50.0]), 4.0, 6.0
NOISE, SPREAD, SD = np.asarray([2.0, 1.0]), np.asarray([10.0, 5.0]), 0.2
DOSE, EVERY_H, READ_H = 150.0, 8.0, 2.0
TIGHT = Tsit5(rtol=1e-12, atol=1e-12, first_step=0.1)


class Exact(NamedTuple):
    """Means (times, states) and covariances (times, states, states) of one person, filtered and smoothed."""

    mean: np.ndarray
    covariance: np.ndarray
    smooth_mean: np.ndarray
    smooth_covariance: np.ndarray


def compartments(lanes: int, count: int, nodes: int = 6, method: AbstractMethod = TIGHT) -> tuple[Twin, Gaussian]:
    """People and their belief at time 0; a dose every eight hours, the concentration read every two."""
    values = {
        "central.volume": VOLUMES[0],
        "peripheral.volume": VOLUMES[1],
        "elimination.clearance": CLEARANCE,
        "peripheral_exchange.clearance": EXCHANGE,
    }
    model = twin(
        intravenous(2).with_values(values),
        lanes=lanes,
        instruments=[Observation(Additive(SD), AtTimes(), "assay", "central.concentration", "mg/L")],
        schedule=bolus("central.drug", np.arange(0.0, READ_H * count, EVERY_H), DOSE),
        noise={"central.amount": NOISE[0], "peripheral.amount": NOISE[1]},
        nodes=nodes,
        method=method,
    )
    return model, model.start(spread={"central.amount": SPREAD[0], "peripheral.amount": SPREAD[1]})


def _interval() -> tuple[np.ndarray, np.ndarray]:
    """Transition and covariance of the noise over the time between two readings."""
    rates = np.asarray([[-CLEARANCE - EXCHANGE, EXCHANGE], [EXCHANGE, -EXCHANGE]]) / VOLUMES
    block = np.block([[-rates, np.diag(NOISE**2)], [np.zeros((2, 2)), rates.T]])
    exponential = scipy.linalg.expm(READ_H * block)
    transition = exponential[2:, 2:].T
    return transition, transition @ exponential[:2, 2:]


def simulated(people: int, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """``(times, concentrations (times, people))`` with noise and error."""
    generator = np.random.default_rng(seed)
    transition, covariance = _interval()
    root = np.linalg.cholesky(covariance)
    x, read = SPREAD[:, None] * generator.standard_normal((2, people)), []
    for k in range(count):
        x = x + np.asarray([DOSE * (READ_H * k % EVERY_H == 0.0), 0.0])[:, None]
        x = transition @ x + root @ generator.standard_normal((2, people))
        read.append(x[0] / VOLUMES[0] + SD * generator.standard_normal(people))
    return READ_H * np.arange(1, count + 1), np.stack(read)


def exact(read: np.ndarray) -> Exact:
    """Kalman filter and Rauch-Tung-Striebel smoother of one person's readings (times,)."""
    transition, noise = _interval()
    look = np.asarray([[1.0 / VOLUMES[0], 0.0]])
    mean, covariance = np.zeros(2), np.diag(SPREAD**2)
    before, after = [], []
    for k, value in enumerate(read):
        mean = transition @ (mean + np.asarray([DOSE * (READ_H * k % EVERY_H == 0.0), 0.0]))
        covariance = transition @ covariance @ transition.T + noise
        before.append((mean, covariance))
        gain = covariance @ look.T / (look @ covariance @ look.T + SD**2)
        mean, covariance = mean + gain @ (value - look @ mean), covariance - gain @ look @ covariance
        after.append((mean, covariance))
    past = [after[-1]]
    for (here, spread), (expected, width) in zip(after[-2::-1], before[:0:-1], strict=True):
        gain = spread @ transition.T @ np.linalg.inv(width)
        later, late = past[0]
        past.insert(0, (here + gain @ (later - expected), spread + gain @ (late - width) @ gain.T))
    return Exact(*map(np.asarray, zip(*after, strict=True)), *map(np.asarray, zip(*past, strict=True)))

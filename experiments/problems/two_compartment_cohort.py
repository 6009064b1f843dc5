"""A synthetic cohort with an oral drug in two compartments, as ordinary differential equations.

Three doses of 100 mg a day apart; fourteen samples over the first and the third day and in the slow phase that follows.
Everybody's five parameters scatter by 30 % (variance 0.09 of the logarithm, independent), readings by 20 % of the true value.
Typical values are those of the simulated public sets with 120 people (CL 4 L/h, V 70 L, ka 1 /h), with a peripheral compartment
of 50 L exchanging 4 L/h.
"""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

from calibration.population import Measured, Population, Theta
from physio.bodies.pharmacokinetics import oral
from physio.noise import Proportional
from physio.observe import AtTimes, Observation, readings
from physio.protocol import Timed
from physio.schedule import bolus
from physio.solve import AbstractMethod, Exponential, Tsit5

TYPICAL = {
    "absorption.rate": 1.0,
    "elimination.clearance": 4.0,
    "central.volume": 70.0,
    "peripheral_exchange.clearance": 4.0,
    "peripheral.volume": 50.0,
}
VARIANCE = 0.09
FRACTION = 0.2
TIMES = np.asarray([0.5, 1.0, 2.0, 4.0, 8.0, 12.0, 24.0, 49.0, 52.0, 56.0, 64.0, 72.0, 96.0, 144.0])
DOSES = bolus("depot.drug", [0.0, 24.0, 48.0], 100.0)
_BLOCK = 4096


def _structure(method: AbstractMethod, lanes: int) -> Measured:
    body = oral(2).with_values({"depot.lag": 0.0, "depot.bioavailability": 1.0})
    assay = Observation(Proportional(FRACTION, 0.0), AtTimes(), "assay", "central.concentration", "mg/L")
    return Measured(body, Timed(TIMES, DOSES, method), assay, lanes)


def _typical(theta: Mapping, covariates: Mapping) -> dict:
    return {name: theta[name] for name in TYPICAL}


def simulated(people: int, seed: int) -> np.ndarray:
    """Readings (times, people); a person's depend on the seed and the person's number only."""

    @jax.jit
    def block(first):
        keys = jax.vmap(lambda i: jax.random.fold_in(jax.random.key(seed), i))(first + jnp.arange(_BLOCK))
        draws = jax.vmap(lambda k: jax.random.normal(k, (len(TYPICAL) + len(TIMES),)))(keys).T
        own = jnp.asarray(list(TYPICAL.values()))[:, None] * jnp.exp(np.sqrt(VARIANCE) * draws[: len(TYPICAL)])
        exact, _ = _structure(Exponential(), _BLOCK).predict(dict(zip(TYPICAL, own, strict=True)), _BLOCK)
        return exact * (1.0 + FRACTION * draws[len(TYPICAL) :])

    return np.concatenate([np.asarray(block(i)) for i in range(0, people, _BLOCK)], axis=1)[:, :people]


def cohort(people: int, seed: int, rtol: float = 1e-6) -> Population:
    """The population to fit, from starting values that are 40 % to 60 % away from what made the data."""
    return Population(
        _structure(Tsit5(rtol=rtol, atol=1e-3 * rtol), people),
        readings(simulated(people, seed)),
        Proportional(FRACTION, 0.0),
        thetas=[Theta(name, value * off) for (name, value), off in zip(TYPICAL.items(), (1.5, 0.6, 1.4, 1.5, 0.6), strict=True)],
        typical=_typical,
        random=list(TYPICAL),
        variances=[0.2] * len(TYPICAL),
        spreads=["fraction"],
    )

"""People whose insulin sensitivity drifts over half a year while beta-cell mass follows, seen by weekly fasting samples.

The stiff body of Topp 2000: insulin settles in minutes, beta cells in months. Sensitivity reverts to the prior's median with
a memory of 100 days; beliefs are kept on logarithms, for all three states are positive.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from calibration.assimilation import Reverting, Twin, twin
from calibration.compiled import compiled_once
from physio.bodies.topp import topp
from physio.noise import LogNormalNoise
from physio.observe import AtTimes, Observation, Readings
from physio.solve import Rodas5P

FREE = ("islets.sensitivity",)
STATES = ("islets.glucose", "islets.insulin", "islets.mass")
DAYS = 7.0


def people_of(lanes: int) -> Twin:
    """Weekly glucose (4 %) and insulin (10 %)."""
    instruments = [
        Observation(LogNormalNoise(0.04), AtTimes(), "glucose", "islets.glucose", "mg/dL"),
        Observation(LogNormalNoise(0.10), AtTimes(), "insulin", "islets.insulin", "uU/mL"),
    ]
    return twin(
        topp(),
        FREE,
        lanes=lanes,
        instruments=instruments,
        logarithmic=STATES,
        drift={"islets.sensitivity": Reverting(0.01)},
        method=Rodas5P(rtol=1e-6, atol=1e-8, first_step=1e-2),
    )


@compiled_once
def _moved(model: Twin, x: Array, noise: Array, begin: Array, end: Array) -> Array:
    return model.transition(x, noise, begin, end)[0]


def lives(people: int, weeks: int, seed: int) -> tuple[np.ndarray, np.ndarray, Readings]:
    """``(times, sensitivity as z (weeks, people), readings)``; sensitivity moves in steps of a day."""
    generator = np.random.default_rng(seed)
    model = people_of(people)
    start = model.start()
    x = start.mean + jnp.zeros_like(start.mean).at[3].set(generator.standard_normal(people))
    z, read, now = [], [], jnp.zeros((people,))
    for _ in range(weeks):
        for _ in range(int(DAYS)):
            x, now = _moved(model, x, jnp.asarray(generator.standard_normal((1, people))), now, now + 1.0), now + 1.0
        z.append(np.asarray(x[3]))
        read.append(np.exp(np.asarray(x[:2]) + np.asarray([[0.04], [0.10]]) * generator.standard_normal((2, people))))
    value = jnp.asarray(np.stack(read))
    seen = Readings(value, jnp.ones(value.shape, bool), jnp.zeros(value.shape, bool))
    return DAYS * np.arange(1, weeks + 1), np.stack(z), seen

"""Derivatives through one oral dose, by the solver and by the derivatives of the closed form.

    c(t) = F D ka / (V (ka - k)) (exp(-k s) - exp(-ka s)),    k = CL/V,    s = t - time - lag
"""

import jax
import jax.numpy as jnp
import numpy as np

from physio.bodies.pharmacokinetics import oral
from physio.schedule import bolus
from physio.solve import DiscreteAdjoint, ForwardMode, Tsit5, solve

GIVEN = {
    "absorption.rate": 1.3,
    "elimination.clearance": 4.0,
    "central.volume": 20.0,
    "depot.bioavailability": 0.8,
    "depot.lag": 0.4,
}
DOSE = (0.5, 100.0)
AT = (2.0, 6.0)


def _closed(v):
    absorption, clearance, volume, share, lag, time, dose = v
    since = jnp.asarray(AT) - time - lag
    out = clearance / volume
    return share * dose * absorption / (volume * (absorption - out)) * (jnp.exp(-out * since) - jnp.exp(-absorption * since))


def worst_dose_derivative() -> float:
    """Largest error of a derivative with respect to kinetics, bioavailability, lag, time and amount, in either mode,
    relative to the largest of its row.
    """
    given = jnp.asarray([*GIVEN.values(), *DOSE])
    truth = np.asarray(jax.jacfwd(_closed)(given))

    def seen(v, adjoint):
        body = oral(1).with_values(dict(zip(GIVEN, v[:5], strict=True)))
        path = solve(body, bolus("depot.drug", v[5], v[6]), at=jnp.asarray(AT), method=Tsit5(1e-12, 1e-12), adjoint=adjoint)
        return path["central.concentration"]

    forward = jax.jit(jax.jacfwd(lambda v: seen(v, ForwardMode())))(given)
    reverse = jax.jit(jax.jacrev(lambda v: seen(v, DiscreteAdjoint(rows=1024))))(given)
    scale = np.abs(truth).max(axis=0)
    return max(float((np.abs(np.asarray(found) - truth) / scale).max()) for found in (forward, reverse))

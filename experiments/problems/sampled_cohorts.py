"""Two cohorts whose whole posterior is drawn: what all share and what everybody's parameters are.

Both are simulated from the posterior means that NONMEM's fits of the Bayesian-Benchmarks collection report, by designs of our
own:

    two compartments   120 people, 1000 mg at once into a vein every 24 h, seven doses, 24 concentrations each around the
                       first and the last dose; random effects on CL, V, Q and VP of 0.289, 0.274, 0.325 and 0.319
    neutropenia        12 people, 80 mg by mouth every 12 h, fifteen doses, 22 concentrations and 22 counts each over 28 days;
                       random effects on all but KA and gamma, of 0.3 on the drug and 0.2 on the marrow

Errors are normal on the logarithm. Priors on logarithms: typical values N(log of a round guess, 1), standard deviations of
random effects and of errors N(log 0.25, 0.7) and N(log 0.05, 0.7).

Sources: PumasAI-Labs/Bayesian-Benchmarks (2023), results of NONMEM; C. C. Margossian, Y. Zhang, W. R. Gillespie, CPT
Pharmacometrics Syst. Pharmacol. 11:1151-1169 (2022); L. E. Friberg et al., J. Clin. Oncol. 20:4713-4721 (2002).
"""

from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

import equinox as eqx
from calibration.population import AbstractStructure, Equations, Population, Theta
from physio.bodies.neutropenia import neutropenia
from physio.body import Body, lanes_of
from physio.component import as_float
from physio.noise import AbstractNoise, LogNormalNoise
from physio.observe import readings
from physio.priors import Normal
from physio.protocol import Timed
from physio.schedule import repeated
from physio.solve import AbstractAdjoint, DiscreteAdjoint, ForwardMode, Tsit5
from physio.solve.lanes import picked

SEED = 20261125
EVERY, DOSES, DOSE = 24.0, 7, 1000.0
TWO_TRUTH = {"CL": 4.115, "V": 67.55, "Q": 4.159, "VP": 53.54}
TWO_OMEGA = (0.289, 0.274, 0.325, 0.319)
TWO_SIGMA = 0.0407
TWO_TIMES = np.array(
    [0.25, 0.5, 1.0, 2.0, 4.0, 6.0, 8.0, 12.0, 24.0, 48.0, 72.0, 96.0, 120.0]
    + [144.0 + t for t in (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 12.0, 24.0, 36.0, 48.0, 72.0)]
)

MARROW_TRUTH = {
    "CL": 4.01, "VC": 51.0, "Q": 4.38, "VP": 48.6, "MTT": 116.9, "CIRC0": 5.00, "ALPHA": 0.332, "KA": 0.778, "GAMMA": 0.136,
}  # fmt: skip
MARROW_ADDRESSES = (
    "elimination.clearance", "central.volume", "peripheral_exchange.clearance", "peripheral.volume",
    "marrow.transit_time", "marrow.baseline", "effect.slope", "absorption.rate", "marrow.feedback",
)  # fmt: skip
MARROW_OMEGA = (0.3, 0.3, 0.3, 0.3, 0.2, 0.2, 0.2)
MARROW_SIGMAS = (0.0376, 0.0451)
DRUG_TIMES = np.array(
    [0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 24.0, 72.0, 120.0]
    + [168.0 + t for t in (0.5, 1.0, 2.0, 4.0, 6.0, 8.0, 12.0, 24.0, 36.0, 48.0, 72.0)]
)
COUNT_TIMES = np.array([0.0] + [24.0 * d for d in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16, 18, 20, 22, 24, 26, 28)])
METHOD = Tsit5(rtol=1e-4, atol=1e-5, max_steps=2000)


class Simulated(NamedTuple):
    """A cohort, its priors, the numbers of x that it was made from, and its structure for reverse mode where that pays."""

    population: Population
    priors: dict[str, Normal]
    truth: dict[str, float]
    reverse: AbstractStructure | None = None


class TwoErrors(AbstractNoise):
    """Log-normal error of one instrument in the first ``rows`` readings and of another in the rest."""

    first: Array = eqx.field(converter=as_float)
    second: Array = eqx.field(converter=as_float)
    rows: int = eqx.field(static=True)

    def sd(self, predicted):
        row = (jnp.arange(predicted.shape[0]) < self.rows).reshape((-1,) + (1,) * (predicted.ndim - 1))
        return jnp.broadcast_to(jnp.where(row, self.first, self.second), predicted.shape)

    def transform(self, value):
        return jnp.log(value)

    def inverse(self, transformed):
        return jnp.exp(transformed)


class DrugAndCounts(AbstractStructure):
    """Concentrations [mg/L] at their times, then counts of neutrophils [1/nL] at theirs."""

    body: Body
    protocol: Timed
    drug_rows: tuple[int, ...] = eqx.field(static=True)
    count_rows: tuple[int, ...] = eqx.field(static=True)

    def __init__(self, lanes: int, adjoint: AbstractAdjoint = ForwardMode()):
        times = np.unique(np.concatenate([DRUG_TIMES, COUNT_TIMES]))
        doses = repeated("depot.drug", 80.0, every=12.0, count=15)
        self.body = lanes_of(neutropenia(), lanes)
        self.protocol = Timed(times, doses, METHOD, adjoint).widened(lanes)
        self.drug_rows = tuple(int(i) for i in np.searchsorted(times, DRUG_TIMES))
        self.count_rows = tuple(int(i) for i in np.searchsorted(times, COUNT_TIMES))

    def predict(self, values, lanes):
        path = self.protocol.run(self.body.with_values(dict(values)), lanes)
        drug, count = path["central.concentration"], path["marrow.count"]
        return jnp.concatenate([drug[jnp.asarray(self.drug_rows)], count[jnp.asarray(self.count_rows)]]), path.status

    def picked(self, index):
        return eqx.tree_at(lambda s: (s.body, s.protocol), self, picked((self.body, self.protocol), index))


def with_method(structure: DrugAndCounts, method: Tsit5) -> DrugAndCounts:
    """The same cohort solved to another tolerance."""
    protocol = Timed(structure.protocol.at, structure.protocol.schedule, method)
    return eqx.tree_at(lambda s: s.protocol, structure, protocol)


def intravenous_course(values: Mapping[str, Array], given: None) -> Array:
    """Concentrations [mg/L] (times, people) of equal doses at equal intervals: the geometric sum over those given before."""
    cl, v, q, vp = (values[name] for name in TWO_TRUTH)
    out, over, back = cl / v, q / v, q / vp
    total = out + over + back
    fast = 0.5 * (total + jnp.sqrt(total**2 - 4.0 * out * back))
    slow = out * back / fast
    before = np.ceil(np.minimum(TWO_TIMES / EVERY, DOSES)).astype(int)
    since = TWO_TIMES - EVERY * (before - 1)
    numbers = jnp.arange(1, DOSES + 1)[:, None]

    def decays(rate):
        series = jnp.expm1(-rate * EVERY * numbers) / jnp.expm1(-rate * EVERY)
        return jnp.exp(-rate * since[:, None]) * series[before - 1]

    return DOSE / v * ((fast - back) * decays(fast) + (back - slow) * decays(slow)) / (fast - slow)


def _priors(population: Population, guesses: Mapping[str, float]) -> dict[str, Normal]:
    priors = {name: Normal(float(np.log(guess)), 1.0) for name, guess in guesses.items()}
    priors |= {n: Normal(float(np.log(0.25)), 0.7) for n in population.names if n.startswith("omega")}
    return priors | {n: Normal(float(np.log(0.05)), 0.7) for n in population.spreads}


def _made(structure, noise, truth, omega, random, addresses, spreads, guesses, people, seed) -> Simulated:
    """A cohort with readings drawn from the truth."""
    rng = np.random.default_rng(seed)
    rows = jax.eval_shape(
        lambda: structure.predict({a: jnp.full(people, v) for a, v in zip(addresses, truth.values(), strict=True)}, people)[0]
    ).shape[0]
    scatter = np.array(omega)[:, None] * rng.standard_normal((len(omega), people))
    names = tuple(truth)

    def typical(theta, covariates):
        return {a: theta[n] for a, n in zip(addresses, names, strict=True)}

    def population_of(values):
        return Population(
            structure,
            readings(values),
            noise,
            thetas=[Theta(n, v) for n, v in guesses.items()],
            typical=typical,
            random=random,
            variances=[0.0625] * len(random),
            spreads=spreads,
        )

    blank = population_of(jnp.ones((rows, people)))
    logs = np.log(np.array(list(truth.values())))[:, None] + np.concatenate(
        [scatter, np.zeros((len(truth) - len(omega), people))]
    )
    predicted, _ = jax.jit(lambda p, v: p.predict(v))(blank, jnp.asarray(logs))
    error = np.asarray(noise.sd(predicted)) * rng.standard_normal(predicted.shape)
    population = population_of(jnp.asarray(np.asarray(predicted) * np.exp(error)))
    sigmas = [float(vars(noise)[s]) for s in spreads]
    x = [*np.log(list(truth.values())), *np.log(omega), *np.log(sigmas)]
    return Simulated(population, _priors(population, guesses), dict(zip(population.names, map(float, x), strict=True)))


def two_compartments(people: int = 120) -> Simulated:
    """Concentrations after seven intravenous doses."""
    guesses = {"CL": 5.0, "V": 60.0, "Q": 5.0, "VP": 60.0}
    names = tuple(TWO_TRUTH)
    structure = Equations(None, intravenous_course)
    return _made(
        structure, LogNormalNoise(TWO_SIGMA), TWO_TRUTH, TWO_OMEGA, names, names, ("spread",), guesses, people, SEED
    )


def neutropenia_cohort(people: int = 12) -> Simulated:
    """Concentrations and counts during and after a week of doses."""
    guesses = {
        "CL": 5.0, "VC": 50.0, "Q": 5.0, "VP": 50.0, "MTT": 125.0, "CIRC0": 5.0, "ALPHA": 0.3, "KA": 1.0, "GAMMA": 0.17,
    }  # fmt: skip
    noise = TwoErrors(*MARROW_SIGMAS, len(DRUG_TIMES))
    random = MARROW_ADDRESSES[: len(MARROW_OMEGA)]
    made = _made(
        DrugAndCounts(people), noise, MARROW_TRUTH, MARROW_OMEGA, random, MARROW_ADDRESSES, ("first", "second"), guesses,
        people, SEED + 1,
    )  # fmt: skip
    # 369 steps on average, 500 at most where parameters are 20 % off
    return made._replace(reverse=DrugAndCounts(people, DiscreteAdjoint(rows=1024, blocks=1)))

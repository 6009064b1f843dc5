"""A posterior learnt once, against quadrature."""

import equinox as eqx
import jax
import numpy as np
import pytest
from calibration.posterior.amortised import Source, Training, amortised, train
from calibration.posterior.draws import DrawStatus
from calibration.problem import Problem
from physio.bodies.pharmacokinetics import intravenous
from physio.noise import Additive
from physio.observe import AtTimes, Observation, readings
from physio.protocol import Timed
from physio.schedule import bolus
from physio.solve import Exponential
from straight_line import LANES

KEYS = jax.random.split(jax.random.key(1), LANES)


TIMES = np.array([1.0, 4.0, 8.0])


def person(values=None, times=TIMES):
    """One compartment of known volume, one bolus; clearance is unknown."""
    body = intravenous(1).with_values({"central.volume": 20.0})
    assay = Observation(Additive(0.4), AtTimes(), "assay", "central.concentration", "mg/L")
    value = np.ones(times.size) if values is None else values
    protocol = Timed(times, bolus("central.drug", 0.0, 100.0), Exponential())
    return Problem(
        body, ["elimination.clearance"], protocol=protocol, observations=[assay], readings=[readings(value)]
    )


@pytest.fixture(scope="module")
def network():
    return train(person(), jax.random.key(6), Training(people=4000, steps=1000, width=32, depth=2, components=2), chunk=1000)


def by_quadrature(curve):
    """Posterior mean and standard deviation of z by a grid."""
    grid = np.linspace(-7.0, 7.0, 2801)
    clearance = 4.0 * np.exp(np.sqrt(np.log1p(0.5**2)) * grid)
    error = (curve - 5.0 * np.exp(-clearance[:, None] / 20.0 * TIMES)) / 0.4
    logs = -0.5 * (error**2).sum(1) - 0.5 * grid**2
    weight = np.exp(logs - logs.max())
    weight /= weight.sum()
    mean = (weight * grid).sum()
    return mean, np.sqrt((weight * (grid - mean) ** 2).sum())


def test_amortised_posterior_against_quadrature_and_a_wrong_network_is_found_out(network):
    curves = 5.0 * np.exp(-np.array([2.5, 5.0, 2.5]) / 20.0 * TIMES[:, None])
    curves += 0.3 * np.random.default_rng(9).standard_normal(curves.shape)
    # few people like the third were ever simulated
    curves[:, 2] = [0.5, 1.0, 0.5]
    problem = person(curves)
    wrong = eqx.tree_at(lambda m: m.location, network, network.location + 3.0)
    for model, source in ((network, Source.NETWORK), (wrong, Source.LAPLACE)):
        found = amortised(model, problem, KEYS, draws=2000, tried=4000, sampler=None)
        assert (found.source[:2] == source).all()
        assert (np.asarray(found.draws.status) == DrawStatus.OK).all()
        assert ((found.k_hat <= 0.7) == (found.source == Source.NETWORK)).all()
        for lane in range(LANES):
            mean, sd = by_quadrature(curves[:, lane])
            drawn = np.asarray(found.draws.z)[0, :, 0, lane]
            assert drawn.mean() == pytest.approx(mean, abs=0.15 * sd), lane
            assert drawn.std() == pytest.approx(sd, rel=0.12), lane
    raw = np.asarray(amortised(network, problem, KEYS, draws=2000, tried=4000, sampler=None).raw)
    for lane in range(2):
        mean, sd = by_quadrature(curves[:, lane])
        assert raw[:, 0, lane].mean() == pytest.approx(mean, abs=0.25 * sd), lane


def test_missing_readings_and_other_designs_do_not_reach_a_network_that_never_saw_them(network):
    problem = person(np.array([[4.0, np.nan, 4.0], [2.5, 2.5, np.nan], [np.nan, 1.5, 1.5]]))
    found = amortised(network, problem, KEYS, draws=2000, tried=4000, sampler=None)
    assert (found.source == Source.LAPLACE).all() and np.isinf(found.k_hat).all()
    assert (np.asarray(found.draws.status) == DrawStatus.OK).all()
    with pytest.raises(ValueError, match="another protocol"):
        amortised(network, person(np.array([4.0, 2.5, 1.5]), TIMES + 1.0), KEYS[:1])

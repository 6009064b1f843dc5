"""Mixing of chains against closed forms of autoregressive chains."""

import numpy as np
import pytest
from calibration.posterior.mixing import e_bfmi, ess_bulk, ess_mean, ess_tail, r_hat


def chains_of(phi, chains=4, draws=4000, seed=0):
    """AR(1) chains, begun in their stationary distribution."""
    rng = np.random.default_rng(seed)
    x = np.zeros((chains, draws))
    x[:, 0] = rng.standard_normal(chains) / np.sqrt(1.0 - phi**2)
    for t in range(1, draws):
        x[:, t] = phi * x[:, t - 1] + rng.standard_normal(chains)
    return x


@pytest.mark.parametrize("phi", [0.9, 0.5, 0.0, -0.4])
def test_effective_draws_of_an_autoregressive_chain(phi):
    """n (1 - phi) / (1 + phi) for the mean, and n (1 - phi^2) / (1 + phi^2) for the mean square."""
    x = chains_of(phi)
    assert float(ess_mean(x)) == pytest.approx(x.size * (1 - phi) / (1 + phi), rel=0.12)
    assert float(ess_bulk(x)) == pytest.approx(x.size * (1 - phi) / (1 + phi), rel=0.12)
    assert float(ess_mean(x**2)) == pytest.approx(x.size * (1 - phi**2) / (1 + phi**2), rel=0.12)


def test_energy_information_of_an_autoregressive_chain():
    np.testing.assert_allclose(e_bfmi(chains_of(0.6)), 2.0 * (1.0 - 0.6), rtol=0.1)


def test_r_hat_sees_what_it_is_known_to_see():
    """Places, spreads and infinite variances of chains (Vehtari 2021, section 4)."""
    rng = np.random.default_rng(2)
    same = rng.standard_normal((4, 500))
    assert float(r_hat(same)) < 1.01
    assert float(r_hat(same + np.array([0.0, 0.0, 0.0, 1.0])[:, None])) > 1.05
    assert float(r_hat(same * np.array([1.0, 1.0, 1.0, 0.3])[:, None])) > 1.05
    cauchy = rng.standard_cauchy((4, 500))
    assert float(r_hat(cauchy)) < 1.01
    assert float(r_hat(cauchy + np.array([0.0, 0.0, 0.0, 3.0])[:, None])) > 1.05
    # what is monotone does not matter
    assert float(r_hat(np.exp(same) ** 3)) == pytest.approx(float(r_hat(same)), abs=5e-3)


def test_what_is_not_a_number_or_never_moves_has_no_effective_draws():
    x = np.stack([chains_of(0.0, draws=50), np.ones((4, 50)), np.full((4, 50), np.nan)], axis=-1)
    assert np.isfinite(ess_bulk(x)).tolist() == [True, False, False]
    assert np.isfinite(r_hat(x)).tolist() == [True, False, False]


def test_too_few_draws_are_refused():
    with pytest.raises(ValueError, match="at least 8 draws"):
        ess_bulk(np.zeros((4, 5)))


def test_mixing_against_arviz():
    arviz = pytest.importorskip("arviz", reason="compares with ArviZ, which is in the extra 'bayes'")
    for x in (chains_of(0.9, draws=401), chains_of(-0.4, draws=200) ** 3, chains_of(0.99, draws=150)):
        assert float(ess_bulk(x)) == pytest.approx(float(arviz.ess(x, method="bulk")), rel=1e-9)
        assert float(ess_tail(x)) == pytest.approx(float(arviz.ess(x, method="tail", prob=(0.05, 0.95))), rel=1e-9)
        assert float(r_hat(x)) == pytest.approx(float(arviz.rhat(x)), rel=1e-9)

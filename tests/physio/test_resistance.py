"""Resistance and adaptive doses: equilibria and slopes that are known, and the two policies against each other."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from physio.bodies.prostate_cancer import adaptive, calendar, smoothly_adaptive
from physio.schedule import nothing, switch
from physio.solve import Status, Tsit5, solve
from physio.tumours.combinations import Hill, MuSyC, bliss, efficacy_synergy, loewe, loewe_index
from physio.tumours.resistance import CostAndTurnover, LoweredCapacity

TIGHT = Tsit5(rtol=1e-9, atol=1e-11)
# a relapse that takes several cycles
MAN = {"tumour.burden": 0.6, "tumour.resistant": 0.01, "tumour.cost": 0.5, "tumour.turnover": 0.3}


def rate(tumour, sensitive, resistant, dose):
    state = tumour.State(jnp.asarray(sensitive), jnp.asarray(resistant))
    sensed = tumour.Sensed(dose=jnp.asarray(dose))
    found = tumour.rates(0.0, state, sensed, tumour.outputs(0.0, state, sensed))
    return float(found.sensitive), float(found.resistant)


def test_untreated_it_comes_to_one_less_the_turnover_all_sensitive():
    tumour = CostAndTurnover(cost=0.5, turnover=0.3)
    assert rate(tumour, 0.7, 0.0, 0.0) == pytest.approx((0.0, 0.0), abs=1e-15)
    # there resistant cells are driven out, at turnover * cost * rS
    assert rate(tumour, 0.7, 1e-6, 0.0)[1] / 1e-6 == pytest.approx(-0.3 * 0.5 * 0.027, rel=1e-3)
    # with the drug resistant cells alone come to 1 - turnover / (1 - cost)
    assert rate(tumour, 0.0, 1.0 - 0.3 / 0.5, 1.0)[1] == pytest.approx(0.0, abs=1e-15)


def test_a_lowered_capacity_is_the_published_form():
    """In cells of 1e4 and true days: rS S (1 - (S + R) / (1e4 - 9500 u)), rR R (1 - (6 S + R) / 1e4)."""
    s, r, u = 4000.0, 100.0, 1.0
    found = rate(LoweredCapacity(rate=0.0208, slower=0.01213, competition=6.0), s / 1e4, r / 1e4, u)
    wanted = (0.0208 * s * (1 - (s + r) / (1e4 - 9500 * u)), 0.01213 * r * (1 - (6 * s + r) / 1e4))
    np.testing.assert_allclose(np.asarray(found) * 1e4, wanted, rtol=1e-12)


def test_holidays_against_scipy():
    """Drug on for 60 days, off for 90, on again; the marker lags the tumour."""
    man = calendar().with_values({**MAN, "marker.baseline": 10.0, "marker.half_life": 2.0})
    seen = np.array([30.0, 60.0, 110.0, 150.0, 250.0])
    path = solve(man, switch("dose", 0.0, 60.0) + switch("dose", 150.0, 400.0), at=seen, method=TIGHT)

    def rates(_, y, dose):
        s, r, p = y
        room = 0.027 * (1 - s - r)
        return [
            (room * (1 - 3 * dose) - 0.3 * 0.027) * s,
            (room * 0.5 - 0.3 * 0.027) * r,
            np.log(2) / 2.0 * (10.0 * (s + r) / 0.6 - p),
        ]

    y, t, expected = [0.594, 0.006, 10.0], 0.0, []
    for end in seen:
        dose = float(end <= 60.0 or end > 150.0)
        y = solve_ivp(rates, (t, end), y, "DOP853", rtol=1e-10, atol=1e-12, args=(dose,)).y[:, -1]
        t = end
        expected.append(y[2])
    np.testing.assert_allclose(path["marker.level"], expected, rtol=1e-6)


def test_adaptive_doses_switch_at_half_and_at_the_baseline():
    man = adaptive().with_values(MAN)
    at = np.arange(0.0, 400.0, 0.2)
    path = solve(man, nothing(), at=at, method=TIGHT)
    assert int(path.status) == Status.OK
    dose, marker = np.asarray(path["policy.dose"]), np.asarray(path["marker.relative"])
    assert set(np.unique(dose)) == {0.0, 1.0}
    off, on = np.flatnonzero(np.diff(dose) < 0), np.flatnonzero(np.diff(dose) > 0)
    assert len(off) >= 3 and len(on) >= 2
    # within 0.2 d of a switch the marker moves by less than 1 %
    np.testing.assert_allclose(marker[off], 0.5, rtol=0.01)
    np.testing.assert_allclose(marker[on], 1.0, rtol=0.01)
    # days with drug are the time for which the dose was 1
    given = path["policy.given"]
    assert float(given[-1]) == pytest.approx(float(dose.mean() * at[-1]), rel=0.01)
    assert 0.1 < float(given[-1]) / at[-1] < 0.9


def test_the_smooth_policy_is_near_the_exact_one_and_has_derivatives():
    at = np.array([40.0, 800.0])
    exact = np.asarray(solve(adaptive().with_values(MAN), nothing(), at=at, method=TIGHT)["policy.given"])
    body = smoothly_adaptive().with_values({**MAN, "policy.lag": 0.2})

    @jax.jit
    def given(steep, stop):
        changed = body.with_values({"policy.stop": stop, "policy.steep": steep})
        return solve(changed, nothing(), at=at, method=TIGHT)["policy.given"]

    away = [np.abs(np.asarray(given(steep, 0.5)) / exact - 1.0) for steep in (100.0, 800.0)]
    # the first pause begins nearly where it should, and over many cycles the same share of days is with drug
    assert (away[1] < 0.03).all() and away[1][0] < away[0][0]
    # a lower threshold keeps the drug on for longer in the first cycle
    slope = jax.jvp(lambda s: given(800.0, s), (0.5,), (1.0,))[1]
    difference = (given(800.0, 0.5 + 1e-4) - given(800.0, 0.5 - 1e-4)) / 2e-4
    assert float(slope[0]) < -5.0 and float(slope[0]) == pytest.approx(float(difference[0]), rel=1e-3)


# ---- combinations ------------------------------------------------------------------------------------------

STEEP = Hill(1.0, 0.1, 2.0, 2.0)
WEAK = Hill(1.0, 0.4, 0.5, 1.3)


def test_a_drug_with_itself_is_additive_by_loewe_and_not_by_bliss():
    d1, d2 = 0.7, 1.6
    together = STEEP.effect(d1 + d2)
    assert float(loewe_index(STEEP, STEEP, d1, d2, together)) == pytest.approx(1.0, rel=1e-12)
    assert float(loewe(STEEP, STEEP, d1, d2)) == pytest.approx(float(together), rel=1e-12)
    assert abs(float(bliss(STEEP, STEEP, d1, d2) - together)) > 0.05
    # with h = 1 and a drug that can kill all, half doses do multiply as independent ones only without saturation
    assert float(loewe(STEEP, WEAK, 1.0, 0.0)) == pytest.approx(float(STEEP.effect(1.0)), rel=1e-12)


def test_loewe_has_the_derivative_of_its_equation():
    found = jax.grad(lambda d: loewe(STEEP, WEAK, d, 0.3))(jnp.asarray(0.8))
    h = 1e-4
    difference = (loewe(STEEP, WEAK, 0.8 + h, 0.3) - loewe(STEEP, WEAK, 0.8 - h, 0.3)) / (2 * h)
    assert float(found) == pytest.approx(float(difference), rel=1e-6)
    # beyond what the weak drug can do, only the strong one counts
    assert float(loewe(STEEP, WEAK, 6.0, 5.0)) == pytest.approx(float(STEEP.effect(6.0)), rel=1e-9)


def musyc(**changed):
    both = changed.pop("both", STEEP.most * WEAK.most)
    return MuSyC(STEEP, WEAK, both, **{"alpha12": 1.0, "alpha21": 1.0, "gamma12": 1.0, "gamma21": 1.0, **changed})


def test_musyc_without_interaction_is_bliss():
    for d1, d2 in ((0.3, 0.1), (2.0, 0.5), (9.0, 4.0)):
        assert float(musyc().effect(d1, d2)) == pytest.approx(float(bliss(STEEP, WEAK, d1, d2)), rel=1e-12)


def test_musyc_states_are_the_steady_state_of_the_square():
    """By the null space of the rates between the four states, with all interactions on."""
    surface = musyc(alpha12=3.0, alpha21=0.4, gamma12=1.4, gamma21=0.7)
    d1, d2 = 1.3, 0.9
    a, b = (d1 / 2.0) ** 2.0, (d2 / 0.5) ** 1.3
    c, d = (0.4 * d1 / 2.0) ** (0.7 * 2.0), (3.0 * d2 / 0.5) ** (1.4 * 1.3)
    flows = np.array([[-a - b, 1, 1, 0], [a, -1 - d, 0, 1], [b, 0, -1 - c, 1], [0, d, c, -2.0]])
    _, _, v = np.linalg.svd(flows)
    np.testing.assert_allclose(surface.states(d1, d2), v[-1] / v[-1].sum(), rtol=1e-10)


def test_musyc_at_its_edges_and_corner():
    surface = musyc(both=0.02, alpha12=5.0, alpha21=2.0)
    assert float(surface.effect(1.0, 0.0)) == pytest.approx(float(STEEP.effect(1.0)), rel=1e-12)
    assert float(surface.effect(0.0, 1.0)) == pytest.approx(float(WEAK.effect(1.0)), rel=1e-12)
    assert float(surface.effect(1e9, 1e9)) == pytest.approx(0.02, rel=1e-6)
    # under endless first drug the second has its half effect at C2 / alpha12
    assert float(surface.effect(1e9, 0.5 / 5.0)) == pytest.approx(0.5 * (0.1 + 0.02), rel=1e-6)
    assert efficacy_synergy(musyc(both=0.1)) == 0.0 and efficacy_synergy(surface) == pytest.approx(0.08 / 0.9)
    assert np.isfinite(jax.grad(lambda d: musyc().effect(d, d))(0.0))

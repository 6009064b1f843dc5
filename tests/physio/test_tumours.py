"""Tumours: printed tables, closed forms against the laws, and limits in which more is known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.linalg import expm

from physio.bodies.combination import two_drugs
from physio.bodies.tumours import fractions, inhibited, irradiated, two_processes, untreated
from physio.bodies.xenograft import xenograft
from physio.schedule import bolus, switch
from physio.solve import Status, Tsit5, solve
from physio.tumours import closed_forms as exact
from physio.tumours.growth import Bertalanffy, ClassicalBertalanffy, Exponential, Gompertz, Logistic, PowerLaw, ReducedGompertz
from physio.tumours.inhibition import claret, claret_nadir, stein, stein_nadir
from physio.tumours.linear_quadratic import biologically_effective_dose, equivalent_dose, surviving
from physio.tumours.simeoni import simeoni_untreated

TIGHT = Tsit5(rtol=1e-11, atol=1e-12)
DAYS = np.linspace(0.0, 24.0, 9)
# a and b of Gompertz's law: medians of the 20 mice
A, B = 0.7425, 0.0792


def digits(value, printed):
    """Whether a value rounds to what is printed."""
    decimals = len(printed.partition("e")[0].partition(".")[2])
    exponent = int(printed.partition("e")[2] or 0)
    return abs(float(value) - float(printed)) <= 0.5000001 * 10.0 ** (exponent - decimals)


LAWS = {
    "exponential": (Exponential(start=13.2, rate=0.25), lambda t: exact.exponential(t, 13.2, 0.25)),
    "logistic": (Logistic(start=1.0, rate=0.5, capacity=1300.0), lambda t: exact.logistic(t, 1.0, 0.5, 1300.0)),
    "Gompertz": (Gompertz(start=2.0, rate=A, slowing=B), lambda t: exact.gompertz(t, 2.0, A, B)),
    "reduced": (ReducedGompertz(start=1.0, slowing=B, ratio=9.0), lambda t: exact.gompertz(t, 1.0, 9.0 * B, B)),
    "power": (PowerLaw(start=1.0, gain=0.92, power=0.79), lambda t: exact.power_law(t, 1.0, jnp.asarray(0.92), 0.79)),
    "Bertalanffy": (
        Bertalanffy(start=1.0, gain=0.95, loss=0.05, power=0.8), lambda t: exact.bertalanffy(t, 1.0, 0.95, 0.05, 0.8)
    ),
    "classical": (
        ClassicalBertalanffy(start=3.0, gain=2.0, loss=0.05), lambda t: exact.bertalanffy(t, 3.0, 2.0, 0.05, 2.0 / 3.0)
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LAWS)
def test_a_closed_form_obeys_its_law(name):
    """Its derivative in time is the part's rate at its size, and it begins at the part's start."""
    law, form = LAWS[name]
    size, slope = jax.vmap(lambda t: jax.jvp(form, (t,), (1.0,)))(jnp.asarray(DAYS))
    np.testing.assert_allclose(slope, jax.vmap(law.growth)(size), rtol=1e-10)
    assert float(size[0]) == pytest.approx(float(law.rest().volume), rel=1e-15)


def test_a_law_integrated_is_its_closed_form():
    law, form = LAWS["Gompertz"]
    path = solve(untreated(law), at=DAYS, method=TIGHT)
    assert int(path.status) == Status.OK
    np.testing.assert_allclose(path["tumour.volume"], form(DAYS), rtol=1e-9)


def test_gompertz_as_printed():
    assert digits(exact.gompertz_capacity(1.0, A, B), "11789.9")
    assert digits(exact.gompertz(10.0, 1.0, A, B), "168.80") and digits(exact.gompertz(20.0, 1.0, A, B), "1722.78")
    assert digits(exact.gompertz_doubling(100.0, 1.0, A, B), "1.983")
    assert digits(exact.gompertz_doubling(1500.0, 1.0, A, B), "5.174")


def test_doubling_times_double():
    v = 40.0
    t = exact.gompertz_doubling(v, 1.0, A, B)
    assert float(exact.gompertz(t, v, A - B * np.log(v), B)) == pytest.approx(2.0 * v, rel=1e-12)
    t = exact.logistic_doubling(v, 0.5, 1300.0)
    assert float(exact.logistic(t, v, 0.5, 1300.0)) == pytest.approx(2.0 * v, rel=1e-12)
    for power in (2.0 / 3.0, 1.0, 1.1):
        t = exact.bertalanffy_doubling(v, 0.9, 0.1, power)
        assert float(exact.bertalanffy(t, v, 0.9, 0.1, power)) == pytest.approx(2.0 * v, rel=1e-12)
    # never: beyond half of what it approaches
    assert exact.logistic_doubling(700.0, 0.5, 1300.0) == jnp.inf
    assert exact.gompertz_doubling(6000.0, 1.0, A, B) == jnp.inf
    assert exact.bertalanffy_doubling(0.6 * exact.bertalanffy_capacity(2.0, 0.5, 0.5), 2.0, 0.5, 0.5) == jnp.inf


def test_limits_are_points_like_any_other():
    """b = 0 and g = 1 give the exponential law, and derivatives there are those on both sides."""
    t = jnp.linspace(0.0, 10.0, 6)
    expected = 3.0 * jnp.exp(0.3 * t)
    np.testing.assert_allclose(exact.gompertz(t, 3.0, 0.3, 0.0), expected, rtol=1e-14)
    np.testing.assert_allclose(exact.bertalanffy(t, 3.0, 0.35, 0.05, 1.0), expected, rtol=1e-14)
    np.testing.assert_allclose(exact.logistic(t, 3.0, 0.3, jnp.inf), expected, rtol=1e-14)
    np.testing.assert_allclose(exact.bertalanffy(t, 8.0, 0.9, 0.0, 2.0 / 3.0), (2.0 + 0.3 * t) ** 3, rtol=1e-13)
    for form, at in (
        (lambda b: exact.gompertz(9.0, 1.0, 0.5, b), 0.0),
        (lambda b: exact.bertalanffy(9.0, 2.0, 0.5, b, 0.7), 0.0),
        (lambda g: exact.bertalanffy(9.0, 2.0, 0.5, 0.1, g), 1.0),
    ):
        for x in (at, at + 0.019 / 9.0, at - 0.021 / 9.0):
            h = 1e-4
            difference = (8.0 * (form(x + h) - form(x - h)) - form(x + 2 * h) + form(x - 2 * h)) / (12.0 * h)
            assert float(jax.grad(form)(jnp.asarray(x))) == pytest.approx(float(difference), rel=1e-9)


def test_a_power_above_one_explodes_in_finite_time():
    """dV/dt = V^2 from 1 is 1 / (1 - t)."""
    np.testing.assert_allclose(exact.power_law(jnp.asarray([0.5, 0.9]), 1.0, 1.0 * jnp.ones(2), 2.0), [2.0, 10.0], rtol=1e-12)
    assert exact.power_law(jnp.asarray(1.5), 1.0, jnp.asarray(1.0), 2.0) == jnp.inf


# ---- drugs -------------------------------------------------------------------------------------------------

CLARET = (3.74e-3, 2.42e-2, 9.22e-2)


def test_claret_as_printed():
    assert digits(claret(8.0, 1.0, *CLARET), "0.8985") and digits(claret(16.0, 1.0, *CLARET), "0.8671")
    assert digits(claret(32.0, 1.0, *CLARET), "0.8789") and digits(claret_nadir(*CLARET), "20.25")


def test_claret_integrated_with_a_pause_of_the_drug():
    """Resistance goes on while the drug pauses: pieces of kL t - kD (e^-ls - e^-lt) / l over the times with drug."""
    weeks = np.array([4.0, 10.0, 16.0, 30.0])
    drug = switch("exposure", 0.0, 6.0, 1.5) + switch("exposure", 12.0, 40.0, 1.0)
    path = solve(inhibited().with_values({"tumour.start": 8.0}), drug, at=weeks, method=TIGHT)
    growth, kill, resistance = CLARET

    def killed(t):
        piece = lambda a, b, e: e * (np.exp(-resistance * a) - np.exp(-resistance * b)) * (b > a)
        return kill / resistance * (piece(0.0, min(t, 6.0), 1.5) + piece(12.0, max(t, 12.0), 1.0))

    expected = [8.0 * np.exp(growth * t - killed(t)) for t in weeks]
    np.testing.assert_allclose(path["tumour.diameter"], expected, rtol=1e-9)
    np.testing.assert_allclose(claret(weeks, 8.0, growth, kill, 0.0), 8.0 * np.exp((growth - kill) * weeks), rtol=1e-13)


def test_stein_integrated_and_its_nadir():
    weeks = np.linspace(0.0, 60.0, 7)
    path = solve(two_processes().with_values({"tumour.start": 5.0}), at=weeks, method=TIGHT)
    np.testing.assert_allclose(path["tumour.diameter"], stein(weeks, 5.0, 3.74e-3, 2.42e-2), rtol=1e-9)
    nadir = stein_nadir(3.74e-3, 2.42e-2)
    assert float(jax.grad(stein)(nadir, 5.0, 3.74e-3, 2.42e-2)) == pytest.approx(0.0, abs=1e-12)


def test_simeoni_untreated_as_printed():
    rate, linear = 0.273, 0.814
    assert digits(linear / rate, "2.982") and digits(rate / 0.629 * 1e3, "434")
    assert digits(np.log(linear / (rate * 0.1)) / rate, "12.44")
    assert digits(simeoni_untreated(20.0, 0.1, rate, linear), "9.14")
    # psi = 20 bends off before and after the turn: at the turn the rate is 2^(-1/20) of the sharp one
    days = np.array([5.0, 10.0, 29.0, 30.0])
    path = solve(xenograft(), at=24.0 * days, method=TIGHT)
    np.testing.assert_allclose(path["tumour.weight"][:2], 0.1 * np.exp(rate * days[:2]), rtol=1e-3)
    slope = np.diff(path["tumour.weight"][2:])[0]
    assert slope == pytest.approx(linear, rel=1e-9)


def test_damaged_cells_leave_as_an_erlang_chain():
    """A concentration that stands still and no growth: what has left the tumour is what three stages let through."""
    tumour = xenograft().with_values(
        {"tumour.rate": 1e-12, "tumour.linear": 1.0, "tumour.dying": 0.9, "tumour.potency": 0.5, "tumour.start": 2.0,
         "elimination.clearance": 1e-12, "peripheral_exchange.clearance": 1e-12, "central.volume": 1.0}
    )  # fmt: skip
    days = np.array([1.0, 4.0, 9.0])
    doses = bolus("central.drug", 0.0, 2.0)
    path = solve(tumour, doses, at=24.0 * days, method=TIGHT)
    # killed at 1 /d
    m = np.array([[-1.0, 0, 0, 0], [1.0, -0.9, 0, 0], [0, 0.9, -0.9, 0], [0, 0, 0.9, -0.9]])
    expected = [(expm(m * t) @ [2.0, 0, 0, 0]).sum() for t in days]
    np.testing.assert_allclose(path["tumour.weight"], expected, rtol=1e-9)


def test_two_drugs_that_do_not_interact_multiply_their_effects_as_they_leave():
    """MuSyC without interaction is Bliss: shares of the growth rate that each drug alone leaves, integrated along both courses."""
    half, steepness, least, clearance = (0.8, 1.5), (1.0, 2.0), (0.1, 0.4), (0.9, 0.3)
    kinetics = {"first.volume": 1.0, "second.volume": 1.0, "tumour.start": 13.2, "tumour.rate": 0.25}
    effects = {"effect.both": least[0] * least[1]}
    for n, name in enumerate(("first", "second")):
        # L/h to 1/d with a volume of 1 L
        kinetics[f"{name}_elimination.clearance"] = clearance[n] / 24.0
        effects |= {f"effect.most{n + 1}": least[n], f"effect.half{n + 1}": half[n], f"effect.steepness{n + 1}": steepness[n]}
    body = two_drugs(Exponential()).with_values(kinetics | effects)
    path = solve(body, bolus("first.drug", 0.0, 3.0) + bolus("second.drug", 2.0, 5.0), at=np.array([2.0, 5.0]), method=TIGHT)

    def left(t, n, given, at):
        touched = (given * np.exp(-clearance[n] * (t - at)) / half[n]) ** steepness[n]
        return 1.0 + (least[n] - 1.0) * touched / (1.0 + touched)

    first = quad(lambda t: left(t, 0, 3.0, 0.0), 0.0, 2.0)[0]
    both = quad(lambda t: left(t, 0, 3.0, 0.0) * left(t, 1, 5.0, 2.0), 2.0, 5.0)[0]
    expected = 13.2 * np.exp(0.25 * np.array([first, first + both]))
    np.testing.assert_allclose(path["tumour.volume"], expected, rtol=1e-8)


# ---- radiation ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("alpha", "one", "course"),
    [
        (0.025, "0.94176", "0.16530"),
        (0.035, "0.91943", "0.080460"),
        (0.05, "0.88692", "0.027324"),
        (0.3, "0.48675", "4.1614e-10"),
    ],
)
def test_surviving_fractions_as_printed(alpha, one, course):
    assert digits(surviving(2.0, alpha, 10.0), one) and digits(surviving(2.0, alpha, 10.0, 30), course)


def test_effective_doses_as_printed():
    assert digits(biologically_effective_dose(2.0, 10.0, 30), "72") and digits(equivalent_dose(2.0, 10.0, 30), "60")
    assert digits(biologically_effective_dose(40.05 / 15, 10.0, 15), "50.74")


def test_a_course_is_logistic_growth_between_jumps():
    days, seen = np.array([1.0, 2.0, 3.0, 6.0]), np.array([0.5, 1.5, 4.0, 10.0])
    body = irradiated().with_values({"tumour.start": 2e4, "tumour.rate": 0.03, "tumour.capacity": 2e5, "tumour.alpha": 0.05})
    path = solve(body, fractions(days, 2.0), at=seen, method=TIGHT)
    volume, now, expected = 2e4, 0.0, []
    for t in np.sort(np.concatenate([days, seen])):
        volume, now = float(exact.logistic(t - now, volume, 0.03, 2e5)), t
        if t in days:
            volume *= float(surviving(2.0, 0.05, 10.0))
        else:
            expected.append(volume)
    np.testing.assert_allclose(path["tumour.volume"], expected, rtol=1e-10)


def test_the_dose_of_a_fraction_has_a_derivative():
    def volume(dose):
        return solve(irradiated(), fractions([1.0, 2.0], dose), at=[5.0], method=TIGHT)["tumour.volume"][0]

    slope = jax.jvp(volume, (2.0,), (1.0,))[1]
    difference = (volume(2.0 + 1e-4) - volume(2.0 - 1e-4)) / 2e-4
    assert float(slope) == pytest.approx(float(difference), rel=1e-7)

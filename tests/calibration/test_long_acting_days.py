"""Days of somebody on injections: what is delivered, against sums of closed forms, and against a constant rate."""

from dataclasses import replace

import jax
import numpy as np
import pytest
from calibration.diabetes.hovorka import Hovorka
from calibration.diabetes.inputs import Bolus, DayInputs, LongActing
from physio.bodies.pen import degludec, with_pen
from physio.schedule import ragged
from physio.solve import Status, Tsit5, solve

# U a day, and minutes of the window's clock
DAILY, EVENING = 18.0, 840.0
AT = np.arange(0.0, 1441.0, 30.0)
USUAL = DayInputs(
    (), (), ((0.0, 0.0),), 70.0, long_acting=(LongActing(EVENING - 1440.0, DAILY), LongActing(EVENING, DAILY))
)
FORGOTTEN = replace(USUAL, long_acting=USUAL.long_acting[:1])
PUMP = DayInputs((), (), ((0.0, DAILY / 1440.0),), 70.0)
TWICE = replace(USUAL, basal=((0.0, 0.002),), long_acting=tuple(LongActing(m, 9.0) for m in (-720.0, -60.0, 720.0, 1380.0)))
DAYS = [USUAL, FORGOTTEN, PUMP, TWICE]


def _family(half_life: float) -> Hovorka:
    family = Hovorka()
    return replace(family, body=with_pen(family.body, degludec()).with_values({"pen.half_life": half_life}))


@pytest.fixture(scope="module")
def run():
    """half-life [min] -> trajectory of all days."""

    @jax.jit
    def solved(body, schedule):
        return solve(body, schedule, at=AT, lanes=len(DAYS), method=Tsit5(1e-9, 1e-9))

    def days(half_life):
        family = _family(half_life)
        medians = {name: family.prior(name).median for name in family.unknowns}
        basal = np.asarray([day.rate for day in DAYS])
        schedule = ragged([day.schedule(family, by_mouthful=False)[0] for day in DAYS])
        path = solved(family.resting(medians, np.full(len(DAYS), 70.0), basal), schedule)
        assert (np.asarray(path.status) == Status.OK).all()
        return path

    return days


def test_delivery_is_what_all_injections_release(run):
    """Sums over a year of b D a / (a - b) (exp(-b t) - exp(-a t)), and what the pump adds; a forgotten dose adds nothing."""
    half_life = 1524.0
    path = run(half_life)
    a, b = 1.0 / 240.0, np.log(2.0) / half_life
    past = 1440.0 * np.arange(365.0)

    def released(units, times):
        t = AT[:, None] - np.asarray(times)
        return (np.where(t > 0.0, units * a * b / (a - b) * (np.exp(-b * t) - np.exp(-a * t)), 0.0)).sum(axis=1)

    wanted = np.stack([
        released(DAILY, np.r_[EVENING, EVENING - 1440.0 - past]),
        released(DAILY, EVENING - 1440.0 - past),
        np.full(AT.size, DAILY / 1440.0),
        released(9.0, np.r_[720.0, 1380.0, -720.0 - past, -60.0 - past]) + 0.002,
    ], axis=1)  # fmt: skip
    basal = np.asarray([day.rate for day in DAYS])
    # the first sample is from before the window
    np.testing.assert_allclose(np.asarray(path["pen.delivery"])[1:] + basal, wanted[1:], rtol=1e-6)
    assert basal == pytest.approx([0.0125, 0.0125, 0.0125, 0.0145], rel=1e-12)


def test_insulin_that_lasts_for_ever_is_a_constant_rate(run):
    """With a half-life of 2 years the person stays at rest, as on a pump; one missed dose is nothing then."""
    glucose = np.asarray(run(1e6)["mass.glucose"])
    np.testing.assert_allclose(glucose, np.broadcast_to(glucose[0], glucose.shape), rtol=5e-3)


def test_a_forgotten_injection_raises_glucose_and_nothing_before_it(run):
    glucose = np.asarray(run(1524.0)["mass.glucose"])
    before = AT <= EVENING
    np.testing.assert_allclose(glucose[before, 1], glucose[before, 0], rtol=1e-6)
    assert glucose[-1, 1] > glucose[-1, 0] + 5.0


def test_what_is_missing_is_said():
    with pytest.raises(ValueError, match=r"long_acting .U. must begin .* 24 h before the window"):
        DayInputs((), (Bolus(30.0, 1.0),), ((0.0, 0.0),), 70.0, long_acting=(LongActing(EVENING, DAILY),))
    with pytest.raises(ValueError, match="Hovorka 2004 has no depot of long-acting insulin"):
        USUAL.schedule(Hovorka(), by_mouthful=False)

"""Changes of a day change what they say and nothing else; questions that data cannot answer are told apart."""

from dataclasses import replace

import numpy as np
import pytest
from calibration.diabetes.answers import Answer
from calibration.diabetes.hovorka import Hovorka
from calibration.diabetes.inputs import Bolus, Bout, DayInputs, LongActing, Meal
from calibration.diabetes.s2008 import S2008
from calibration.diabetes.support import NOT_SUPPORTED, beyond, support
from calibration.diabetes.what_if import (
    Basal,
    Boluses,
    BolusAdded,
    BolusMoved,
    Carbohydrate,
    CarbohydrateAdded,
    Exercise,
    MealLeftOut,
)

MEALS = (Meal(450.0, 40.0, 0), Meal(750.0, 60.0, 1), Meal(900.0, 15.0, 2))
DAY = DayInputs(MEALS, (Bolus(440.0, 4.0), Bolus(755.0, 5.0), Bolus(700.0, 1.0)), ((0.0, 0.01), (600.0, 0.02)), 70.0)
BOUT, EARLIER = Bout(1020.0, 30.0), Bolus(740.0, 5.0)


@pytest.mark.parametrize(
    ("change", "label", "field", "expected"),
    [
        (Boluses(0.75), "boluses 25 % less", "boluses", (Bolus(440.0, 3.0), Bolus(755.0, 3.75), Bolus(700.0, 0.75))),
        (BolusMoved(1, -15.0), "bolus of meal 2 15 min earlier", "boluses", (DAY.boluses[0], EARLIER, DAY.boluses[2])),
        (BolusMoved(0, 30.0), "bolus of meal 1 30 min later", "boluses", (Bolus(470.0, 4.0), *DAY.boluses[1:])),
        (BolusMoved(0, -600.0), "bolus of meal 1 600 min earlier", "boluses", (Bolus(0.0, 4.0), *DAY.boluses[1:])),
        (Carbohydrate(1.5), "carbohydrate 50 % more", "meals", tuple(Meal(m.minute, 1.5 * m.grams, m.number) for m in MEALS)),
        (Basal(1.25), "basal insulin 25 % more", "basal", ((0.0, 0.01), (0.0, 0.0125), (600.0, 0.025))),
        (Exercise(BOUT), "30 min of exercise at 50 % of maximal oxygen uptake", "exercise", (BOUT,)),
        (BolusAdded(Bolus(800.0, 2.0)), "a bolus of 2 U added", "boluses", (*DAY.boluses, Bolus(800.0, 2.0))),
        (CarbohydrateAdded(1300.0, 15.0), "15 g of carbohydrate added", "meals", (*MEALS, Meal(1300.0, 15.0))),
    ],
)  # fmt: skip
def test_a_change_changes_one_thing(change, label, field, expected):
    new = change(DAY)
    assert change.label == label
    for name in ("meals", "boluses", "basal", "weight", "exercise"):
        assert getattr(new, name) == (expected if name == field else getattr(DAY, name))
    # the person rests as recorded
    assert new.rate == DAY.rate


def test_what_was_before_the_day_stays():
    late = replace(DAY, opens=600.0, long_acting=(LongActing(-100.0, 20.0), LongActing(1320.0, 20.0)))
    assert Boluses(0.5)(late).boluses == (late.boluses[0], Bolus(755.0, 2.5), Bolus(700.0, 0.5))
    assert [m.grams for m in Carbohydrate(0.5)(late).meals] == [40.0, 30.0, 7.5]
    assert BolusMoved(1, -300.0)(late).boluses[1] == Bolus(600.0, 5.0)
    other = Basal(0.5)(late)
    assert other.basal == ((0.0, 0.01), (600.0, 0.01)) and other.rate == late.rate
    assert [i.units for i in other.long_acting] == [20.0, 10.0]
    early = replace(DAY, opens=500.0)
    assert Basal(0.5)(early).basal == ((0.0, 0.01), (500.0, 0.005), (600.0, 0.01))


def test_a_meal_goes_with_its_bolus_and_the_others_keep_their_numbers():
    assert MealLeftOut(1)(DAY).meals == (MEALS[0], MEALS[2])
    assert MealLeftOut(1)(DAY).boluses == (DAY.boluses[0], DAY.boluses[2])
    # a snack without a bolus
    assert MealLeftOut(2)(DAY).boluses == DAY.boluses


def test_what_a_day_does_not_hold_cannot_be_changed():
    with pytest.raises(ValueError, match="no bolus belongs to meal 3"):
        BolusMoved(2, -15.0)(DAY)
    with pytest.raises(ValueError, match="no recorded meal 4: it has 3"):
        MealLeftOut(3)(DAY)
    bare = DayInputs((Meal(450.0, 0.0, 0),), (), ((0.0, 0.01),), 70.0)
    with pytest.raises(ValueError, match="no meal with carbohydrate"):
        Carbohydrate(0.8)(bare)
    with pytest.raises(ValueError, match="no bolus"):
        Boluses(0.8)(bare)
    assert Exercise(BOUT).known_to(Hovorka()) and not Exercise(BOUT).known_to(S2008())


def told(mean, sd, learned=0.9, good=True):
    times = np.ones((3, 1))
    return Answer(times * mean, times * sd, np.asarray([good]), np.asarray([learned]), -np.inf)


@pytest.mark.parametrize(
    ("difference", "why"),
    [
        (told(-20.0, 10.0), None),
        (told(-20.0, 20.0), "not even the sign of the change is sure at 80 %"),
        (told(0.9, 0.001), "not even the sign of the change is sure at 80 %"),
        (told(-20.0, 10.0, learned=0.3), "the day taught 30 % of it, less than 50 %"),
        (told(0.0, 1.0, good=False), "the day could not be fitted, or not be solved with the change"),
    ],
)
def test_unsupported_questions_say_why(difference, why):
    found = support(told(120.0, 5.0), difference, 0, DAY, Carbohydrate(0.8)(DAY))
    assert found.supported == (why is None)
    assert str(found) == ("the data support this question" if why is None else f"{NOT_SUPPORTED}: {why}")


def test_what_a_record_cannot_have_taught_is_said():
    bare = DayInputs((), (), ((0.0, 0.01),), 70.0)
    assert beyond(DAY, Carbohydrate(0.8)(DAY)) == [] == beyond(DAY, BolusMoved(1, -15.0)(DAY))
    assert "no meal" in beyond(bare, CarbohydrateAdded(60.0, 15.0)(bare))[0]
    assert "no bolus" in beyond(bare, BolusAdded(Bolus(60.0, 1.0))(bare))[0]
    assert "a bolus of 10 U, where the largest of the day is 5 U" in beyond(DAY, Boluses(2.0)(DAY))
    assert "one rate" in beyond(bare, Basal(1.25)(bare))[0]
    assert "no exercise" in beyond(DAY, Exercise(BOUT)(DAY))[0]

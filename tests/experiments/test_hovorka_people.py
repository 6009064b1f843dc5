"""Hovorka's virtual people: their folder through the readers, their laws, rest, what-if days and sensor."""

import numpy as np
import pytest

from calibration.records.folder import read_folder
from calibration.records.insilico import read_truth, read_what_ifs
from experiments.problems import hovorka_people as h
from experiments.problems import what_if_days as w

PEOPLE, SEED, BEGIN = 3, 7, 360.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("people")
    h.write_hovorka_people(path, PEOPLE, SEED)
    return path


@pytest.fixture(scope="module")
def truth(folder):
    return read_truth(folder)


@pytest.fixture(scope="module")
def people():
    return h.drawn_people(np.random.default_rng(SEED), PEOPLE)


def idle(basal):
    nothing = np.zeros((1, PEOPLE))
    return w.Day(nothing, nothing, nothing, nothing, basal)


def test_the_folder_reads_back(folder, truth):
    diaries, what_ifs = read_folder(folder), read_what_ifs(folder)
    assert [diary.person for diary in diaries] == list(truth) == list(what_ifs) == ["S01", "S02", "S03"]
    for diary in diaries:
        days, true = what_ifs[diary.person], truth[diary.person]
        assert list(days) == list(true) == list(w.scenarios(idle(np.ones(PEOPLE))))
        np.testing.assert_array_equal(diary.glucose.minute, BEGIN + 5.0 * np.arange(289))
        assert 40.0 <= diary.glucose.value.min() and diary.glucose.value.max() <= 400.0
        for path in (true["base"].plasma, true["base"].interstitial):
            assert len(path) == 289 and 45.0 <= path.min() and path.max() <= 400.0
        # five sd of a gain of 0.04, and of 5 and 2 mg/dL
        error = diary.glucose.value - true["base"].interstitial
        assert (np.abs(error) < 5.0 * np.hypot(0.04 * true["base"].interstitial, np.hypot(5.0, 2.0))).all()
        assert list(diary.meals.label) == ["B", "L", "S", "D"] and len(diary.boluses) == 3 and len(diary.basal) == 1
        assert 45.0 <= diary.weight_kg <= 110.0 and 0.002 < diary.basal.value[0] < 0.1
        np.testing.assert_array_equal(diary.meals.value, days["base"].meals.value)


def test_what_is_done_on_the_what_if_days(folder):
    for days in read_what_ifs(folder).values():
        base = days["base"]
        for factor in (0.75, 1.25):
            np.testing.assert_allclose(days[f"bolus_x{factor}"].boluses.value, factor * base.boluses.value, rtol=1e-12)
            np.testing.assert_allclose(days[f"carbs_x{factor}"].meals.value, factor * base.meals.value, rtol=1e-12)
            np.testing.assert_allclose(days[f"basal_x{factor}"].basal.value, factor * base.basal.value, rtol=1e-12)
        moved = days["lunch_bolus_plus30min"].boluses.minute - base.boluses.minute
        np.testing.assert_array_equal(moved, [0.0, 30.0, 0.0])
        assert len(days["no_dinner"].meals) == 3 and len(days["no_dinner"].boluses) == 2


def test_more_insulin_lowers_and_more_food_raises(truth):
    for days in truth.values():
        base = days["base"].plasma
        for name, sign in (("bolus_x1.25", -1), ("basal_x1.25", -1), ("carbs_x1.25", 1)):
            opposite = days[name.replace("1.25", "0.75")].plasma
            change, other = sign * (days[name].plasma - base), sign * (base - opposite)
            assert min(change.min(), other.min()) >= -0.02 and min(change.max(), other.max()) > 3.0, name


def test_the_same_seed_gives_the_same_files(folder, tmp_path):
    h.write_hovorka_people(tmp_path, PEOPLE, SEED)
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["README.md", "scenario_inputs.csv", "subjects.csv", "train_day.csv", "truth.csv.gz"]
    assert all((folder / name).read_bytes() == (tmp_path / name).read_bytes() for name in names)


def test_whoever_leaves_the_range_is_drawn_again(tmp_path, truth, monkeypatch):
    highest = sorted(days["base"].plasma.max() for days in truth.values())
    monkeypatch.setattr(h, "MOST_MG_DL", sum(highest[-2:]) / 2.0)
    h.write_hovorka_people(tmp_path, PEOPLE, SEED)
    assert "dropped: 0," not in (tmp_path / "README.md").read_text()
    found = read_truth(tmp_path)
    assert len(found) == PEOPLE and all(days["base"].plasma.max() <= h.MOST_MG_DL for days in found.values())


def test_the_law_of_the_people():
    """Their z, told by disposal, is 0.25 and 0.75 away from those of transport and liver; fasting glucose is as drawn."""
    body = h.drawn_people(np.random.default_rng(SEED), 2000)
    disposal, transport, liver = (np.asarray(body.value(f"action.{name}")) / 0.4 for name in ("disposal", "transport", "liver"))
    z = (disposal - 8.2e-4) / 3.2e-4
    np.testing.assert_allclose(np.abs((transport - 51.2e-4) / 14.4e-4 - z), 0.25, rtol=1e-9)
    np.testing.assert_allclose(np.abs((liver - 520e-4) / 137.5e-4 - z), 0.75, rtol=1e-9)
    assert abs(z.mean()) < 4.0 / np.sqrt(2000) + 0.02 and abs(z.std() - 1.0) < 4.0 / np.sqrt(4000) + 0.03
    weight, fasting = np.asarray(body.value("size.weight")), 18.016 * np.asarray(body.value("glucose.fasting"))
    assert 45.0 <= weight.min() and weight.max() <= 110.0
    assert abs(fasting.mean() - 135.0) < 4.0 * 12.0 / np.sqrt(2000) and abs(fasting.std() - 12.0) < 4.0 * 12.0 / np.sqrt(4000)


def test_the_holding_basal_holds_the_closed_rest(people):
    resting = h.at_rest(people)
    late = h.plasma(people, idle(h.held_rate(people)), np.array([1440.0]))[0]
    np.testing.assert_allclose(late, 18.016 * resting.value("glucose.fasting"), rtol=1e-9)


def test_a_meal_with_the_bolus_of_the_ratio_returns_after_5_hours(people):
    nothing = np.zeros((1, PEOPLE))
    units = 60.0 / h.carb_ratio(people)
    day = w.Day(nothing, nothing + 60.0, nothing, units[None], h.held_rate(people))
    late = h.plasma(people, day, np.array([300.0]))[0]
    np.testing.assert_allclose(late, 18.016 * people.value("glucose.fasting"), atol=1e-3)


def test_interstitial_glucose_of_a_ramp():
    """t - 10 (1 - exp(-t / 10))."""
    t = np.arange(200.0)[:, None]
    np.testing.assert_allclose(h.interstitial(100.0 + t), 100.0 + t - 10.0 * (1.0 - np.exp(-t / 10.0)), rtol=1e-12)


def test_errors_of_the_sensor():
    """Within four standard errors at 200 mg/dL: variance 8^2 + 5^2 + 2^2, and of a change in 5 min 2 (5^2 (1 - 0.85) + 2^2)."""
    people = 2000
    error = w.sensed(np.random.default_rng(SEED), np.full((289, people), 200.0)) - 200.0
    assert abs(error.var() - 93.0) < 4.0 * 64.0 * np.sqrt(2.0 / people) + 1.0
    assert abs((np.diff(error, axis=0) ** 2).mean() - 15.5) < 0.2
    assert abs(error.mean()) < 4.0 * 8.0 / np.sqrt(people)

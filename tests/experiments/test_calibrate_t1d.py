"""A folder becomes a page a person and one table; mistakes name file, row and field, and write nothing."""

import csv
from datetime import date, datetime, timedelta

import numpy as np
import pytest
from calibration.diabetes.answers import Answer
from calibration.diabetes.hovorka import Hovorka
from calibration.diabetes.time_below import TimeBelow
from calibration.errors import InputError
from calibration.records.folder import read_folder
from experiments.t1d import calibrate as command
from experiments.t1d.asked import Twin
from experiments.t1d.chosen import chosen

BEGIN = datetime(2024, 4, 2)


def write_record(folder, days=2, dose="6"):
    """Days of three meals a day in the layout of T1D-UOM: a hump after every meal."""
    folder.mkdir()
    minutes = np.arange(0, 1440 * days, 5)
    since = np.stack([(minutes - meal) % 1440 for meal in (450, 750, 1140)])
    glucose = 7.0 + (3.0 * (since / 60.0) * np.exp(1.0 - since / 60.0)).sum(0)
    stamps = [f"{BEGIN + timedelta(minutes=int(m)):%d/%m/%Y %H:%M}" for m in minutes]
    readings = "".join(f"{t},{g:.1f}\n" for t, g in zip(stamps, glucose, strict=True))
    meals = [f"{BEGIN + timedelta(days=d, minutes=m):%d/%m/%Y %H:%M}" for d in range(days) for m in (450, 750, 1140)]
    (folder / "ada_glucose.csv").write_text(f"time,value\n{readings}")
    (folder / "ada_bolus.csv").write_text("time,bolus_dose\n" + "".join(f"{t},{dose}\n" for t in meals))
    (folder / "ada_nutrition.csv").write_text("time,carbs_g\n" + "".join(f"{t},50\n" for t in meals))
    return folder


def test_a_person_becomes_a_page(tmp_path, monkeypatch, capsys):
    # one family, the one that has exercise
    monkeypatch.setattr(command, "FAMILIES", (Hovorka,))
    monkeypatch.setattr(command, "keep_compiled_programs", lambda: None)
    folder, out = write_record(tmp_path / "record"), tmp_path / "out"
    assert command.calibrate(folder, out, None, None, 1) == 0
    said = capsys.readouterr().out
    assert "ada: 2024-04-03 is fitted; weight 70 kg: none is recorded; basal insulin is not recorded: a constant 0.75" in said
    page = (out / "ada.html").read_text()
    assert page.count(command.WARNING) == 2 and '="http' not in page
    assert page.count("<svg") >= 3 and "the interval holds how they may differ" in page
    for part in ("record", "day", "what-ifs", "learned", "whole"):
        assert f'<section class="study" id="{part}"' in page
    rows = list(csv.DictReader((out / "fits.csv").open()))
    assert {row["person"] for row in rows} == {"ada"} and {row["date"] for row in rows} == {"2024-04-03"}
    assert all(float(row["5 %"]) < float(row["value"]) < float(row["95 %"]) for row in rows)
    # three meals of the day, and the dinner before it
    assert [row["unknown"] for row in rows if row["unknown"].startswith("meal")] == [
        f"meal{i}.{what}" for what in ("grams", "minute") for i in range(4)
    ]


def test_a_day_that_no_family_explains_is_named(tmp_path, monkeypatch, capsys):
    def nobody(days, families, virtual, say):
        nothing = Answer(np.zeros((289, 1)), np.ones((289, 1)), np.asarray([False]), np.zeros(1))
        minute = 5.0 * np.arange(289)
        none_below = TimeBelow(*3 * [np.nan], 0.0)
        return [], [Twin(day, lane, minute, nothing, none_below, np.zeros(0), []) for lane, day in enumerate(days)]

    monkeypatch.setattr(command, "fitted", nobody)
    monkeypatch.setattr(command, "keep_compiled_programs", lambda: None)
    assert command.calibrate(write_record(tmp_path / "record"), tmp_path / "out", None, None, 1) == 3
    assert "failed  ada 2024-04-03: no family could be fitted to the day" in capsys.readouterr().out
    page = (tmp_path / "out" / "ada.html").read_text()
    assert "2024-04-03: no number can be given" in page and 'id="whole"' in page and 'id="what-ifs"' not in page


def test_the_latest_days_are_chosen_or_the_one_named(tmp_path):
    (diary,) = read_folder(write_record(tmp_path / "record", days=4))
    latest = chosen(diary, False, 2, None)
    assert [day.day.date for day in latest.fitted] == [date(2024, 4, 4), date(2024, 4, 5)] and len(latest.days) == 4
    (one,) = chosen(diary, False, 2, date(2024, 4, 2)).fitted
    assert one.day.date == date(2024, 4, 2)
    # as much basal a day as boluses: half of all insulin
    assert one.inputs.rate * 1440.0 == pytest.approx(18.0) == sum(bolus.units for bolus in one.inputs.boluses)
    assert one.inputs.weight == 70.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"person": "eve"}, "--person: 'eve' is not in .*; expected one of ada"),
        ({"on": date(2023, 1, 1)}, "--day: 2023-01-01 cannot be used: no reading of that day"),
    ],
)
def test_mistakes_are_named_and_nothing_is_written(tmp_path, options, message):
    folder = write_record(tmp_path / "record")
    with pytest.raises(InputError, match=message):
        command.calibrate(folder, tmp_path / "out", options.get("person"), options.get("on"), 1)
    assert not (tmp_path / "out").exists()


def test_a_bad_cell_names_file_row_and_field(tmp_path):
    folder = write_record(tmp_path / "record", dose="six")
    with pytest.raises(InputError, match=r"ada_bolus.csv:2: bolus_dose: .*'six'"):
        command.calibrate(folder, tmp_path / "out", None, None, 1)


def test_the_command_line_says_what_is_wrong(somagrad):
    ended = somagrad("calibrate", "t1d", "--data", "none")
    assert ended.returncode == 2 and ended.stderr.startswith("error: none: no such folder; expected")
    assert not list(somagrad.place.iterdir())

"""Records as people really export them: what is wrong is named with file and row, or read with a remark; nothing in silence."""

import gzip
import json
import re
from datetime import datetime, timedelta

import numpy as np
import pytest
from calibration.errors import InputError
from calibration.records.days import Rules, days, summary
from calibration.records.folder import read_folder
from calibration.records.insulin import basal_units

BEGIN = datetime(2024, 4, 2)
BASAL = "time,basal_dose,insulin_kind\n2024-04-02T00:00:00,0.6,R\n"


def stamp(minute, form="%Y-%m-%dT%H:%M:%S"):
    return (BEGIN + timedelta(minutes=minute)).strftime(form)


def sensor(minutes=range(0, 2880, 5), glucose=lambda minute: 7.0, form="%Y-%m-%dT%H:%M:%S", header="time,value"):
    return header + "\n" + "".join(f"{stamp(m, form)},{glucose(m):.1f}\n" for m in minutes)


def folder(path, person="7", **kinds):
    """A folder in the layout of T1D-UOM: two days of glucose at 7 mmol/L unless told otherwise."""
    path.mkdir(exist_ok=True)
    for kind, text in {"glucose": sensor(), **kinds}.items():
        (path / f"{person}_{kind}.csv").write_text(text)
    return path


def remarks(diary, words):
    """Places of the remarks that say these words."""
    return [(remark.file, remark.row) for remark in diary.remarks if re.search(words, f"{remark.what}; {remark.assumption}")]


# --- dates -----------------------------------------------------------------------------------------------------------


def meals_on(*stamps):
    return "time,carbs_g\n" + "".join(f"{text},50\n" for text in stamps)


@pytest.mark.parametrize(
    "stamps, first, said",
    [
        (("01/04/2024 08:00", "13/04/2024 08:00"), datetime(2024, 4, 1, 8), "'13/04/2024 08:00'; day first"),
        (("04/01/2024 08:00 AM", "04/13/2024 08:00 PM"), datetime(2024, 4, 1, 8), "month first in the whole file"),
        (
            ("11-04-2024 08:00", "12-04-2024 08:00", "01-05-2024 08:00"),
            datetime(2024, 4, 11, 8),
            "day first.*order of its rows",
        ),
        (tuple(f"0{day}.04.24 08:00" for day in range(1, 6)), datetime(2024, 4, 1, 8), "day first, .*time between its rows"),
        (("03/04/2024 08:00", "03/04/2024 12:00"), datetime(2024, 4, 3, 8), "day first, .*person's other files"),
        (("04/03/2024 08:00", "04/03/2024 12:00"), datetime(2024, 4, 3, 8), "month first, .*person's other files"),
    ],
)
def test_day_or_month_first_is_decided_by_the_whole_file(tmp_path, stamps, first, said):
    (diary,) = read_folder(folder(tmp_path, nutrition=meals_on(*stamps)))
    assert diary.when(diary.meals.minute[0]) == first and len(diary.meals) == len(stamps)
    assert remarks(diary, said)


def test_rows_around_midnight_tell_the_order_and_then_lend_their_time(tmp_path):
    for name, form in (("a", "%d/%m/%Y %H:%M"), ("b", "%m/%d/%Y %H:%M")):
        text = meals_on(stamp(480, form), stamp(1920, form))
        (diary,) = read_folder(folder(tmp_path / name, glucose=sensor(form=form), nutrition=text))
        assert diary.midnight == BEGIN.date() and diary.meals.minute.tolist() == [480, 1920]
        assert remarks(diary, "rows around midnight") == [("7_glucose.csv", 2)]
        assert remarks(diary, "person's other files") == [("7_nutrition.csv", 2)]


@pytest.mark.parametrize(
    "stamps, place, said",
    [
        (("13/04/2024 08:00", "04/13/2024 08:00"), "7_nutrition.csv:3: time", "'04/13/2024 08:00' has the month first"),
        (("01/05/2024 08:00", "01/05/2024 12:00"), "7_nutrition.csv:2: time", "day or month first?"),
        (("2024-04-31T08:00:00",), "7_nutrition.csv:2: time", "is not a time"),
        (("2024-04-02T08:00:00", ""), "7_nutrition.csv:3: time", "empty cell"),
        (("2024-04-02T08:00:00+01:00",), "7_nutrition.csv:2: time", "names a time zone"),
        (("13/13/2024 08:00",), "7_nutrition.csv:2: time", "'13/13/2024 08:00'"),
    ],
)
def test_a_time_that_cannot_be_told_is_refused(tmp_path, stamps, place, said):
    with pytest.raises(InputError) as error:
        read_folder(folder(tmp_path, nutrition=meals_on(*stamps)))
    assert place in str(error.value) and said in str(error.value)


def test_years_far_from_the_rest_are_left_out_and_named(tmp_path):
    text = meals_on("2024-04-02T08:00:00", "2033-04-02T08:00:00", "2204-04-02T08:00:00")
    (diary,) = read_folder(folder(tmp_path, nutrition=text, glucose=sensor() + "2042-01-01T00:00:00,7.0\n"))
    assert len(diary.meals) == 1 and len(diary.glucose) == 576
    assert remarks(diary, "more than 60 days") == [("7_glucose.csv", 578), ("7_nutrition.csv", 3), ("7_nutrition.csv", 4)]


# --- glucose ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header, levels, said",
    [
        ("time,value_mg_dL", (7.0, 8.0), ":2: value_mg_dL: 7 is not mg/dL, but the header says mg/dL"),
        ("time,value_mmol_L", (7.0, 126.0), ":3: value_mmol_L: 126 is not mmol/L, but the header says mmol/L"),
        ("time,value", (7.0, 126.0, 8.0), ":3: value: 126 is not mmol/L, but the header names no unit"),
        ("time,value", (126.0, 140.0, 8.0), ":4: value: 8 is not mg/dL"),
        ("time,value", (7.0, 0.0), ":3: value: glucose of 0"),
        ("time,value", (7.0, -1.0), ":3: value: '-1.0' is negative"),
        ("time,value", (7.0, np.nan), ":3: value: 'nan' is not a number"),
        ("time,level", (7.0,), ":1: value: this column is missing"),
        ("when,value", (7.0,), ":1: time: no such column"),
    ],
)
def test_a_contradiction_about_glucose_is_an_error(tmp_path, header, levels, said):
    text = sensor(range(0, 5 * len(levels), 5), lambda minute: levels[minute // 5], header=header)
    with pytest.raises(InputError) as error:
        read_folder(folder(tmp_path, glucose=text))
    assert f"7_glucose.csv{said}" in str(error.value)


def test_the_unit_is_told_by_header_or_range(tmp_path):
    bare, mg, mmol = "time,value", "time,value_mg_dL", "time,value_mmol_L"
    for name, header, level, assumed in (
        ("a", bare, 7, True),
        ("b", bare, 126, True),
        ("c", mg, 126, False),
        ("d", mmol, 7, False),
    ):
        (diary,) = read_folder(folder(tmp_path / name, glucose=sensor(glucose=lambda minute, x=level: x, header=header)))
        assert diary.glucose.value == pytest.approx(126.1, abs=0.2)
        assert bool(remarks(diary, "names no unit")) == assumed


def test_repeated_and_out_of_order_stamps(tmp_path):
    lines = sensor(range(0, 30, 5), lambda minute: 7.0 + minute / 10).splitlines()
    lines[3], lines[4] = lines[4], lines[3]
    lines += [lines[6], lines[6][:-3] + "6.0"]
    (diary,) = read_folder(folder(tmp_path, glucose="\n".join(lines)))
    assert diary.glucose.minute.tolist() == [0, 5, 10, 15, 20, 25] and diary.glucose.row.tolist() == [2, 3, 5, 4, 6, 7]
    assert diary.glucose.value[-1] == pytest.approx(9.5 * 18.016)
    assert remarks(diary, "earlier than the row before") == [("7_glucose.csv", 5)]
    assert remarks(diary, "same time and value again") == [("7_glucose.csv", 8)]
    assert remarks(diary, "another value at the same time") == [("7_glucose.csv", 9)]


def test_a_file_with_the_newest_row_first(tmp_path):
    (diary,) = read_folder(folder(tmp_path, glucose=sensor(range(100, -1, -5))))
    assert (np.diff(diary.glucose.minute) == 5).all() and remarks(diary, "newest row comes first")


def test_a_clock_put_back_is_said(tmp_path):
    (diary,) = read_folder(folder(tmp_path, glucose=sensor([*range(0, 120, 5), *range(62, 300, 5)])))
    assert remarks(diary, "as when clocks are put back") == [("7_glucose.csv", 26)]


def wave(minute):
    return 8.0 + 2.0 * np.sin(minute / 200.0)


@pytest.mark.parametrize("offset", [0, 1, 2])
def test_two_sensors_in_one_file(tmp_path, offset):
    both = sorted([*range(0, 2880, 5), *range(1440 + offset, 2880, 5)])
    lines = ["time,value"]
    for place, minute in enumerate(both):
        second = minute % 5 if offset else place and both[place - 1] == minute
        lines.append(f"{stamp(minute)},{wave(minute) + 6.0 * bool(second):.1f}")
    (diary,) = read_folder(folder(tmp_path, glucose="\n".join(lines)))
    (place,) = remarks(diary, "two sensors in one trace")
    assert place[0] == "7_glucose.csv" and 288 <= place[1] <= 294
    (span,) = diary.doubtful
    assert (span.start, span.end) == (1440, 2880)
    assert any("two sensors" in why for why in days(diary)[1].why) and not any("sensors" in why for why in days(diary)[0].why)


def test_noise_and_meals_are_not_two_sensors(tmp_path):
    noise = np.random.default_rng(3).normal(0.0, 0.5, 2880)
    (diary,) = read_folder(folder(tmp_path, glucose=sensor(glucose=lambda m: wave(3 * m) + noise[m])))
    assert not diary.doubtful


def test_a_trace_in_two_peoples_files(tmp_path):
    own = {minute: 9.0 + minute % 7 / 10 for minute in range(2, 2880, 5)}
    other = {minute: wave(minute) for minute in range(0, 2880, 5)}
    both = {**own, **other}
    folder(tmp_path, "1", glucose=sensor(sorted(both), both.get))
    folder(tmp_path, "2", glucose=sensor(sorted(other), other.get))
    one, two = read_folder(tmp_path)
    assert len(one.glucose) == len(own) and len(two.glucose) == len(other)
    assert (one.shares_with, two.shares_with) == (("2",), ("1",)) and not one.doubtful
    assert remarks(one, "equal those of 2 in time and value") == [("1_glucose.csv", 2)]


def test_the_same_record_twice_is_nobodys(tmp_path):
    for person in "12":
        folder(tmp_path, person, glucose=sensor(glucose=wave))
    assert all(diary.doubtful and not any(not day.why for day in days(diary, Rules(bolus=False, meal=False)))
               for diary in read_folder(tmp_path))  # fmt: skip


def test_holes_are_said_and_not_filled(tmp_path):
    (diary,) = read_folder(folder(tmp_path, glucose=sensor([*range(0, 600, 5), *range(1000, 2880, 5)])))
    assert remarks(diary, "1 holes of over an hour .* 6.8 h") == [("7_glucose.csv", 122)]
    first, second = days(diary, Rules(bolus=False, meal=False, hole=300))
    assert first.hole == 405 and first.why[0].startswith("a hole in the trace") and not second.why


# --- insulin and meals -----------------------------------------------------------------------------------------------


def boluses(*doses, step=240):
    return "time,bolus_dose\n" + "".join(f"{stamp(60 + step * i)},{dose}\n" for i, dose in enumerate(doses))


@pytest.mark.parametrize(
    "kind, text, said",
    [
        ("bolus", boluses(4500, 6000, 3000), "7_bolus.csv:2: bolus: 4500 U, and a median of 4500 in the column: these look"),
        ("basal", "time,basal_dose,insulin_kind\n2024-04-02T00:00:00,900,R\n", "7_basal.csv:2: basal: 900 U/h"),
        ("basal", "time,basal_dose,insulin_kind\n2024-04-02T00:00:00,9,X\n", "7_basal.csv:2: insulin_kind: 'X'"),
        ("bolus", boluses(4, -2), "7_bolus.csv:3: bolus_dose: '-2' is negative"),
        ("bolus", boluses(4, "four"), "7_bolus.csv:3: bolus_dose: 'four' is not a number"),
        ("bolus", "time,dose\n", "7_bolus.csv:1: bolus_dose: this column is missing"),
        ("nutrition", "", "7_nutrition.csv:1: time: the file is empty"),
    ],
)
def test_doses_in_the_wrong_unit_or_no_numbers_are_refused(tmp_path, kind, text, said):
    with pytest.raises(InputError) as error:
        read_folder(folder(tmp_path, **{kind: text}))
    assert said in str(error.value)


def test_doses_of_no_size_or_an_impossible_one(tmp_path):
    (diary,) = read_folder(folder(tmp_path, bolus=boluses(4, "", 0, 450, 6)))
    assert diary.boluses.value.tolist() == [4, 6]
    assert remarks(diary, "no dose") == [("7_bolus.csv", 3)] and remarks(diary, "450 U") == [("7_bolus.csv", 5)]
    assert remarks(diary, "nothing was given") == [("7_bolus.csv", 4)]
    assert [(span.start, span.end) for span in diary.doubtful] == [(300, 660), (780, 1140)]


def test_a_long_acting_dose_among_the_boluses(tmp_path):
    basal = "time,basal_dose,insulin_kind\n" + "".join(f"{stamp(1320 + 1440 * day)},30,L\n" for day in (0, 2))
    text = boluses(6, 7, 30, 5, 6, step=300)  # at 11:00, where the evening's dose is logged
    text += f"{stamp(1440 + 1300)},31\n"  # on the evening without one
    (diary,) = read_folder(folder(tmp_path, basal=basal, bolus=text))
    assert diary.boluses.value.tolist() == [6, 7, 30, 5, 6] and diary.long_acting.value.tolist() == [30, 31, 30]
    assert remarks(diary, "wrong list: moved") == [("7_bolus.csv", 7)]
    assert remarks(diary, "kept as a bolus") == [("7_bolus.csv", 4)]


def test_a_pumps_rates(tmp_path):
    basal = BASAL + "2024-04-02T12:00:00,1.2,R\n2024-04-02T12:00:00,1.8,R\n2024-04-02T18:00:00,,R\n2024-04-03T00:00:00,50,R\n"
    (diary,) = read_folder(folder(tmp_path, basal=basal))
    assert basal_units(diary, 0, 1440) == pytest.approx(12 * 0.6 + 12 * 1.8)
    assert remarks(diary, "another value at the same time") == [("7_basal.csv", 3)]
    assert remarks(diary, "without an amount") == [("7_basal.csv", 5)] and remarks(diary, "50 U/h") == [("7_basal.csv", 6)]


def test_a_meal_without_an_amount_and_no_basal_insulin(tmp_path):
    nutrition = f"time,meal_type,carbs_g\n{stamp(480)},Breakfast,\n{stamp(1920)},Lunch,60\n"
    (diary,) = read_folder(folder(tmp_path, nutrition=nutrition, bolus=boluses(4, 5)))
    assert (
        np.isnan(diary.meals.value[0]) and diary.meals.value[1] == 60 and diary.meals.label.tolist() == ["Breakfast", "Lunch"]
    )
    assert remarks(diary, "without an amount") == [("7_nutrition.csv", 2)]
    assert remarks(diary, "no basal insulin.*steady state") == [("7_bolus.csv", None)]
    first, second = days(diary)
    assert first.basal == "latent" and "steady state" in str(first) and second.why == ("no bolus",)
    assert summary([first, second])[0].startswith("1 of 2 days used, 1 of them with a constant basal")


def test_days_from_the_first_entry(tmp_path):
    (diary,) = read_folder(
        folder(tmp_path, glucose=sensor(range(480, 480 + 1440, 5)), bolus=boluses("", "", 5), nutrition=meals_on(stamp(500)))
    )
    assert [bool(day.why) for day in days(diary, Rules(doubtful=True))] == [True, True]
    (day, *_) = days(diary, Rules(midnight=False, doubtful=True))
    assert day.start == 480 and day.coverage == pytest.approx(1.0, abs=0.01) and not day.why


# --- folders and files -----------------------------------------------------------------------------------------------


def test_folders_that_hold_no_record(tmp_path):
    with pytest.raises(InputError, match="no such folder; expected a folder with"):
        read_folder(tmp_path / "nowhere")
    with pytest.raises(InputError, match="it holds nothing; expected"):
        read_folder(tmp_path)
    (tmp_path / "notes.csv").write_text("day,mood\n1,good\n")
    with pytest.raises(InputError, match="it holds notes.csv; expected .*LibreView"):
        read_folder(tmp_path)
    (folder(tmp_path) / "entries.json").write_text(json.dumps([{"type": "sgv", "sgv": 120, "date": 1712016000000}]))
    with pytest.raises(InputError, match="files of T1D-UOM and Nightscout"):
        read_folder(tmp_path)


def test_a_person_in_two_folders(tmp_path):
    folder(tmp_path / "a"), folder(tmp_path / "b")
    with pytest.raises(InputError, match="'7' stands in two of its folders"):
        read_folder(tmp_path)


@pytest.mark.parametrize(
    "name, content, said",
    [
        ("7_glucose.csv.gz", gzip.compress(sensor().encode())[:-400], "cannot be unpacked"),
        ("7_glucose.csv.gz", b"time,value\n", "cannot be unpacked"),
        ("7_glucose.csv", b"time,value\n\xff\xfe", "is not UTF-8"),
        ("7_glucose.csv", b"time,value\n", "no rows after the header"),
        ("7_glucose.csv", b'time,value\n"2024-04-02T08:00:00,7\n', "7_glucose.csv:2: not CSV"),
        ("entries.json", b"[{", "entries.json:1: not JSON"),
        ("entries.json", b'{"sgv": 120}', "not an array"),
        ("entries.json", b"[3]", "entries.json:1: not an object"),
        ("entries.json", b'[{"type": "mbg", "mbg": 120}]', "no item of type sgv"),
        ("entries.json", b'[{"sgv": 6.7, "date": 1712016000000}]', "entries.json:1: sgv: 6.7 looks like mmol/L"),
        ("entries.json", b'[{"sgv": 120, "date": "soon"}]', "entries.json:1: date: 'soon' is not a time"),
        ("entries.json", b'[{"sgv": 120, "date": 0, "utcOffset": 7200}]', "entries.json:1: date: 0 beside utcOffset 7200"),
    ],
)
def test_broken_files_are_named(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as error:
        read_folder(tmp_path)
    assert name in str(error.value) and said in str(error.value)

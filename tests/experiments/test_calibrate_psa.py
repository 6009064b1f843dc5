"""Markers of men become a page with forecasts of last cycles and two policies; who cannot be given a number is named."""

import csv
import dataclasses

import numpy as np
import pytest
from calibration.errors import InputError
from calibration.fit import FitStatus
from calibration.tumours.psa import MarkerRecord, twin
from experiments.problems import psa_twins
from experiments.problems.psa_twins import HORIZON, Policies
from experiments.tumour import calibrate as command
from experiments.tumour import men
from experiments.tumour.policies import policies_section
from physio.solve import Tsit5, solve

HEADER = "patient,day,psa_ng_ml,abiraterone_on"
DAYS = np.arange(0.0, 300.0, 30.0)
ON = np.array([1, 1, 0, 0, 0, 0, 1, 1, 0, 0.0])


def write_men(folder, *last):
    """Two courses of the model, a man who was never off the drug, and one with two readings."""
    folder.mkdir()
    rows = [HEADER]
    for name, killing, on in (("A", 3.0, ON), ("B", 2.0, ON), ("C", 2.5, np.ones(10))):
        man = MarkerRecord(name, DAYS, np.ones(10), on)
        body = twin().with_values({"marker.baseline": 12.0, "tumour.killing": killing, "tumour.rate": 0.05})
        level = np.asarray(solve(body, man.doses(), at=DAYS, method=Tsit5(1e-8, 1e-10))["marker.level"])
        rows += [f"{name},{day:g},{x:.4f},{given:g}" for day, x, given in zip(DAYS, level, on, strict=True)]
    (folder / "markers.csv").write_text("\n".join([*rows, "D,0,5,1", "D,30,4,1", *last]) + "\n")
    return folder


def test_a_folder_becomes_a_page_and_a_table(tmp_path, monkeypatch, capsys):
    """The fit of the second man counts as failed."""
    honest = men.fit_men

    def fit_men(*given):
        fit, predicted = honest(*given)
        return dataclasses.replace(fit, status=fit.status.at[1].set(FitStatus.SOLVE_FAILED)), predicted

    monkeypatch.setattr(command, "keep_compiled_programs", lambda: None)
    monkeypatch.setattr(psa_twins, "fit_men", fit_men)
    for name, value in (("fit_men", fit_men), ("STARTS", 2), ("DRAWS", 40), ("POLICY_DRAWS", 3)):
        monkeypatch.setattr(men, name, value)
    folder, out = write_men(tmp_path / "record"), tmp_path / "out"
    assert command.calibrate(folder, out) == command.FAILED
    said = capsys.readouterr().out
    assert "4 men, 0 remarks" in said and "failed  B: no forecast could be made" in said and "failed  C" not in said
    page = (out / "tumours.html").read_text()
    for text in ("the readings of the last cycle of 2 men", "not forecast, no cycle that begins after 6 readings: 2",
                 "Progression is a marker above 1.2 times that at the first reading", "drug given",
                 "2.30 times, as 16 published men asked for: fewer than 10 others are here",
                 "Kaplan-Meier over men: 2 twins", "B: draws that could not be solved", "Judged", "1 man"):  # fmt: skip
        assert text in page, text
    assert '="http' not in page and page.count("<svg") == 2 and 'id="response"' not in page
    rows = list(csv.DictReader((out / "forecasts.csv").open()))
    assert [(row["person"], row["known readings"], row["time"], row["unit"]) for row in rows] == [
        ("A", "7", f"{day:g}", "ng/mL") for day in DAYS[7:]
    ]
    assert all(float(row["5 %"]) <= float(row["read"]) <= float(row["95 %"]) for row in rows)
    assert len({row["last carried forward"] for row in rows}) == 1


@pytest.mark.parametrize(
    ("last", "message"),
    [
        ("D,60,x,1", r"markers\.csv:34: psa_ng_ml: 'x' is not a number; expected a number in ng/mL"),
        ("D,20,4,1", r"markers\.csv:34: day: 20 after 30"),
        (",20,4,1", r"markers\.csv:34: patient: empty"),
        ("E,0,0,1", r"markers\.csv:34: psa_ng_ml: all 0 in E; expected a reading above 0 ng/mL"),
    ],
)
def test_mistakes_are_named_and_nothing_is_written(tmp_path, last, message):
    folder = write_men(tmp_path / "record", last)
    with pytest.raises(InputError, match=message):
        command.calibrate(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_another_unit_and_few_readings_are_named(tmp_path):
    table = tmp_path / "markers.csv"
    table.write_text("patient,day,psa_ug_l,abiraterone_on\nA,0,5,1\n")
    with pytest.raises(InputError, match=r"markers\.csv:1: psa_ng_ml: the unit is that of 'psa_ug_l'"):
        command.calibrate(table, tmp_path / "out")
    table.write_text(f"{HEADER}\nA,0,5,1\n")
    with pytest.raises(InputError, match="no man with 6 readings; expected 6 readings or more of one man"):
        command.calibrate(table, tmp_path / "out")


def test_policies_are_told_with_intervals_of_draws():
    """Three draws of two men: the first progresses, the second never does; nothing is known of the third."""
    always = np.asarray([[100.0, HORIZON, 0.0], [100.0, HORIZON, 0.0], [100.0, HORIZON, 0.0]])
    adaptive = always * np.asarray([2.0, 1.0, 1.0])
    found = Policies(adaptive, always, np.full((3, 3), 0.5), np.ones((3, 3), bool) * np.asarray([True, True, False]))
    section = policies_section(found, ["A", "B", "C"], np.asarray([10.0, 20.0, np.nan]))
    told = dict(section.findings)
    space = "\N{NO-BREAK SPACE}"
    # of two men the lower median, as in Kaplan-Meier: no mean with the one who does not progress
    assert told["Adaptive over throughout"] == f"2; 2 to 2 (90{space}%)"
    assert told["Median time to progression, adaptive"] == f"200 d; 200 d to 200 d (90{space}%)"
    assert told["Without progression in 3650 d, drug throughout"].startswith("50 % of men; 50 to 50")
    assert told["Left out"].startswith("C: ")
    late = f"after 3650 d; all of the interval too (90{space}%)"
    assert section.sheets[0].rows[1] == ["B", "20 %; not quantified", late, late, f"50 %; 50 to 50 (90{space}%)"]
    assert section.sheets[0].rows[2] == ["C", *4 * ["not quantified"]]

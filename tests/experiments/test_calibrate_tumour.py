"""A table of tumour sizes becomes a page and a table of forecasts; mistakes name file, row and field, and write nothing."""

import csv

import numpy as np
import pytest
from calibration.errors import InputError
from calibration.tumours.layouts import read_sizes
from calibration.tumours.records import TumourRecord
from experiments.report.wording import WARNING
from experiments.tumour import calibrate as command
from experiments.tumour.lesions import of_lesions
from experiments.tumour.lesions import _told as lesion_told
from experiments.tumour.mice import _shared
from experiments.tumour.score import scored
from experiments.tumour.told import Told

DAYS = np.asarray([6.0, 9.0, 12.0, 15.0, 18.0])
HEADER = "mouse,day,volume_mm3"


def write_mice(folder, header=HEADER, last="", count=3):
    """Gompertz's law of slightly different mice, and a fourth with two readings."""
    folder.mkdir()
    rows = [header]
    for mouse in range(count):
        rate = 0.7 + 0.03 * mouse
        rows += [f"{mouse},{day:g},{np.exp(rate / 0.08 * (1.0 - np.exp(-0.08 * day))):.1f}" for day in DAYS]
    (folder / "volumes.csv").write_text("\n".join([*rows, "short,6,30", "short,9,0", last]))
    return folder


def test_a_folder_becomes_a_page_and_a_table(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "keep_compiled_programs", lambda: None)
    folder, out = write_mice(tmp_path / "record"), tmp_path / "out"
    assert command.calibrate(folder, out) == 0
    said = capsys.readouterr().out
    assert "volume_mm3 is 0 in 1 rows; below detection" in said and "population: that of 20 mice" in said
    page = (out / "tumours.html").read_text()
    assert page.count(WARNING) == 2 and '="http' not in page and page.count("<svg") == 2
    for part in ("record", "forecasts", "response"):
        assert f'<section class="study" id="{part}"' in page
    assert "4 animals, 17 readings" in page and "not quantified" in page and "mm^3" not in page
    rows = list(csv.DictReader((out / "forecasts.csv").open()))
    assert [(row["person"], row["time"]) for row in rows] == [(str(m), t) for m in range(3) for t in ("15", "18")]
    assert all(float(row["5 %"]) < float(row["forecast"]) < float(row["95 %"]) for row in rows)
    # mice that follow the law of the population are forecast well, and the last size is not
    assert all(abs(float(row["forecast"]) / float(row["read"]) - 1.0) < 0.15 for row in rows)
    assert all(float(row["last carried forward"]) < 0.8 * float(row["read"]) for row in rows)


def test_one_tumour_is_one(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "keep_compiled_programs", lambda: None)
    assert command.calibrate(write_mice(tmp_path / "record", count=1), tmp_path / "out") == 0
    page = (tmp_path / "out" / "tumours.html").read_text()
    assert "1 animal," not in page and "0 of 1 animal read" in page and "1 animals" not in page


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"last": "9,3,x"}, r"volumes\.csv:19: volume_mm3: 'x' is not a number; expected a number in mm\^3"),
        ({"last": "9,3,-4"}, r"volumes\.csv:19: volume_mm3: '-4' is negative"),
        ({"last": "9,3"}, r"volumes\.csv:19: 2 cells; expected 3"),
        ({"header": "mouse,day,volume_cm3"}, r"volumes\.csv:1: volume_mm3: the unit is that of 'volume_cm3'"),
        ({"header": "rat,day,volume_mm3"}, "no table of tumour sizes; expected a CSV with the columns mouse, day"),
        ({"count": 0}, r"volumes\.csv: no animal with 4 readings"),
    ],
)
def test_mistakes_are_named_and_nothing_is_written(tmp_path, options, message):
    folder = write_mice(tmp_path / "record", **options)
    with pytest.raises(InputError, match=message):
        command.calibrate(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_one_table_is_wanted(tmp_path):
    folder = write_mice(tmp_path / "record")
    assert len(read_sizes(folder / "volumes.csv")[1]) == 4
    (folder / "more.csv").write_text("pid,arm,t_weeks,diam_mm,vol_mm3\n")
    with pytest.raises(InputError, match="more than one: more.csv, volumes.csv"):
        read_sizes(folder)
    with pytest.raises(InputError, match="no row below the header"):
        read_sizes(folder / "more.csv")
    with pytest.raises(InputError, match="none: no such file or folder"):
        read_sizes(tmp_path / "none")


LESION = TumourRecord("7", "A", 6.0 * np.arange(6.0), np.asarray([40.0, 30.0, 32.0, 36.0, 36.0, 20.0]), "week", "mm")


def test_a_best_change_is_of_what_is_known_and_what_is_drawn():
    draws = np.stack([np.full(10, 36.0), np.asarray([10.0, *9 * [50.0]])])
    told = lesion_told(LESION, draws)
    # nine draws of ten leave the 30 mm of the second scan the smallest
    assert told.change[0] == pytest.approx(-25.0) and told.read == pytest.approx(-50.0)
    assert told.time.tolist() == [18.0, 24.0, 30.0] and told.size[:, 0].tolist() == 3 * [36.0]


def test_few_people_have_no_population():
    with pytest.raises(InputError, match="lesions.csv: 1 person .* cannot be fitted; expected 30 people or more"):
        of_lesions([LESION], "lesions.csv", print)


def test_a_score_is_of_people():
    size = np.asarray([[36.0, 30.0], [30.0, 25.0], [40.0, 35.0]])
    one = Told(LESION, LESION.time[-2:], size, np.zeros(3), 0.0)
    exact = one._replace(size=np.stack(3 * [LESION.size[-2:]]))
    lost = one._replace(size=np.full((3, 2), np.nan))
    score = scored(3 * [one, exact, lost], zeros=True)
    # errors 0 and 10 of the first, 0 of the second; 36 mm carried forward is off by 0 and 16
    assert (score.forecast[0], score.carried[0], score.less[0], score.within[0]) == (2.5, 8.0, 5.5, 0.75)
    assert 0.0 <= score.forecast[1] < 2.5 < score.forecast[2] <= 5.0 and score.people == 6
    assert np.isnan(scored([one, exact], zeros=True).less[1:]).all()
    assert scored([lost], zeros=True) is None


def test_what_is_shared_has_the_interval_of_the_jackknife():
    x = np.log(np.asarray([[0.7, 0.08], [0.8, 0.08]]))
    (_, rate), (_, slowing) = _shared(x)
    # sqrt(1/2 sum of squares) is half of log 8/7
    ends = np.sqrt(0.56) * (8.0 / 7.0) ** (np.asarray([-1.64485, 1.64485]) / 2.0)
    assert rate == f"0.748 1/d; {ends[0]:.3f} to {ends[1]:.3f} (90\N{NO-BREAK SPACE}%, jackknife)"
    assert slowing.startswith("0.0800 1/d; 0.0800 to 0.0800")

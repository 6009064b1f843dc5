import numpy as np
import pytest

from calibration.errors import InputError
from experiments import tables

HEADER = "person,weight_kg,dose_mg,time_h,concentration_mg_per_l\n"
FIRST = "1,70,300,0,0\n1,70,300,1,8.5\n"


def test_theophylline_as_published():
    people = tables.read_oral_courses(tables.packaged("theophylline"))
    assert [person.person for person in people] == [str(number) for number in range(1, 13)]
    assert sum(person.concentration.observed.sum() for person in people) == 132
    first, last = people[0], people[-1]
    assert (first.weight_kg, first.dose_mg) == (79.6, 319.992)
    np.testing.assert_array_equal(first.times_h[:4], [0, 0.25, 0.57, 1.12])
    np.testing.assert_array_equal(first.concentration.value[-2:], [5.94, 3.28])
    assert last.concentration.value[-1] == 1.17


def test_fsigt_as_published():
    test = tables.read_glucose_test(tables.packaged("fsigt"))
    assert test.times_min.shape == (24,) and test.times_min[-1] == 182
    assert (test.times_min >= 8).sum() == 20
    np.testing.assert_array_equal(test.glucose.value[:3], [92, 350, 287])
    np.testing.assert_array_equal(test.insulin.value[-3:], [8, 8, 7])
    assert test.glucose.observed.all() and not test.insulin.below.any()


def test_missing_and_censored_cells(tmp_path):
    file = tmp_path / "t.csv"
    file.write_text("# a comment\n\n" + HEADER + "1,70,300,0,<0.1\n1,70,300,1,\n1,70,300,2,5\n")
    (person,) = tables.read_oral_courses(file)
    np.testing.assert_array_equal(person.concentration.value, [0.1, np.nan, 5])
    np.testing.assert_array_equal(person.concentration.observed, [False, False, True])
    np.testing.assert_array_equal(person.concentration.below, [True, False, False])


CONCENTRATION = (
    "expected a number in mg/L, not below zero, empty when not measured, <limit when below detection"
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "",
            "the file is empty; expected a header person,weight_kg,dose_mg,time_h,concentration_mg_per_l "
            "and rows",
        ),
        (
            HEADER,
            "no rows after the header; expected rows of "
            "person,weight_kg,dose_mg,time_h,concentration_mg_per_l",
        ),
        (
            HEADER.replace("time_h", "time_min") + FIRST,
            "1: time_min: this column's unit is `min`; expected `time_h` (h)",
        ),
        (
            HEADER.replace("dose_mg", "dose") + FIRST,
            "1: dose: this column has no unit in its name; expected `dose_mg` (mg)",
        ),
        (
            HEADER.replace(",weight_kg", "") + FIRST,
            "1: weight_kg: this column is missing; expected `weight_kg` (kg) in the header",
        ),
        (
            HEADER.replace("\n", ",sex\n") + FIRST,
            "1: sex: unknown column; expected only person,weight_kg,dose_mg,time_h,concentration_mg_per_l",
        ),
        (
            HEADER.replace("\n", ",dose_mg\n") + FIRST,
            "1: dose_mg: this column stands twice; expected each column once",
        ),
        (
            HEADER + "1,70,300,0\n",
            "2: 4 cells; expected 5: person,weight_kg,dose_mg,time_h,concentration_mg_per_l",
        ),
        (
            HEADER + FIRST + "1,70,300,2,high\n",
            f"4: concentration_mg_per_l: 'high' is not a number; {CONCENTRATION}",
        ),
        (
            HEADER + FIRST + "1,70,300,2,nan\n",
            f"4: concentration_mg_per_l: 'nan' is not a number; {CONCENTRATION}",
        ),
        (HEADER + FIRST + "1,70,300,2,-1\n", f"4: concentration_mg_per_l: '-1' is negative; {CONCENTRATION}"),
        (HEADER + FIRST + "1,70,300,2,<0\n", f"4: concentration_mg_per_l: '<0' is zero; {CONCENTRATION}"),
        (HEADER + "1,70,0,2,1\n", "2: dose_mg: '0' is zero; expected a number in mg, above zero"),
        (HEADER + "1,70,300,,1\n", "2: time_h: empty cell; expected a number in h, not below zero"),
        (
            HEADER + "1,70,300,1e999,1\n",
            "2: time_h: '1e999' is too large; expected a number in h, not below zero",
        ),
        (HEADER + ",70,300,0,1\n", "2: person: empty cell; expected a label"),
        (
            HEADER + FIRST + "1,70,300,1,7\n",
            "4: time_h: 1 h stands twice for person 1; expected rising times in h, each once",
        ),
        (
            HEADER + FIRST + "1,70,300,0.5,7\n",
            "4: time_h: 0.5 h comes after 1 h for person 1; expected rising times in h, each once",
        ),
        (
            HEADER + FIRST + "1,70,310,2,7\n",
            "4: dose_mg: 310, but 300 in row 2 of person 1; expected one dose in mg a person",
        ),
        (HEADER + '"1,70\n', "2: not CSV: unexpected end of data"),
    ],
)
def test_complaints(tmp_path, text, message):
    file = tmp_path / "t.csv"
    file.write_text(text)
    with pytest.raises(InputError) as caught:
        tables.read_oral_courses(file)
    glue = ":" if message[0].isdigit() else ": "
    assert str(caught.value) == f"{file}{glue}{message}"


def test_files_that_cannot_be_read(tmp_path):
    file = tmp_path / "t.csv"
    with pytest.raises(InputError, match="no such file; expected a CSV table"):
        tables.read_glucose_test(file)
    file.write_bytes(b"time_min,\xff\n")
    with pytest.raises(InputError, match="byte 9 is not UTF-8"):
        tables.read_glucose_test(file)


def test_wrong_unit_of_insulin(tmp_path):
    file = tmp_path / "t.csv"
    file.write_text("time_min,glucose_mg_per_dl,insulin_pmol_per_l\n0,90,60\n")
    with pytest.raises(
        InputError, match="column's unit is `pmol_per_l`; expected `insulin_uu_per_ml` \\(uU/mL\\)"
    ):
        tables.read_glucose_test(file)


def test_locate(tmp_path):
    scenario = tmp_path / "s.toml"
    assert tables.locate("fsigt", scenario) == tables.packaged("fsigt")
    (tmp_path / "own.csv").touch()
    assert tables.locate("own.csv", scenario) == tmp_path.resolve() / "own.csv"
    with pytest.raises(InputError, match="expected a CSV path or one of fsigt, theophylline"):
        tables.locate("other.csv", scenario)

"""Benchmarks of tumours: printed digits with exponents, what is said without data, folds by name."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from calibration.tumours.mice import fit_each
from calibration.tumours.psa import read_psa
from calibration.tumours.radiation_course import GROWN, fraction_days, time_to_progression
from calibration.tumours.radiation_plan import Course
from calibration.tumours.records import TumourRecord, read_lesions, read_mice
from experiments.benchmarks import tumour_closed_forms, tumour_mice, tumour_nsclc, tumour_psa
from experiments.problems.irradiated_people import DURING, GIVEN_WEEKS, follow, people, planned, replanned, solver_error
from experiments.problems.lesion_folds import HIDDEN, fold_of, long_enough, volume
from experiments.problems.resistant_cells import until_progression
from experiments.problems.tumour_tables import Printed, agrees, printed, simeoni_smooth
from physio.tumours.irradiated import IrradiatedTumour


@pytest.mark.parametrize(
    ("printed_text", "value", "right"),
    [
        ("4.1614e-10", 4.16136e-10, True),
        ("4.1614e-10", 4.1613e-10, False),
        ("168.80", 168.7951, True),
        ("168.80", 168.794, False),
        ("72", 72.4, True),
    ],
)
def test_digits(printed_text, value, right):
    assert agrees(Printed("x", printed_text, "1", value)) is right


def test_all_tables_agree():
    assert [row.figure for row in printed() if not agrees(row)] == []


def test_simeoni_without_a_drug_grows_as_its_equation():
    """Between days 12 and 12.001 by l0 w / [1 + (l0 w / l1)^20]^(1/20)."""
    before, middle, after = simeoni_smooth(np.array([12.0, 12.0005, 12.001]))
    x = 0.273 * middle / 0.814
    assert (after - before) / 0.001 == pytest.approx(0.273 * middle / (1.0 + x**20) ** 0.05, rel=1e-6)


@pytest.mark.parametrize("benchmark", [tumour_mice, tumour_nsclc, tumour_psa])
def test_without_data_every_figure_says_so(benchmark, monkeypatch, tmp_path):
    monkeypatch.setenv("SOMAGRAD_DATA", str(tmp_path))
    result = benchmark.run(None, True)
    assert result.targets and all(t.met is None and "no data" in t.reason for t in result.targets)


def test_groups_of_rows_are_added_up(monkeypatch):
    """Fields on a grid add a group of their own."""
    monkeypatch.setattr(tumour_closed_forms, "GROUPS", (lambda quick: ([], [], 2e-12), lambda quick: ([], [], 1e-13)))
    assert tumour_closed_forms.run(None, True).achieved_error == 2e-12


def test_folds_go_by_name_and_volumes_by_the_published_scale():
    record = TumourRecord("17", "A", np.arange(6.0), np.full(6, 10.0), "week", "mm")
    assert long_enough([record, record.first(5)]) == [record]
    assert fold_of(record, 10) == fold_of(record.first(2), 10)
    # the largest diameter of the file, 228 mm, is a volume of 1
    assert volume(np.array([228.0]))[0] == pytest.approx(1.0, rel=1e-3)


def test_single_mice_as_in_the_table(shared_data):
    """a 0.7425 and b 0.0792 /d, CV 25 and 41 %, correlation of logarithms 0.973."""
    values = fit_each(read_mice(shared_data("llc_mouse_growth"))[0])
    np.testing.assert_allclose(np.median(values, axis=1), [0.7425, 0.0792], rtol=5e-4)
    np.testing.assert_allclose(values.std(axis=1) / values.mean(axis=1), [0.25, 0.41], atol=0.005)
    assert np.corrcoef(np.log(values))[0, 1] == pytest.approx(0.973, abs=5e-4)


def test_carrying_the_last_lesion_forward_as_in_the_table(shared_data):
    """994 people, 482 records with six readings; 0.002560 of normalised volume, 3.82 mm."""
    records, remarks = read_lesions(shared_data("nsclc_lesion_tgi"))
    asked = long_enough(records)
    assert (len(records), len(asked)) == (994, 482)
    # five people with repeated times, and zeros
    assert len(remarks) == 6 and "diam_mm is 0 in 216 rows" in str(remarks[-1])
    hidden = np.stack([r.size[-HIDDEN:] for r in asked], axis=-1)
    last = np.stack([r.size[-HIDDEN - 1] for r in asked])
    assert np.abs(volume(hidden) - volume(last)).mean() == pytest.approx(0.002560, abs=5e-7)
    assert np.abs(hidden - last).mean() == pytest.approx(3.82, abs=5e-3)


def test_men_and_their_highest_readings(shared_data):
    """17 men with 12 to 48 readings; the highest of P1002 is 87.6 ng/mL and not what its source divides by."""
    men = read_psa(shared_data("mcrpc_adaptive_psa"))
    assert len(men) == 17 and sum(len(m.day) for m in men) == 504
    assert next(m for m in men if m.person == "P1002").level.max() == pytest.approx(87.6, abs=0.05)


def test_irradiated_people():
    """The same truth whatever the scans; weeks given before the last scan; plans of equal dose and of equal control."""
    early, late = people(2), people(2, DURING)
    assert [float(p.truth.alpha) for p in early] == [float(p.truth.alpha) for p in late]
    assert float(early[0].truth.alpha) != float(early[1].truth.alpha)
    assert [len(p.scanned.days) for p in (early[0], late[0])] == [1, 5 * GIVEN_WEEKS]
    assert solver_error(early) < 1e-9
    course = replanned(Course())
    found = follow(late, course, planned(late, course))
    assert found.time.shape == found.spent.shape == found.late.shape == (3, 2)
    np.testing.assert_allclose(found.spent[:2], 60.0, rtol=1e-9)
    assert (found.spent[2] <= 60.0).all() and (found.risk[1:] <= found.risk[0]).all()
    np.testing.assert_allclose(found.late[0], 100.0, rtol=1e-12)


def test_cells_that_are_hard_to_kill():
    """Both kinds of cells integrated by SciPy between fractions pass the mark on the day that the closed form says."""
    tumour = IrradiatedTumour(start=2e4, rate=0.03, capacity=2e5, alpha=0.1, ratio=8.0)
    days, dose = fraction_days(), np.full(30, 2.0)
    share, less = 0.2, 0.4
    cells, lost = np.array([1.0 - share, share]) * 2e4, 0.1 * 2.0 * (1.0 + 2.0 / 8.0)

    def growth(t, cells):
        return 0.03 * cells * (1.0 - cells.sum() / 2e5)

    def passed(t, cells):
        return cells.sum() - GROWN * 2e4

    passed.terminal = True
    for day, following in zip(days, np.append(days[1:], 1000.0), strict=True):
        cells = cells * np.exp(-lost * np.array([1.0, less]))
        path = solve_ivp(growth, (day, following), cells, rtol=1e-10, atol=1e-6, events=passed)
        cells = path.y[:, -1]
    expected = float(path.t_events[0][0])
    days, dose = jnp.asarray(days), jnp.asarray(dose)
    assert float(until_progression(days, dose, tumour, share, less)) == pytest.approx(expected, rel=1e-8)
    assert expected < float(time_to_progression(days, dose, tumour)) - 5.0

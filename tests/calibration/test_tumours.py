"""Tumour records, curves and forecasts: bad input named, known curves recovered, forecasts against closed forms."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

from calibration.calibrator import calibrate
from calibration.errors import InputError
from calibration.least_squares import LevenbergMarquardt
from calibration.population.forecast import forecast
from calibration.population.model import Population, Theta
from calibration.population.structure import Equations
from calibration.tumours.curve_problem import curve_problem
from calibration.tumours.curves import ClaretCurve, GompertzCurve
from calibration.tumours.mice import fit_each, mouse_population
from calibration.tumours.records import TumourRecord, read_lesions, read_mice
from physio.noise import LogNormalNoise
from physio.observe import readings
from physio.tumours.closed_forms import gompertz
from physio.tumours.inhibition import claret

LESIONS = "pid,arm,t_weeks,diam_mm,vol_mm3\n"


def lesions(tmp_path, *rows, header=LESIONS):
    (tmp_path / "lesions_dev.csv").write_text(header + "\n".join(rows) + "\n")
    return read_lesions(tmp_path)


@pytest.mark.parametrize(
    ("rows", "header", "says"),
    [
        (["1,A,0,1.3,1142.44"], LESIONS, "lesions_dev.csv:2: diam_mm: 1.3 with a volume of 1142.44: the diameter is in cm"),
        (["1,A,0,13,1.14244"], LESIONS, "lesions_dev.csv:2: vol_mm3: 13 with a volume of 1.14244: the volume is in cm^3"),
        (["1,A,0,13,900"], LESIONS, "lesions_dev.csv:2: vol_mm3: 900 mm3 is not 0.52 d^3 = 1142.44 of 13 mm"),
        (["1,A,0,-13,0"], LESIONS, "lesions_dev.csv:2: diam_mm: '-13' is negative"),
        (["1,A,0,1300,1142440000"], LESIONS, "lesions_dev.csv:2: diam_mm: 1300 mm is more than any tumour"),
        (["1,A,,13,1142.44"], LESIONS, "lesions_dev.csv:2: t_weeks: '' is not a number; expected a number in weeks"),
        (["1,A,0,13"], LESIONS, "lesions_dev.csv:2: 4 cells"),
        (["1,A,0,1.3,1.14"], "pid,arm,t_weeks,diam_cm,vol_mm3\n", "diam_mm: the unit is that of 'diam_cm'"),
    ],
)
def test_bad_tables_name_file_row_field_and_unit(tmp_path, rows, header, says):
    with pytest.raises(InputError) as error:
        lesions(tmp_path, *rows, header=header)
    assert says in str(error.value)


def test_times_are_sorted_and_merged_and_zeros_are_not_sizes(tmp_path):
    records, remarks = lesions(tmp_path, "7,B,6,10,520", "7,B,0,13,1142.44", "7,B,6,12,898.56", "7,B,12,0,0")
    (record,) = records
    np.testing.assert_allclose(record.time, [0.0, 6.0, 12.0])
    np.testing.assert_allclose(record.size, [13.0, 11.0, 0.0])
    assert record.arm == "B" and record.seen.tolist() == [True, True, False]
    said = "\n".join(map(str, remarks))
    assert "lesions_dev.csv:3: 7: 0 week after 6; sorted" in said
    assert "lesions_dev.csv:4: 7: 2 readings at 6 week, 10 to 12 mm; their mean is one reading" in said
    assert "lesions_dev.csv:5: diam_mm is 0 in 1 rows; below detection" in said


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match="llc_growth.csv: no such file"):
        read_mice(tmp_path)


def record(time, size, person="1"):
    return TumourRecord(person, "A", np.asarray(time, float), np.asarray(size, float), "week", "mm")


def test_curves_without_error_are_found_again():
    t = np.linspace(0.0, 60.0, 13)
    true = [(40.0, 0.012, 0.05, 0.06), (9.0, 0.02, 0.03, 0.1)]
    problem = curve_problem(ClaretCurve(), [record(t, claret(t, *values)) for values in true], limit=3.0)
    fit = calibrate(problem, LevenbergMarquardt(iterations=100))
    # the wide prior pulls by less than a thousandth
    np.testing.assert_allclose(problem.values(fit.z)[1:], np.asarray(true).T[1:], rtol=0.03)
    np.testing.assert_allclose(problem.sizes(fit.z, t[:, None])[-1], [claret(60.0, *values) for values in true], rtol=1e-3)


def test_a_reading_below_detection_is_a_bound():
    """Where the curve is below the limit a 0 costs nothing; above, what it is above."""
    seen = record([0.0, 6.0, 12.0], [20.0, 8.0, 0.0])
    problem = curve_problem(GompertzCurve(), [seen], limit=4.0)
    flat = problem.evaluate(jnp.asarray([[0.0], [0.0], [-20.0]])).residuals[:3, 0]
    np.testing.assert_allclose(flat, [0.0, 1.0 - 0.4, 1.0 - 0.2], atol=1e-6)
    falling = problem.evaluate(jnp.asarray([[0.0], [-4.0], [-20.0]])).residuals[2, 0]
    assert falling == 0.0


def test_mice_are_fitted_by_their_weights():
    """Volumes on a Gompertz curve give its numbers back whatever the weights."""
    t = np.array([5.0, 8.0, 11.0, 14.0, 17.0, 20.0])
    values = fit_each([record(t, gompertz(t, 1.0, 0.75, 0.08)), record(t[:4], gompertz(t[:4], 1.0, 0.6, 0.05))])
    np.testing.assert_allclose(values, [[0.75, 0.6], [0.08, 0.05]], rtol=2e-3)


def test_a_forecast_of_normal_people_is_the_conditional_normal():
    """log y = log v + eta + e: after n readings the next is normal about a shrunk mean, with variances known in closed form."""
    omega, sigma, centre = 0.3, 0.2, 5.0
    first, second = np.log([6.0, 5.5]), np.log([3.0])
    value = np.exp(np.array([[first[0], second[0]], [first[1], 0.0], [0.0, 0.0]]))
    present = np.array([[True, True], [True, False], [False, False]])
    people = Population(
        Equations(jnp.zeros((3, 2)), lambda values, t: values["size"] * jnp.ones_like(t)),
        readings(value, present),
        LogNormalNoise(sigma),
        thetas=[Theta("size", centre)],
        typical=lambda theta, covariates: dict(theta),
        random=["size"],
        variances=[omega**2],
        spreads=["spread"],
    )
    told = forecast(people, people.start())
    for person, seen in enumerate((first, second)):
        precision = 1 / omega**2 + len(seen) / sigma**2
        mean = (np.log(centre) / omega**2 + seen.sum() / sigma**2) / precision
        sd = np.sqrt(1 / precision + sigma**2)
        for level in (0.1, 0.5, 0.9):
            assert np.log(told.quantile(level)[2, person]) == pytest.approx(mean + sd * norm.ppf(level), abs=2e-4)
        assert float(told.below(told.quantile(0.3))[2, person]) == pytest.approx(0.3, abs=1e-9)


def test_hidden_volumes_change_no_forecast():
    visible, days = [30.0, 150.0], [5.0, 9.0, 13.0, 16.0]
    mice = [record(days, [*visible, 500.0, 900.0]), record(days, [*visible, 20.0, 3.0])]
    people = mouse_population(mice, [2, 2])
    told = forecast(people, people.start()).quantile(0.5)[2:]
    np.testing.assert_array_equal(told[:, 0], told[:, 1])
    assert told[1, 0] > told[0, 0] > 150.0

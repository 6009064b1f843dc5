"""Men under adaptive doses: bad rows named, doses as they were given, and a man who is his own model found again."""

import jax.numpy as jnp
import numpy as np
import pytest

from calibration.calibrator import calibrate
from calibration.errors import InputError
from calibration.least_squares import LevenbergMarquardt
from calibration.tumours.psa import FREE, MarkerRecord, marker_problem, read_psa, twin
from physio.solve import Tsit5, solve

HEADER = "patient,day,psa_ng_ml,abiraterone_on\n"


def read(tmp_path, *rows):
    (tmp_path / "psa_adaptive_arm.csv").write_text(HEADER + "\n".join(rows) + "\n")
    return read_psa(tmp_path)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (["A,0,5,1", "A,0,4,1"], "psa_adaptive_arm.csv:3: day: 0 after 0; expected days that ascend within a man, each once"),
        (["A,0,5,2"], "psa_adaptive_arm.csv:2: abiraterone_on: '2'; expected 0 or 1"),
        (["A,0,-5,1"], "psa_adaptive_arm.csv:2: psa_ng_ml: '-5' is negative; expected a number in ng/mL"),
        (["A,0,5"], "psa_adaptive_arm.csv:2: 3 cells"),
    ],
)
def test_bad_rows_are_named(tmp_path, rows, says):
    with pytest.raises(InputError) as error:
        read(tmp_path, *rows)
    assert says in str(error.value)


def test_the_drug_is_given_from_each_reading_to_the_next(tmp_path):
    (man,) = read(tmp_path, "A,0,8,1", "A,30,3,1", "A,60,2,0", "A,90,5,0", "A,120,9,1")
    doses = man.doses()
    np.testing.assert_allclose(doses.time, [0.0, 120.0])
    np.testing.assert_allclose(doses.duration, [60.0, np.inf])
    np.testing.assert_allclose(man.relative, np.array([8, 3, 2, 5, 9]) / 9)


DAYS = np.array([0.0, 20.0, 45.0, 70.0, 100.0, 130.0, 160.0])
ON = np.array([1, 1, 0, 0, 0, 1, 1])
MAN = {"marker.baseline": 12.0, "tumour.killing": 3.0, "tumour.rate": 0.05}


@pytest.fixture(scope="module")
def men():
    """A man made by the model at known numbers, and the same with later readings of his own."""
    plain = MarkerRecord("A", DAYS, np.ones(7), ON)
    level = np.asarray(solve(twin().with_values(MAN), plain.doses(), at=DAYS, method=Tsit5(1e-8, 1e-10))["marker.level"])
    changed = np.where(np.arange(7) < 5, level, 40.0)
    return [MarkerRecord("A", DAYS, level, ON), MarkerRecord("B", DAYS, changed, ON)]


def test_a_course_of_the_model_is_fitted_and_forecast(men):
    """Five readings known: hidden ones, which differ, change nothing; and what is forecast is the course."""
    problem = marker_problem(men, [5, 5])
    fit = calibrate(problem, LevenbergMarquardt(iterations=25, ftol=1e-6))
    (predicted,), _, _, _ = problem.predict(fit.z)
    np.testing.assert_array_equal(predicted[:, 0], predicted[:, 1])
    highest = men[0].level[:5].max()
    assert float(jnp.abs(predicted[:5, 0] - men[0].level[:5]).max()) < 0.05 * highest
    assert float(fit.cost[0]) < 0.5 * len(FREE)

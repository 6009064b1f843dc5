"""The difference of two days of one person shares the person: it is known from the difference of their slopes."""

from types import SimpleNamespace
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import pytest

from calibration.diabetes import answers

# of the recorded day and of two changed ones: glucose at two times, and its slopes along two unknowns
MEAN = {"recorded": (100.0, 120.0), "less": (100.0, 90.0), "same": (100.0, 120.0)}
SLOPES = {"recorded": ((30.0, 40.0), (0.0, 2.0)), "less": ((30.0, 40.0), (0.0, 5.0)), "same": ((30.0, 40.0), (0.0, 2.0))}


class Named(NamedTuple):
    name: str
    exercise: tuple = ()


RECORDED, LESS, SAME = Named("recorded"), Named("less"), Named("same")
COVARIANCE = np.asarray([[0.25, 0.0], [0.0, 0.16]])


@pytest.fixture
def fit(monkeypatch):
    def linear(problem, z, events):
        mean, slopes = (np.stack([np.asarray(table[day.name]) for day in events], axis=-1) for table in (MEAN, SLOPES))
        return mean, slopes, np.zeros(len(events), int)

    monkeypatch.setattr(answers, "_linear", linear)
    problem = SimpleNamespace(lanes=1, with_inputs=lambda days: days, picked=lambda index: problem)
    return SimpleNamespace(
        problem=problem, z=jnp.zeros((2, 1)), covariance=COVARIANCE[..., None], log_evidence=np.zeros(1), misfit=np.ones(1)
    )


def test_a_difference_is_surer_than_what_it_is_the_difference_of(fit):
    found = answers.compared([fit], [RECORDED], [[LESS], [SAME]])
    less, same = found.differences
    assert less.mean[:, 0].tolist() == [0.0, -30.0] and found.changed[0].mean[:, 0].tolist() == [100.0, 90.0]
    # 3 along the second unknown, whose sd is 0.4
    assert less.sd[1, 0] == pytest.approx(1.2) and found.changed[0].sd[1, 0] == pytest.approx(np.hypot(20.0, 2.0))
    assert less.learned[0] == pytest.approx(1.0 - 0.16)
    assert same.mean[:, 0].tolist() == [0.0, 0.0] and same.sd.max() < 1e-5


def test_a_difference_may_be_below_zero_and_glucose_not_below_what_one_survives(fit):
    difference = answers.change([fit], [RECORDED], [LESS])
    low, high = difference.interval(0.9)
    assert (low[1, 0], high[1, 0]) == pytest.approx((-30.0 - 1.645 * 1.2, -30.0 + 1.645 * 1.2), abs=0.01)
    wide = answers.answer([fit], [RECORDED])._replace(sd=np.full((2, 1), 1e3))
    assert wide.interval(0.9)[0].min() == 10.0


def test_families_that_disagree_widen_the_difference(fit):
    other = SimpleNamespace(**{**vars(fit), "covariance": 4.0 * fit.covariance})
    found = answers.change([fit, other], [RECORDED], [LESS])
    assert found.sd[1, 0] == pytest.approx(np.sqrt(0.5 * (1.2**2 + 2.4**2)))

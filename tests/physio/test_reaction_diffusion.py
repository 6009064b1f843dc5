"""The tumour's field against its parts in closed form, and what a tissue map may hold."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from physio.fields import Domain, FieldError, Grid, Heun, Stabilised, Strang, UniformDiffusion, solve_field
from physio.schedule import bolus
from physio.tumours.infiltration import Brain, Infiltration
from physio.tumours.reaction_diffusion import ReactionDiffusion
from physio.tumours.treated_field import Drug

STILL = UniformDiffusion(Domain(Grid((3,), (1.0,))), 0.0)


def ended(model, cells, schedule, at, step, method):
    path = eqx.filter_jit(lambda m, n: solve_field(m, m.start(n), schedule, at=at, step=step, method=method))(model, cells)
    assert int(path.status) == 0
    return np.asarray(path.seen.cells[-1])


def test_thirty_fractions_without_growth():
    # linear-quadratic survival, alpha/beta 10: 0.88692 a fraction, 0.027324 after thirty
    model = ReactionDiffusion(STILL, growth=0.0, radiosensitivity=0.05)
    once = ended(model, jnp.ones(3), bolus("radiation", 1.0, 2.0), (0.0, 2.0), 0.5, Heun())
    np.testing.assert_allclose(once, 0.88692, atol=5e-6)
    thirty = ended(model, jnp.ones(3), bolus("radiation", np.arange(30.0), 2.0), (0.0, 31.0), 0.5, Heun())
    np.testing.assert_allclose(thirty, 0.027324, atol=5e-7)


def test_logistic_growth_whatever_the_step():
    # N(t) = K / (1 + (K / N0 - 1) e^-rt)
    model = ReactionDiffusion(STILL, growth=0.1, capacity=0.8)
    found = ended(model, jnp.asarray([0.0, 0.1, 0.5]), None, (0.0, 25.0), 12.5, Strang(Stabilised(3)))
    np.testing.assert_allclose(found[1:], [0.8 / (1 + (0.8 / n - 1) * np.exp(-2.5)) for n in (0.1, 0.5)], rtol=1e-13)
    assert found[0] == 0.0


@pytest.mark.parametrize("method", [Heun(), Strang(Stabilised(3))], ids=["Heun", "Strang"])
def test_drugs_kill_as_their_doses_decay(method):
    # few cells: log N = log N0 + r t - sum over doses k dose (1 - e^-b(t - tau)) / b
    model = ReactionDiffusion(STILL, {"a": Drug(0.2, 0.5), "b": Drug(0.05, 2.0)}, growth=0.03)
    schedule = bolus("a", [1.0, 4.0], [1.0, 2.0]) + bolus("b", 2.5, 3.0)
    log = 0.03 * 10.0
    for kill, decay, dose, tau in ((0.2, 0.5, 1.0, 1.0), (0.2, 0.5, 2.0, 4.0), (0.05, 2.0, 3.0, 2.5)):
        log -= kill * dose * (1.0 - np.exp(-decay * (10.0 - tau))) / decay
    found = ended(model, jnp.full(3, 1e-9), schedule, (0.0, 10.0), 0.05, method)
    np.testing.assert_allclose(np.log(found / 1e-9), log, atol=5e-4)


def test_cells_stay_out_of_csf_and_slow_down_in_grey_matter():
    labels = np.ones((12, 3, 3), int)
    labels[2:6], labels[6:11] = 3, 2
    brain = Brain.of(labels, (1.0, 1.0, 1.0))
    operator = Infiltration(0.2, 0.1).operator(brain)
    along = np.asarray(operator.faces[0])[:, 1, 1]
    # within white, across the border in series, within grey; CSF takes nothing
    np.testing.assert_allclose(along, [0, 0, *[0.2] * 3, 2 * 0.2 * 0.02 / 0.22, *[0.02] * 4, 0], rtol=1e-14)
    start = brain.domain.kept(jnp.ones((12, 3, 3)) * jnp.arange(12.0)[:, None, None])
    after = ended(ReactionDiffusion(operator, growth=0.0), start, None, (0.0, 20.0), 0.5, Heun())
    assert not after[labels == 1].any()
    assert after.sum() == pytest.approx(float(start.sum()), rel=1e-12)


def test_an_unknown_label_is_named():
    with pytest.raises(FieldError, match="label 7; expected 0 outside, 1 CSF, 2 grey, 3 white"):
        Brain.of(np.full((3, 3, 3), 7), (1.0, 1.0, 1.0))

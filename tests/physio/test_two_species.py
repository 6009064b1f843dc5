"""Two populations against one, and against their closed forms where they do not meet."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from physio.fields import Domain, Grid, Heun, Stabilised, Strang, UniformDiffusion, solve_field
from physio.schedule import bolus
from physio.tumours.reaction_diffusion import ReactionDiffusion
from physio.tumours.treated_field import Drug
from physio.tumours.two_species import TwoSpecies

GRID = Grid((16, 12), (1.0, 1.0))
SPREAD = UniformDiffusion(Domain(GRID), 0.2)
STILL = UniformDiffusion(Domain(GRID), 0.0)
HUMP = jnp.exp(-0.1 * ((GRID.centres(0) - 7.0) ** 2 + (GRID.centres(1) - 5.0) ** 2))
COURSE = bolus("radiation", [5.0, 6.0], 2.0) + bolus("a", 8.0, 1.0)
SOLVED = eqx.filter_jit(lambda m, s, step, method: solve_field(m, s, COURSE, at=(0.0, 20.0), step=step, method=method).seen)


@pytest.mark.parametrize("method", [Heun(), Strang(Stabilised(3))], ids=["Heun", "Strang"])
def test_equal_populations_are_one(method):
    drugs = {"a": Drug(0.05, 0.4)}
    one = ReactionDiffusion(SPREAD, drugs, growth=0.1)
    two = TwoSpecies(SPREAD, SPREAD, drugs, growth_enhancing=0.1, growth_infiltrating=0.1)
    whole = SOLVED(one, one.start(0.6 * HUMP), 0.1, method).cells[-1]
    parts = SOLVED(two, two.start(0.4 * HUMP, 0.2 * HUMP), 0.1, method)
    np.testing.assert_allclose(parts.enhancing[-1] + parts.infiltrating[-1], whole, atol=2e-6)
    np.testing.assert_allclose(parts.enhancing[-1], 2.0 * parts.infiltrating[-1], rtol=1e-10)


def test_a_population_alone_is_logistic_and_few_cells_grow_as_exponentials():
    # without diffusion: N = 1 / (1 + (1/N0 - 1) e^-rt) between two fractions of survival 0.88692; F negligible beside E
    model = TwoSpecies(STILL, STILL, {"a": Drug(1e-12, 0.4)}, growth_enhancing=0.1, growth_infiltrating=0.05)
    seen = SOLVED(model, model.start(0.3 * jnp.ones(GRID.shape), 1e-9 * jnp.ones(GRID.shape)), 0.02, Strang(Stabilised(3)))
    n, log = 0.3, np.log(1e-9)
    survival = np.exp(-0.05 * 2.0 * 1.2)
    for days, after in ((5.0, survival), (1.0, survival), (14.0, 1.0)):
        # the integral of 1 - N is log(N(end) / N(start)) / r
        end = 1.0 / (1.0 + (1.0 / n - 1.0) * np.exp(-0.1 * days))
        log += 0.05 * np.log(end / n) / 0.1 + np.log(after)
        n = end * after
    np.testing.assert_allclose(seen.enhancing[-1], n, rtol=1e-6)
    np.testing.assert_allclose(np.log(seen.infiltrating[-1]), log, rtol=1e-6)

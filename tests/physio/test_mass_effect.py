"""A tumour that pushes: against closed forms of stress, a march in NumPy, the tumour that does not push, and differences."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from physio.fields import (
    Checkpointed, Domain, FieldError, Forward, ForwardEuler, Grid, Heun, Strang, UniformDiffusion, solve_field,
)  # fmt: skip
from physio.schedule import bolus
from physio.solve.status import Status
from physio.tumours.infiltration import Brain, Infiltration
from physio.tumours.mass_effect import MechanicallyCoupled
from physio.tumours.reaction_diffusion import ReactionDiffusion
from physio.tumours.stiffness import Head, Stiffness

LABELS = np.full((7, 5, 4), 3)
LABELS[5:], LABELS[0], LABELS[:, 0] = 2, 1, 0
SPACING = (1.0, 1.2, 0.9)
SLICE = LABELS[:, :, 0], SPACING[:2]
FRACTIONS = bolus("radiation", [3.0, 4.0], 2.0)
RUN = eqx.filter_jit(
    lambda model, cells, method: solve_field(model, model.start(cells), FRACTIONS, at=[0.0, 5.0, 8.0], step=0.5, method=method)
)

DEFORMED = eqx.filter_jit(lambda model, cells: model.deformation(cells))


def hump(labels, spacing):
    domain = Brain.of(labels, spacing).domain
    away = sum((domain.grid.centres(k) - at) ** 2 for k, at in zip(domain.grid.axes, (3.0, 3.0, 2.0), strict=False))
    return domain.kept(0.6 * jnp.exp(-0.3 * away))


def pushing(labels, spacing, white=0.2, growth=0.15, **named):
    brain = Brain.of(labels, spacing)
    tumour = ReactionDiffusion(Infiltration(white).operator(brain), growth=growth)
    return MechanicallyCoupled(tumour, Head.of(labels, spacing), **named)


@pytest.mark.parametrize("method", [Heun(), Strang()], ids=["Heun", "Strang"])
@pytest.mark.parametrize("off", [{"strain": 0.0}, {"damping": 0.0}], ids=["strain", "damping"])
def test_without_strain_or_damping_nothing_differs(method, off):
    model, cells = pushing(*SLICE, **off), hump(*SLICE)
    plain, pushed = RUN(model.tumour, cells, method), RUN(model, cells, method)
    assert int(pushed.status) == Status.OK
    np.testing.assert_allclose(pushed.seen.tumour.cells, plain.seen.cells, rtol=1e-14, atol=0.0)
    assert not np.allclose(RUN(pushing(*SLICE), cells, method).seen.tumour.cells[-1], plain.seen.cells[-1], rtol=1e-4)


def test_a_head_full_of_tumour_is_under_pressure():
    # no room to grow into: p = s E / (1 - 2 nu), the modulus that of the tumour
    model = pushing(LABELS, SPACING, stiffness=Stiffness(tumour=5.0, poisson=0.4), strain=0.05)
    inside = LABELS > 0
    found = DEFORMED(model, jnp.ones(LABELS.shape))
    np.testing.assert_allclose(found.pressure, np.where(inside, 0.05 * 5.0 / 0.2, 0.0), atol=1e-9)
    np.testing.assert_allclose(found.displacement, 0.0, atol=1e-9)
    part = DEFORMED(model, hump(LABELS, SPACING))
    assert (np.asarray(part.von_mises)[inside] > 0.0).all() and not np.asarray(part.von_mises)[~inside].any()


def test_each_tissue_has_its_modulus():
    stiffness = Stiffness(white=4.0, grey=3.0, csf=1.0, tumour=8.0, poisson=0.25)
    share = jnp.full(LABELS.shape, 0.25)
    body = stiffness.body(Head.of(LABELS, SPACING), share)
    young = np.select([LABELS == 1, LABELS == 2, LABELS == 3], [0.75 + 2.0, 2.25 + 2.0, 3.0 + 2.0])
    np.testing.assert_allclose((2.5 * body.shear)[LABELS > 0], young[LABELS > 0], rtol=1e-14)
    np.testing.assert_allclose(body.lame, body.shear * (LABELS > 0), rtol=1e-14)  # equal at nu = 1/4


def uniaxial(cells, strain, young, poisson):
    """sigma_vm = 2 mu |w'| in a bar held at both ends, w' = (3 lambda + 2 mu) / (lambda + 2 mu) s (N - mean N)."""
    lame, mu = young * poisson / ((1 + poisson) * (1 - 2 * poisson)), young / (2 + 2 * poisson)
    return 2 * mu * (3 * lame + 2 * mu) / (lame + 2 * mu) * strain * np.abs(cells - cells.mean())


@pytest.mark.parametrize("renewed", [1, 3])
def test_a_march_by_hand_in_a_bar(renewed):
    # explicit Euler with the stress in closed form, renewed every so many steps
    labels, steps, dt = np.full(16, 3), 20, 0.25
    model = pushing(labels, (1.0,), 0.3, 0.1, strain=0.2, damping=1.5, every=renewed * dt)
    cells = np.exp(-0.2 * (np.arange(16) - 5.0) ** 2)
    path = solve_field(model, model.start(jnp.asarray(cells)), at=[0.0, steps * dt], step=dt, method=ForwardEuler())
    for k in range(steps):
        if k % renewed == 0:
            stress = uniaxial(cells, 0.2, 3.0, 0.45)
            slowed = 0.3 * np.exp(-1.5 * 0.5 * (stress[1:] + stress[:-1]))
        flux = np.concatenate([[0.0], slowed * np.diff(cells), [0.0]])
        cells = cells + dt * (np.diff(flux) + 0.1 * cells * (1.0 - cells))
    np.testing.assert_allclose(path.seen.tumour.cells[-1], cells, rtol=1e-7)
    np.testing.assert_allclose(path.seen.stress[-1], stress, atol=1e-6)


def test_derivatives_against_differences():
    start = hump(*SLICE)
    rng = np.random.default_rng(5)
    weight, along = jnp.asarray(rng.normal(size=start.shape)), jnp.asarray(rng.normal(size=7))

    def value(x, adjoint=Forward()):
        stiffness = Stiffness(white=3.0 * x[0], csf=x[1], tumour=5.0 * x[2], poisson=0.44 * x[3])
        named = dict(stiffness=stiffness, strain=0.2 * x[4], damping=2.0 * x[5], every=1.5, tolerance=1e-12)
        model = pushing(*SLICE, 0.2 * x[6], **named)
        seen = solve_field(
            model, model.start(start), FRACTIONS, at=[0.0, 5.0, 8.0], step=0.5, method=Heun(), adjoint=adjoint
        ).seen
        return (weight * seen.tumour.cells[-1]).sum() + (weight * seen.stress[1]).sum()

    plain, one = jax.jit(value), jnp.ones(7)
    rough = [float(plain(one + e * along) - plain(one - e * along)) / (2 * e) for e in (1e-3, 2e-3)]
    slope = (4 * rough[0] - rough[1]) / 3
    # segments of four steps fall between renewals of three
    same, reverse = jax.jit(jax.value_and_grad(lambda x: value(x, Checkpointed(4))))(one)
    assert float(same) == pytest.approx(float(plain(one)), rel=1e-9)
    assert float(reverse @ along) == pytest.approx(slope, rel=1e-7)
    assert float(jax.jit(lambda x, d: jax.jvp(value, (x,), (d,))[1])(one, along)) == pytest.approx(slope, rel=1e-7)


def test_a_head_that_cannot_be_is_marked():
    model = eqx.tree_at(lambda m: m.stiffness.poisson, pushing(*SLICE), jnp.asarray(0.5))
    assert int(RUN(model, hump(*SLICE), Heun()).status) == Status.NOT_FINITE


def test_what_does_not_fit_is_named():
    tumour = pushing(LABELS, SPACING).tumour
    with pytest.raises(FieldError, match="the head on Grid.*: make both from one map of labels"):
        MechanicallyCoupled(tumour, Head.of(LABELS[:-1], SPACING))
    with pytest.raises(FieldError, match="every must be positive .*got 0"):
        MechanicallyCoupled(tumour, Head.of(LABELS, SPACING), every=0.0)
    uniform = ReactionDiffusion(UniformDiffusion(Domain(Grid(LABELS.shape, SPACING)), 0.1))
    with pytest.raises(FieldError, match="diffuses by UniformDiffusion; .*: give a TissueDiffusion"):
        MechanicallyCoupled(uniform, Head.of(LABELS, SPACING))
    with pytest.raises(FieldError, match="label 9; expected 0 outside"):
        Head.of(np.full((3, 3), 9), (1.0, 1.0))

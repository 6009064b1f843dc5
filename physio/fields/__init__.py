"""Fields on grids: masks, diffusion, steppers and derivatives, and bodies at rest that grow. They know no organ."""

from physio.fields.adjoint import Checkpointed, Forward
from physio.fields.diffusion import TissueDiffusion, UniformDiffusion
from physio.fields.domain import Domain
from physio.fields.elasticity import ElasticBody, Stress
from physio.fields.equilibrium import displaced
from physio.fields.faces import Arithmetic, Harmonic, Interpolated
from physio.fields.grid import FieldError, Grid
from physio.fields.implicit import solve_implicit
from physio.fields.model import AbstractFieldModel, NoReaction, Still
from physio.fields.propagator import CrankNicolson, ExactCosine, Stabilised
from physio.fields.solve import FieldPath, solve_field
from physio.fields.staggered import centred
from physio.fields.stepper import ForwardEuler, Heun
from physio.fields.strang import Strang

__all__ = [
    "AbstractFieldModel",
    "Arithmetic",
    "Checkpointed",
    "CrankNicolson",
    "Domain",
    "ElasticBody",
    "ExactCosine",
    "FieldError",
    "FieldPath",
    "Forward",
    "ForwardEuler",
    "Grid",
    "Harmonic",
    "Heun",
    "Interpolated",
    "NoReaction",
    "Stabilised",
    "Still",
    "Strang",
    "Stress",
    "TissueDiffusion",
    "UniformDiffusion",
    "centred",
    "displaced",
    "solve_field",
    "solve_implicit",
]

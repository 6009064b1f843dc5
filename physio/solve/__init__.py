"""Solvers: they know states, stops and lanes, and no organ."""

from physio.solve.adjoint import AbstractAdjoint, ForwardMode
from physio.solve.anderson import Anderson
from physio.solve.core import instant, solve
from physio.solve.diffrax_method import Diffrax
from physio.solve.discrete_adjoint import DiscreteAdjoint
from physio.solve.exponential import Exponential
from physio.solve.fixed_point import AbstractClosing
from physio.solve.fixed_steps import FixedSteps
from physio.solve.method import AbstractMethod
from physio.solve.newton import Newton
from physio.solve.periodic import periodic
from physio.solve.rescued import Rescued
from physio.solve.rodas4 import Rodas4
from physio.solve.rodas5p import Rodas5P
from physio.solve.rush_larsen import RushLarsen
from physio.solve.status import Status
from physio.solve.trajectory import Trajectory
from physio.solve.tsit5 import Tsit5
from physio.solve.tsit5_kernel import Tsit5Kernel

__all__ = [
    "AbstractAdjoint",
    "AbstractClosing",
    "AbstractMethod",
    "Anderson",
    "Diffrax",
    "DiscreteAdjoint",
    "Exponential",
    "FixedSteps",
    "ForwardMode",
    "Newton",
    "Rescued",
    "Rodas4",
    "Rodas5P",
    "RushLarsen",
    "Status",
    "Trajectory",
    "Tsit5",
    "Tsit5Kernel",
    "instant",
    "periodic",
    "solve",
]

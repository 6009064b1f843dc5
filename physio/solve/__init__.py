"""Solvers: they know states, stops and lanes, and no organ."""

from physio.solve.core import solve
from physio.solve.diffrax_method import Diffrax
from physio.solve.method import AbstractMethod
from physio.solve.periodic import periodic
from physio.solve.status import Status
from physio.solve.trajectory import Trajectory
from physio.solve.tsit5 import Tsit5

__all__ = ["AbstractMethod", "Diffrax", "Status", "Trajectory", "Tsit5", "periodic", "solve"]

"""Rodas4: a Rosenbrock method of order 4(3) for stiff equations, stiffly accurate and L-stable.

Six stages. Coefficients: E. Hairer, G. Wanner, Solving Ordinary Differential Equations II, section IV.7.
"""

from typing import ClassVar

from physio.solve.rosenbrock import AbstractRosenbrock, Coefficients

RODAS4 = Coefficients(
    gamma=0.25,
    nodes=(0.0, 0.386, 0.21, 0.63, 1.0, 1.0),
    d=(0.25, -0.1043, 0.1035, -0.03620000000000023, 0.0, 0.0),
    a=(
        (),
        (1.544,),
        (0.9466785280815826, 0.2557011698983284),
        (3.314825187068521, 2.896124015972201, 0.9986419139977817),
        (1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950),
    ),
    c=(
        (),
        (-5.6688,),
        (-2.430093356833875, -0.2063599157091915),
        (-0.1073529058151375, -9.594562251023355, -20.47028614809616),
        (7.496443313967647, -10.24680431464352, -33.99990352819905, 11.70890893206160),
        (8.083246795921522, -7.981132988064893, -31.52159432874371, 16.31930543123136, -6.058818238834054),
    ),
)


class Rodas4(AbstractRosenbrock):
    """Adaptive steps for stiff bodies: the Jacobian by forward derivatives, one small elimination per lane."""

    coefficients: ClassVar[Coefficients] = RODAS4
    order: ClassVar[int] = 4
    growth: ClassVar[float] = 6.0
    rtol: float = 1e-6
    atol: float = 1e-8
    max_steps: int = 100_000
    first_step: float = 1e-4

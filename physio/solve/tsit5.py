"""Tsitouras' explicit Runge-Kutta pair of order 5(4), a step size for every lane.

Coefficients: Ch. Tsitouras, Comput. Math. Appl. 62:770-775 (2011).
"""

from typing import ClassVar

from physio.solve.adaptive import AbstractAdaptive
from physio.solve.explicit import Tableau, explicit_step, rate

TSIT5 = Tableau(
    c=(0.0, 0.161, 0.327, 0.9, 0.9800255409045097, 1.0),
    a=(
        (),
        (0.161,),
        (-0.008480655492356989, 0.335480655492357),
        (2.8971530571054935, -6.359448489975075, 4.3622954328695815),
        (5.325864828439257, -11.748883564062828, 7.4955393428898365, -0.09249506636175525),
        (5.86145544294642, -12.92096931784711, 8.159367898576159, -0.071584973281401, -0.028269050394068383),
    ),
    b=(0.09646076681806523, 0.01, 0.4798896504144996, 1.379008574103742, -3.290069515436081, 2.324710524099774),
    e=(
        -0.00178001105222577714,
        -0.0008164344596567469,
        0.007880878010261995,
        -0.1447110071732629,
        0.5823571654525552,
        -0.45808210592918697,
        1.0 / 66.0,
    ),
    reuse=True,
)


class Tsit5(AbstractAdaptive):
    """Adaptive explicit steps: for what is not stiff, and the default.

    Derivatives take no part in the choice of steps. Where stiffness limits the steps, as with the valves of a
    circulation, a looser ``rtol`` than 1e-6 still gives good values but derivatives that may grow without bound.
    """

    order: ClassVar[int] = 5
    growth: ClassVar[float] = 10.0
    rtol: float = 1e-6
    atol: float = 1e-8
    max_steps: int = 100_000
    first_step: float = 1e-3

    def begin(self, field, s, y):
        return rate(field, s, y)

    def attempt(self, field, s, h, y, memory):
        return explicit_step(TSIT5, field, s, h, y, memory)

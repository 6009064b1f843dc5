"""A second chance for lanes that failed: most lanes by a cheap method, the few that it cannot solve by another.

The second pass begins again at the first stop with the failed lanes alone; where none failed it is left out. The others keep
the first pass bit for bit.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array

from physio.solve.method import AbstractMethod, Marched
from physio.solve.plan import Plan
from physio.solve.rodas5p import Rodas5P
from physio.solve.status import Status
from physio.solve.stepping import AbstractStepping
from physio.solve.tsit5 import Tsit5
from physio.system import System


class Rescued(AbstractMethod):
    """``first`` for all lanes, then ``second`` for those that failed; ``steps`` counts both. Forward derivatives only.

    Give ``first`` a budget that a lane fit for it will not need, or a stiff lane spends long on failing.
    """

    first: AbstractStepping = Tsit5(max_steps=5000)
    second: AbstractStepping = Rodas5P()

    def march(self, system: System, plan: Plan, y: Array) -> Marched:
        tried = self.first.march(system, plan, y)
        failed = tried.status != Status.OK
        again = jax.lax.cond(
            failed.any(), lambda: self.second.march(system, plan, y, ~failed), lambda: tried._replace(steps=0 * tried.steps)
        )
        chosen = jax.tree.map(lambda new, old: jnp.where(failed, new, old), again, tried)
        return chosen._replace(steps=tried.steps + again.steps)

"""The first call of value and gradient in a new process: a ring of sixty equal parts, and a wired circulation.

Run in a process of its own, with the folder of a compilation cache: cold where that is empty, warm where a process before
has filled it.
"""

import time

LANES = 128
# what one beat, or one unit of the ring's time, takes at most at the working tolerance
ROWS = {"ring": 64, "circulation": 640}


def prepared(name: str):
    """``(function of (parameters, lanes), values)``: loss and its gradient by the discrete adjoint in one block of rows."""
    import jax
    import jax.numpy as jnp

    from experiments.problems.ring import ring
    from experiments.problems.varied import varied
    from physio.bodies.regazzoni import regazzoni
    from physio.solve import DiscreteAdjoint, Tsit5, solve

    body = {"ring": ring, "circulation": regazzoni}[name]()
    addresses, values = varied(body, LANES)
    adjoint = DiscreteAdjoint(rows=ROWS[name], blocks=1)

    def both(values):
        def loss(values):
            there = body.with_values(dict(zip(addresses, values, strict=True)))
            path = solve(there, at=jnp.asarray([1.0]), lanes=LANES, method=Tsit5(), adjoint=adjoint)
            return (path.final**2).sum(), path.status.max()

        return jax.value_and_grad(loss, has_aux=True)(values)

    return both, values


def first_call(name: str, cache: str) -> tuple[float, float, float]:
    """``(seconds of the first call, seconds of the third, worst status)``; the second call may compile again."""
    import jax

    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_compilation_cache_dir", cache)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    both, values = prepared(name)
    jax.block_until_ready(jax.numpy.zeros(3) + 1.0)  # the device's own start is no compilation
    seconds = []
    function = jax.jit(both)
    for _ in range(3):
        began = time.perf_counter()
        (_, status), _ = jax.block_until_ready(function(values))
        seconds.append(time.perf_counter() - began)
    return seconds[0], seconds[2], int(status)

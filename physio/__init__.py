"""The engine and the organs: parts, wires, bodies, solvers. No data, no fitting, no files.

Importing this package switches JAX to 64-bit floats: physiology spans ten decades and fits need the digits.
A cohort may still be solved in float32 by casting its body (``physio.component.cast``).
"""

import jax

jax.config.update("jax_enable_x64", True)

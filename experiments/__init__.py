"""The runner: which scenario to run, where its results go, and what they show.

Importing this package costs milliseconds: it loads the standard library only, and checks that ``physio`` and
``calibration`` are this project's own (``experiments.guard``).
"""

from experiments.guard import check_siblings

check_siblings()

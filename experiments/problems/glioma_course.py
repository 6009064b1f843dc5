"""One course of treatment for all virtual people: what is given when, and when it is looked at [d].

Growth is seen before treatment, radiation with a daily drug is judged three days after it ends, and the drug parts from
radiation only where it is given alone, in two courses of five days.
"""

from calibration.tumours.image_problem import Course

SCANS = (0.0, 28.0, 75.0, 98.0, 135.0)
RADIATION = tuple(("radiation", 30.0 + 7.0 * week + day, 2.0) for week in range(6) for day in range(5))
DAILY = tuple(("temozolomide", 30.0 + day, 1.0) for day in range(42))
ALONE = tuple(("temozolomide", 100.0 + 28.0 * course + day, 1.5) for course in range(2) for day in range(5))
COURSE = Course(0.0, SCANS, RADIATION + DAILY + ALONE)
UNKNOWNS = ("white", "growth", "radiosensitivity", "temozolomide.kill")

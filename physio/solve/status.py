"""What became of a lane: status is data, and one lane's failure is never another's."""

import enum


class Status(enum.IntEnum):
    """Result code of one lane."""

    OK = 0
    STEP_BUDGET = 1
    STEP_TOO_SMALL = 2
    NO_STEADY_STATE = 3
    NOT_PERIODIC = 4
    INCONSISTENT = 5
    ROWS_FULL = 6
    UNSTABLE_STEP = 7
    NOT_FINITE = 8

    @property
    def reason(self) -> str:
        """One plain sentence."""
        return _REASONS[self]


_REASONS = {
    Status.OK: "solved",
    Status.STEP_BUDGET: "the solver used up its steps before the end: the equations are stiffer than the method allows",
    Status.STEP_TOO_SMALL: "no step is small enough: the rates are not finite or the solution ends in finite time",
    Status.NO_STEADY_STATE: "the regimen has no steady state: doses arrive faster than they can be eliminated",
    Status.NOT_PERIODIC: "the cycle did not close within tolerance",
    Status.INCONSISTENT: "no implied variables near their guess fit the state",
    Status.ROWS_FULL: "a gradient needs more rows than were set aside: the lane took more accepted steps",
    Status.UNSTABLE_STEP: "the step is longer than the explicit method is stable for: shorten it or diffuse implicitly",
    Status.NOT_FINITE: "the field is not finite: its rates overflow, or an implicit step did not converge",
}

"""What a kernel cannot be written for, and what runs instead."""


class NoKernel(Exception):
    """There is no kernel for this body on this machine, for the reason given; the XLA path solves it."""


class UnsupportedPrimitive(NoKernel):
    """A right-hand side uses something that has no rule here; ``primitive`` names it, ``place`` is its file and line.

    Raised while the kernel is written, never while it runs. The body is not at fault: the XLA path solves it.
    """

    def __init__(self, primitive: str, place: str, why: str = "no rule writes it in C"):
        self.primitive, self.place = primitive, place
        opening = f"{place}: " if place else ""
        super().__init__(f"{opening}primitive '{primitive}': {why}; the XLA path runs instead of a kernel")

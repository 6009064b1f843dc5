"""A body whose insulin sensitivity follows the hour: an input ``sensitivity`` [1], the logarithm of a factor of its sensitivities."""

from physio.body import Body
from physio.metabolism.intraday_sensitivity import IntradaySensitivity
from physio.wiring import Times, times


def with_intraday_sensitivity(body: Body, *sensitivities: str) -> Body:
    """``sensitivities`` are addresses of parameters; what drives them already goes on."""
    driven = dict(body.wiring.drive)
    drive = {}
    for address in sensitivities:
        old = driven.get(address)
        drive[address] = times(*(old.signals if isinstance(old, Times) else ()), "hour.factor")
    return body.wired(
        {"hour": IntradaySensitivity()},
        inputs={"sensitivity": "1"},
        senses={"hour.change": "input.sensitivity"},
        drive=drive,
    )

"""Wires that every closed circulation with four chambers shares: pacing, activation, one blood volume."""

from collections.abc import Mapping

from physio.body import Body, total
from physio.component import AbstractPart, Placed
from physio.priors import AbstractPrior

ACTIVATED_BY = {"la": "atrial", "ra": "atrial", "lv": "ventricular", "rv": "ventricular"}


def closed_loop(
    parts: Mapping[str, AbstractPart | Placed],
    flows: Mapping[str, tuple[str, str]],
    *,
    in_seconds: tuple[str, ...],
    start: Mapping[str, float],
    blood: AbstractPrior,
    source: str,
) -> Body:
    """A body paced by ``pacemaker`` whose chambers la, lv, ra, rv follow ``atrial`` and ``ventricular``.

    ``in_seconds`` names the activations whose times are seconds and that therefore sense the length of the beat.
    The veins' stressed volume is what the total leaves to them.
    """
    senses = {f"{chamber}.activation": f"{law}.activation" for chamber, law in ACTIVATED_BY.items()}
    for law in ("atrial", "ventricular"):
        senses[f"{law}.phase"] = "pacemaker.phase"
    for law in in_seconds:
        senses[f"{law}.period"] = "pacemaker.period"
    return Body(
        parts,
        time="1",
        clock="pacemaker.period",
        flows=flows,
        senses=senses,
        start=start,
        totals={"blood": total("blood", "mL", blood, absorbs="systemic_veins.volume", source=source)},
    )

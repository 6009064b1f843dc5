"""Show how far a run is: bars on a terminal, plain lines elsewhere. All calls come from the main thread."""

import sys
import time
from collections.abc import Callable
from typing import TextIO

from experiments.study import Shard

SECONDS_BETWEEN_LINES = 10.0


def stopwatch() -> Callable[[str], None]:
    """Prints what is being done behind the seconds since now: for commands without shards."""
    began = time.perf_counter()

    def say(what: str) -> None:
        print(f"{time.perf_counter() - began:5.0f} s  {what}", flush=True)

    return say


class PlainProgress:
    """A line when a shard starts and ends, and at most one in ten seconds between."""

    def __init__(self, stream: TextIO, total: int):
        self.stream, self.total, self.ended = stream, total, 0
        self.spoken: dict[str, float] = {}

    def _say(self, text: str) -> None:
        print(text, file=self.stream, flush=True)

    def started(self, shard: Shard) -> None:
        self.spoken[shard.key] = time.monotonic()
        self._say(f"start  {shard.study} {shard.label}")

    def moved(self, shard: Shard, message: str, fraction: float | None) -> None:
        if time.monotonic() - self.spoken[shard.key] >= SECONDS_BETWEEN_LINES:
            self.spoken[shard.key] = time.monotonic()
            share = "" if fraction is None else f" ({fraction:.0%})"
            self._say(f"       {shard.study} {shard.label}: {message}{share}")

    def ended_with(self, shard: Shard, state: str, seconds: float) -> None:
        self.ended += 1
        self._say(f"{state:6} {shard.study} {shard.label}, {seconds:.1f} s [{self.ended}/{self.total}]")

    def close(self) -> None:
        pass


class BarProgress:
    """One bar for the run and one for each shard at work."""

    def __init__(self, stream: TextIO, total: int):
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self.bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[message]}"),
            console=Console(file=stream),
        )
        self.whole = self.bars.add_task("shards", total=total, message="")
        self.tasks: dict[str, object] = {}
        self.bars.start()

    def started(self, shard: Shard) -> None:
        self.tasks[shard.key] = self.bars.add_task(f"  {shard.study} {shard.label}", total=None, message="")

    def moved(self, shard: Shard, message: str, fraction: float | None) -> None:
        fields = {} if fraction is None else {"total": 100, "completed": round(100 * fraction)}
        self.bars.update(self.tasks[shard.key], message=message, **fields)

    def ended_with(self, shard: Shard, state: str, seconds: float) -> None:
        self.bars.remove_task(self.tasks.pop(shard.key))
        self.bars.print(f"{state:6} {shard.study} {shard.label}, {seconds:.1f} s", highlight=False)
        self.bars.advance(self.whole)

    def close(self) -> None:
        self.bars.stop()


def make_progress(total: int, stream: TextIO | None = None) -> PlainProgress | BarProgress:
    """Bars when ``stream`` (default: standard error) is a terminal, else plain lines."""
    stream = sys.stderr if stream is None else stream
    return (BarProgress if stream.isatty() else PlainProgress)(stream, total)

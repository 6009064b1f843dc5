"""A few daemon threads that compute while the main thread waits in short steps.

Ctrl-C reaches only the main thread, and only between two of its steps: so it never blocks for long, and never
does the computing itself. Daemon threads let the process end while one of them is inside a compilation.
"""

import queue
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from experiments.study import Progress, Shard

POLL_SECONDS = 0.1
Tables = dict[str, list[dict]]


@dataclass(frozen=True)
class News:
    """What a worker says about a shard.

    kind      "started", "moved", "done" or "failed"; each shard ends with one of the last two
    message, fraction   of "moved"
    tables    of "done"
    reason, trace       of "failed": one line, and the whole traceback
    seconds   since the start, of "done" and "failed"
    """

    kind: str
    shard: Shard
    message: str = ""
    fraction: float | None = None
    tables: Tables | None = None
    reason: str = ""
    trace: str = ""
    seconds: float = 0.0


def one_line(problem: BaseException) -> str:
    """An exception as "Type: message" on one line."""
    text = " ".join(str(problem).split()) or "no message"
    return f"{type(problem).__name__}: {text[:300]}"


def in_background(work: Callable[[], object]) -> object:
    """``work()`` on a daemon thread; its result or its exception."""
    answers: queue.Queue = queue.Queue()

    def call() -> None:
        try:
            answers.put((work(), None))
        except BaseException as problem:  # whatever it is, the waiting thread must hear of it
            answers.put((None, problem))

    threading.Thread(target=call, daemon=True).start()
    result, problem = _wait(answers)
    if problem is not None:
        raise problem
    return result


def compute(shards: list[Shard], run: Callable[[Shard, Progress], Tables], workers: int) -> Iterator[News]:
    """``run`` each shard on ``workers`` threads and yield what happens, in the order in which it happens."""
    waiting: queue.SimpleQueue = queue.SimpleQueue()
    news: queue.Queue = queue.Queue()
    for shard in shards:
        waiting.put(shard)

    def work() -> None:
        while True:
            try:
                shard = waiting.get_nowait()
            except queue.Empty:
                return
            news.put(_run_one(shard, run, news))

    for _ in range(min(workers, len(shards))):
        threading.Thread(target=work, daemon=True).start()
    left = len(shards)
    while left:
        item = _wait(news)
        left -= item.kind in ("done", "failed")
        yield item


def _run_one(shard: Shard, run: Callable[[Shard, Progress], Tables], news: queue.Queue) -> News:
    def progress(message: str, fraction: float | None = None) -> None:
        news.put(News("moved", shard, message=message, fraction=fraction))

    news.put(News("started", shard))
    began = time.monotonic()
    try:
        tables = run(shard, progress)
        return News("done", shard, tables=tables, seconds=time.monotonic() - began)
    except BaseException as problem:  # one shard's failure, of any kind, is its own
        seconds = time.monotonic() - began
        return News("failed", shard, reason=one_line(problem), trace=traceback.format_exc(), seconds=seconds)


def _wait(answers: queue.Queue):
    while True:
        try:
            return answers.get(timeout=POLL_SECONDS)
        except queue.Empty:
            continue

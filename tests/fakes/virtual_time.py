"""Time that passes only while everybody sleeps: minutes of jobs that run at once, the same way each time."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Sequence
from itertools import count

from typing_extensions import override

from lens_gate.ci.notes import Note, Notes


class VirtualTime:
    """Runs jobs as threads of which one at a time goes on, from sleep to sleep, in the order of their waking."""

    def __init__(self) -> None:
        self.now = 0.0
        self._changed = threading.Condition()
        self._asleep: list[tuple[float, int]] = []
        self._woken: int | None = None
        self._numbers = count()

    def sleep(self, seconds: float) -> None:
        """Let others go on until this much time has passed."""
        with self._changed:
            me = next(self._numbers)
            heapq.heappush(self._asleep, (self.now + seconds, me))
            self._wake_next()
            self._changed.wait_for(lambda: self._woken == me, timeout=60)
            assert self._woken == me

    def run(self, jobs: Sequence[Callable[[], None]]) -> None:
        """Run jobs to their ends; what one raises is raised here."""
        problems: list[BaseException] = []
        everybody = threading.Barrier(len(jobs) + 1)

        def carry_out(job: Callable[[], None]) -> None:
            with self._changed:
                me = next(self._numbers)
                heapq.heappush(self._asleep, (self.now, me))
            everybody.wait(60)
            with self._changed:
                self._changed.wait_for(lambda: self._woken == me, timeout=60)
            try:
                job()
            except BaseException as problem:  # noqa: BLE001 it belongs to the test
                problems.append(problem)
            finally:
                with self._changed:
                    self._wake_next()

        threads = [threading.Thread(target=carry_out, args=(job,), daemon=True) for job in jobs]
        for thread in threads:
            thread.start()
        everybody.wait(60)
        with self._changed:
            self._wake_next()
        for thread in threads:
            thread.join(60)
        if problems:
            raise problems[0]

    def _wake_next(self) -> None:
        if self._asleep:
            self.now, self._woken = heapq.heappop(self._asleep)
            self._changed.notify_all()


class Travelling(Notes):
    """Comments that are far away: each request takes its time on its way there, and back."""

    def __init__(self, notes: Notes, travel: Callable[[], None]) -> None:
        self._notes = notes
        self._travel = travel

    @override
    def mine(self, marker: str) -> list[Note]:
        self._travel()
        found = self._notes.mine(marker)
        self._travel()
        return found

    @override
    def read(self, note: Note) -> Note:
        self._travel()
        found = self._notes.read(note)
        self._travel()
        return found

    @override
    def create(self, body: str) -> None:
        self._travel()
        self._notes.create(body)
        self._travel()

    @override
    def edit(self, note: Note, body: str) -> None:
        self._travel()
        self._notes.edit(note, body)
        self._travel()

    @override
    def delete(self, note: Note) -> None:
        self._travel()
        self._notes.delete(note)
        self._travel()

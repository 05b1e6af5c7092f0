"""Worker processes of this machine. A killed worker is an attempt that failed, and is replaced.

Workers are fresh interpreters, not forks: the threads of polars and Arrow do not survive a fork. Each runs one thread
(beside the one that saves), so that `np` means what it says. Messages are msgpack over a socket pair.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections import deque
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait

import msgspec

from data_juicer.errors import BackendError
from data_juicer.run import messages as m
from data_juicer.run.setup import WorkerSetup

ONE_THREAD = (
    "POLARS_MAX_THREADS",
    "RAYON_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
)
EARLY_LOSSES_MAX = 3
"""Workers that may die before they took an attempt, one after the other, until the backend gives up."""


@dataclass(slots=True, eq=False)
class _Process:
    """One worker: the attempts it was given and that did not end, the oldest first."""

    popen: subprocess.Popen[bytes]
    connection: Connection
    attempts: deque[m.Attempt] = field(default_factory=deque)
    begun: set[int] = field(default_factory=set)
    """Partitions whose attempt it has begun; the others wait in its socket."""
    has_begun: bool = False
    operator_index: int | None = None
    at_last_operator: bool = False

    def wants_work(self) -> bool:
        """It has none, or is about to finish what it has: then the next one travels while it works."""
        return not self.attempts or (len(self.attempts) == 1 and self.at_last_operator)


class LocalBackend:
    name = "local"

    def __init__(self, workers: int) -> None:
        """Start the first process at once, so that it imports while the driver does, scans and plans."""
        self._workers = workers
        self._setup: bytes | None = None
        self._operators = 0
        self._operator_names: tuple[str, ...] = ()
        self._waiting: deque[m.Attempt] = deque()
        self._told: deque[m.Message] = deque()
        self._early_losses = 0
        self._decoder = msgspec.msgpack.Decoder(m.Message)
        self._processes = [_start()]

    @property
    def workers(self) -> int:
        return self._workers

    @property
    def slots(self) -> int:
        return self._workers * 2

    def begin(self, setup: WorkerSetup, partitions: int) -> None:
        self._processes += [_start() for _ in range(1, min(self._workers, partitions))]
        self._setup = msgspec.msgpack.encode(setup)
        self._operator_names = tuple(spec.name for spec in setup.operators)
        self._operators = len(setup.operators)
        for process in self._processes:
            self._send(process, self._setup)

    def submit(self, attempt: m.Attempt) -> None:
        self._waiting.append(attempt)
        self._hand_out()

    def next_message(self, timeout_s: float) -> m.Message | None:
        if not self._told:
            by_connection = {process.connection: process for process in self._processes}
            for ready in wait(list(by_connection), timeout_s):
                self._receive(by_connection[ready])  # type: ignore[index] # only connections were waited for
        return self._told.popleft() if self._told else None

    def worker_pids(self) -> tuple[int, ...]:
        return tuple(process.popen.pid for process in self._processes)

    def close(self) -> None:
        for process in self._processes:
            process.popen.kill()
            process.connection.close()
        for process in self._processes:
            process.popen.wait()
        self._processes = []

    # ---- inside

    def _hand_out(self) -> None:
        for process in sorted(self._processes, key=lambda process: len(process.attempts)):
            while self._waiting and process.wants_work():
                attempt = self._waiting.popleft()
                process.attempts.append(attempt)
                process.at_last_operator = False
                self._send(process, msgspec.msgpack.encode(attempt))

    def _send(self, process: _Process, data: bytes) -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # its end is noticed when it is read
            process.connection.send_bytes(data)

    def _receive(self, process: _Process) -> None:
        """Everything that one worker has sent; its end, if that is what woke us."""
        try:
            while True:
                message = self._decoder.decode(process.connection.recv_bytes())
                self._follow(process, message)
                self._told.append(message)
                if not process.connection.poll():
                    return
        except (EOFError, OSError):
            self._replace(process)

    def _follow(self, process: _Process, message: m.Message) -> None:
        match message:
            case m.AttemptStarted():
                self._early_losses = 0
                process.has_begun = True
                process.begun.add(message.partition_id)
                process.operator_index = None
                process.at_last_operator = self._operators == 0
            case m.OperatorStarted():
                process.operator_index = message.operator_index
                process.at_last_operator = message.operator_index == self._operators - 1
            case m.AttemptDone() | m.AttemptFailed() | m.CheckpointDamaged():
                process.begun.discard(message.partition_id)
                process.attempts = deque(
                    held for held in process.attempts if held.partition.partition_id != message.partition_id
                )
            case _:
                return
        self._hand_out()

    def _replace(self, process: _Process) -> None:
        """A worker is gone: its attempts end, one that it had not begun goes to another, and a new worker starts."""
        self._processes.remove(process)
        process.connection.close()
        process.popen.kill()
        how = _told_end(process.popen.wait())
        if not process.has_begun:
            self._early_losses += 1
            if self._early_losses > EARLY_LOSSES_MAX:
                raise BackendError(
                    f"workers end before they take an attempt ({how}); the last lines above say why."
                )
        begun = [held for held in process.attempts if held.partition.partition_id in process.begun]
        for attempt in begun:
            self._told.append(self._loss(process, attempt, how, is_last=attempt is begun[-1]))
        self._waiting.extendleft(reversed([held for held in process.attempts if held not in begun]))
        fresh = _start()
        self._processes.append(fresh)
        if self._setup is not None:
            self._send(fresh, self._setup)
        self._hand_out()

    def _loss(self, process: _Process, attempt: m.Attempt, how: str, is_last: bool) -> m.AttemptFailed:
        index = process.operator_index if is_last else None
        where = f"in {self._operator_names[index]}" if index is not None else "while rows were read or saved"
        return m.AttemptFailed(
            partition_id=attempt.partition.partition_id,
            attempt=attempt.name,
            error_type="WorkerLost",
            message=f"{how} {where}",
            operator_index=index,
            transient=True,
            lost=True,
        )


def _start() -> _Process:
    ours, theirs = socket.socketpair()
    environment = {**os.environ, **dict.fromkeys(ONE_THREAD, "1"), "TOKENIZERS_PARALLELISM": "false"}
    with theirs:
        popen = subprocess.Popen(
            [sys.executable, "-m", "data_juicer.backends.local_worker", str(theirs.fileno())],
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )
    return _Process(popen, Connection(ours.detach()))


def _told_end(code: int) -> str:
    """How a process ended, as people say it."""
    if code < 0:
        return signal.Signals(-code).name
    return f"exit code {code}"

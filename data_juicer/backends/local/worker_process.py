"""One worker process as its driver sees it: what it is at, how long it may be, and how it ended."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections import deque
from multiprocessing.connection import Connection
from typing import Final

import msgspec

from data_juicer import safe_path
from data_juicer.engine.protocol import messages as m
from data_juicer.monitor.streams import open_descriptors
from data_juicer.plan.tasks import TaskKey

STACK_SIGNAL: Final = signal.SIGUSR1
"""Makes a worker write down where all its threads are, even while one of them holds the interpreter."""
STACK_WAIT_S: Final = 0.3
"""From asking a hung worker for its stack to killing it."""

LOADING_S_MAX: Final = 600.0
"""For so long a worker may load before that counts as a hang."""
LOADERS: Final = frozenset({"from_pretrained", "get_model", "prepare_model", "load_model", "prepare"})
"""Functions that load models, by the names that DataJuicer, transformers and this package give them."""
_STACK_BYTES_MAX: Final = 16_000
_CRASHES: Final = frozenset(
    {"SIGSEGV", "SIGBUS", "SIGABRT", "SIGFPE", "SIGILL", "SIGSYS", "SIGTRAP", "SIGXCPU", "SIGXFSZ"}
)
"""Signals by which a process ends itself; others come from outside."""


class WorkerProcess(msgspec.Struct, eq=False):
    """The attempts it was given and that did not end, the oldest first, and its messages about them."""

    popen: subprocess.Popen[bytes]
    connection: Connection
    stack_file: int
    """A file without a name, into which the worker's faulthandler writes."""
    operators: tuple[str, ...] = ()
    """Names, in the order of the recipe."""
    attempts: deque[m.AnyAttempt] = msgspec.field(default_factory=deque)
    begun: set[TaskKey] = msgspec.field(default_factory=set)
    """Tasks whose attempt it has begun; the others wait in its socket."""
    cancelled: set[TaskKey] = msgspec.field(default_factory=set)
    """Tasks whose attempt is not wanted any more."""
    has_begun: bool = False
    operator_index: int | None = None
    at_last_operator: bool = False
    rows: m.RowsStarted | None = None
    """What its operator was given last, and when."""
    rows_since_s: float = 0.0
    rows_before: int = 0
    """How many single rows its operator was given in this attempt before those."""
    stack_asked_s: float | None = None
    loading_s: float = 0.0
    """How long it was seen to load, instead of working on rows."""
    hung_s: float = 0.0
    """How long the operator took when it was given up; 0: it was not."""

    def wants_work(self) -> bool:
        """It has none, or is about to finish what it has: then the next one travels while it works."""
        return not self.attempts or (len(self.attempts) == 1 and self.at_last_operator)

    def cancel(self, task: TaskKey, attempt: str) -> bool:
        """Whether it was given this attempt, which is not wanted any more."""
        if not any((each.key, each.name) == (task, attempt) for each in self.attempts):
            return False
        self.cancelled.add(task)
        return True

    def is_needed(self) -> bool:
        """It has begun with an attempt that is wanted."""
        return any(attempt.key in self.begun - self.cancelled for attempt in self.attempts)

    def send(self, data: bytes) -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # its end is noticed when it is read
            self.connection.send_bytes(data)

    def hand(self, attempt: m.AnyAttempt, encoded: bytes) -> None:
        self.attempts.append(attempt)
        self.at_last_operator = False
        self.send(encoded)

    def follow(self, message: m.Message, now_s: float) -> bool:
        """Take in a message. Whether it may want work now."""
        match message:
            case m.AttemptStarted():
                self.has_begun = True
                self.begun.add(message.task)
                self._at(None)
                self.at_last_operator = not self.operators
            case m.OperatorStarted():
                self._at(message.operator_index)
                self.at_last_operator = message.operator_index >= message.task.until - 1
            case m.RowsStarted():
                self.stack_asked_s = None
                if self.rows is not None:
                    self.rows_before += self.rows.rows
                self.rows, self.rows_since_s = message, now_s
                return False
            case m.OperatorDone():
                self._at(None)
                return False
            case m.AttemptDone() | m.AttemptFailed() | m.CheckpointDamaged():
                self.begun.discard(message.task)
                self.cancelled.discard(message.task)
                self.attempts = deque(attempt for attempt in self.attempts if attempt.key != message.task)
            case _:
                return False
        return True

    def _at(self, operator_index: int | None) -> None:
        self.operator_index = operator_index
        self.rows, self.rows_before = None, 0

    # ---- its end

    def limit(self, op_timeout_s: float, now_s: float) -> None:
        """Ask for the stack of an operator that takes too long, and a moment later kill its worker.

        What it takes to import modules and to load a model counts as no time of the operator's.
        """
        if self.rows is None:
            self.stack_asked_s = None
        elif self.stack_asked_s is not None:
            if now_s - self.stack_asked_s < STACK_WAIT_S:
                return
            if is_loading(self._stack()) and self.loading_s < LOADING_S_MAX:
                self.loading_s += now_s - self.rows_since_s
                self.rows_since_s, self.stack_asked_s = now_s, None
                return
            self.hung_s = op_timeout_s
            self.popen.kill()
        elif now_s - self.rows_since_s > op_timeout_s:
            self.stack_asked_s = now_s
            self.popen.send_signal(STACK_SIGNAL)

    def reap(self) -> int:
        """Its exit code, negative for a signal; it is gone when this returns."""
        self.connection.close()
        self.popen.kill()
        return self.popen.wait()

    def close(self) -> None:
        """Free what was needed to look into its end."""
        with contextlib.suppress(OSError):
            os.close(self.stack_file)

    def losses(self, code: int) -> list[m.AttemptFailed]:
        """How the attempts ended that it had begun; only the last of them can be to blame."""
        begun = [attempt for attempt in self.attempts if attempt.key in self.begun]
        wanted = [attempt for attempt in begun if attempt.key not in self.cancelled]
        return [self._loss(attempt, code, is_last=attempt is begun[-1]) for attempt in wanted]

    def unbegun(self) -> list[m.AnyAttempt]:
        return [attempt for attempt in self.attempts if attempt.key not in self.begun | self.cancelled]

    def _loss(self, attempt: m.AnyAttempt, code: int, *, is_last: bool) -> m.AttemptFailed:
        index = self.operator_index if is_last else None
        rows = self.rows if is_last else None
        where = f"in {self.operators[index]}" if index is not None else "while rows were read or saved"
        return m.AttemptFailed(
            task=attempt.key,
            attempt=attempt.name,
            error_type="WorkerLost",
            message=f"{self.end_text(code)} {where}",
            operator_index=index,
            transient=True,
            loss=m.Loss(
                row=rows.first if rows and rows.rows == 1 else None,
                alone=rows is not None and rows.alone,
                rows_before=self.rows_before if rows else -1,
                is_bystander=not is_last and self.operator_index is not None,
                from_within=bool(self.hung_s) or code >= 0 or _signal_name(code) in _CRASHES,
            ),
            trace=self._stack() if is_last else "",
        )

    def end_text(self, code: int) -> str:
        """How it ended, as people say it."""
        if self.hung_s:
            return f"no end after {self.hung_s:g} s (fault_tolerance.op_timeout_s)"
        return _signal_name(code) if code < 0 else f"exit code {code}"

    def _stack(self) -> str:
        """What its faulthandler wrote: where its threads were when it crashed or was asked."""
        try:
            size = os.fstat(self.stack_file).st_size
            data = os.pread(self.stack_file, _STACK_BYTES_MAX, max(0, size - _STACK_BYTES_MAX))
        except OSError:
            return ""
        return data.decode(errors="replace")


def is_loading(stacks: str) -> bool:
    """Whether the main thread, the last one of the newest dump of a faulthandler, imports a module or loads a model."""
    main_thread = re.split(r"^(?:Current thread|Thread) ", stacks, flags=re.MULTILINE)[-1]
    functions = set(re.findall(r" in (\S+)$", main_thread, flags=re.MULTILINE))
    return "<frozen importlib._bootstrap" in main_thread or not functions.isdisjoint(LOADERS)


def start_worker() -> WorkerProcess:
    """A fresh interpreter, importing; it waits for its setup."""
    open_descriptors()  # a socket that is standard error to the worker would be written to by whatever it prints
    ours, theirs = socket.socketpair()
    stack_file = _nameless_file()
    fds = (theirs.fileno(), stack_file)
    with theirs:
        popen = subprocess.Popen(
            [sys.executable, *safe_path.SAFE, "-m", "data_juicer.backends.local.worker_main", *map(str, fds)],
            pass_fds=fds,
            stdin=subprocess.DEVNULL,
            env=safe_path.worker_environment(os.environ),
            start_new_session=True,
        )
    return WorkerProcess(popen, Connection(ours.detach()), stack_file)


def _nameless_file() -> int:
    """In memory where the system has such files: a full disk does not matter then."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("stack", os.MFD_CLOEXEC)
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _signal_name(code: int) -> str:
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"

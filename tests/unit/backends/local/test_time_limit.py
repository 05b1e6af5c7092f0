"""How long an operator may take, and what counts as its time."""

from __future__ import annotations

import signal
from dataclasses import dataclass, field
from typing import Any

import pytest

from data_juicer.backends.local import worker_process
from data_juicer.backends.local.worker_process import (
    LOADING_S_MAX,
    STACK_SIGNAL,
    STACK_WAIT_S,
    WorkerProcess,
    is_loading,
)
from data_juicer.engine.protocol import messages as m
from data_juicer.plan.tasks import TaskKey, TaskKind

LIMIT_S = 5.0
KEY = TaskKey(TaskKind.STAGE, 0, 1)
INBOX = 'Thread 0x01 (most recent call first):\n  File "/a/worker_main.py", line 40 in _receive\n\n'
WORKING = (
    INBOX + 'Thread 0x02 (most recent call first):\n  File "/a/my_mapper.py", line 7 in process_single\n'
)
IMPORTING = (
    INBOX
    + 'Thread 0x02 (most recent call first):\n  File "<frozen importlib._bootstrap>", line 241 in _call\n'
    + '  File "/a/my_mapper.py", line 3 in process_single\n'
)
LOADING = (
    INBOX
    + 'Thread 0x02 (most recent call first):\n  File "/t/modeling_utils.py", line 9 in from_pretrained\n'
    + '  File "/a/my_mapper.py", line 3 in process_single\n'
)


@dataclass
class Popen:
    """A process that does nothing; what was done to it."""

    signals: list[int] = field(default_factory=list)
    is_killed: bool = False

    def send_signal(self, number: int) -> None:
        self.signals.append(number)

    def kill(self) -> None:
        self.is_killed = True


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What the worker's faulthandler has written."""
    written = {"is": WORKING}
    monkeypatch.setattr(worker_process.WorkerProcess, "_stack", lambda _: written["is"])
    return written


@pytest.fixture
def process() -> WorkerProcess:
    popen: Any = Popen()
    connection: Any = None
    return WorkerProcess(popen, connection, stack_file=-1)


def begin_rows(process: WorkerProcess, now_s: float, row: int = 0) -> None:
    first = m.OperatorRow(operator_index=0, row=row, origin=row)
    process.follow(m.RowsStarted(task=KEY, attempt="r1a1", first=first, rows=1), now_s)


def look(process: WorkerProcess, *times_s: float) -> None:
    for now_s in times_s:
        process.limit(LIMIT_S, now_s)


def test_an_operator_that_works_for_too_long_is_asked_for_its_stack_and_killed(
    process: WorkerProcess, stack: dict[str, str]
) -> None:
    begin_rows(process, 0.0)
    look(process, LIMIT_S)
    assert process.popen.signals == []  # type: ignore[attr-defined]
    look(process, LIMIT_S + 0.1, LIMIT_S + 0.2)
    assert process.popen.signals == [STACK_SIGNAL]  # type: ignore[attr-defined]
    assert not process.popen.is_killed  # type: ignore[attr-defined]
    look(process, LIMIT_S + 0.2 + STACK_WAIT_S)
    assert process.popen.is_killed  # type: ignore[attr-defined]
    assert process.end_text(-signal.SIGKILL).startswith("no end after 5 s")


@pytest.mark.parametrize("stacks", [IMPORTING, LOADING], ids=["imports", "loads a model"])
def test_what_an_operator_takes_to_load_is_not_its_time(
    process: WorkerProcess, stack: dict[str, str], stacks: str
) -> None:
    stack["is"] = stacks
    begin_rows(process, 0.0)
    look(process, 6.0, 7.0, 13.0, 14.0)
    assert not process.popen.is_killed  # type: ignore[attr-defined]
    stack["is"] = WORKING
    look(process, 20.0, 21.0)
    assert process.popen.is_killed  # type: ignore[attr-defined]


def test_loading_that_does_not_end_is_a_hang(process: WorkerProcess, stack: dict[str, str]) -> None:
    stack["is"] = IMPORTING
    begin_rows(process, 0.0)
    now_s = 0.0
    while not process.popen.is_killed:  # type: ignore[attr-defined]
        now_s += 3.0
        look(process, now_s)
        assert now_s < LOADING_S_MAX + 60.0
    assert now_s > LOADING_S_MAX


def test_rows_that_began_while_the_stack_was_asked_for_have_their_own_time(
    process: WorkerProcess, stack: dict[str, str]
) -> None:
    begin_rows(process, 0.0)
    look(process, LIMIT_S + 0.1)
    begin_rows(process, LIMIT_S + 0.2, row=1)
    look(process, LIMIT_S + 1.0, LIMIT_S + 4.0)
    assert not process.popen.is_killed  # type: ignore[attr-defined]


def test_only_the_main_thread_counts() -> None:
    importing_beside = IMPORTING.removeprefix(INBOX) + "\n" + WORKING.removeprefix(INBOX)
    assert not is_loading(importing_beside)
    assert is_loading(IMPORTING)
    assert not is_loading("")

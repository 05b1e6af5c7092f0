"""What a backend executes: attempts, one after the other, each told to the driver as it goes.

A worker decides nothing about the job. It never commits, never deletes, and writes only files whose names carry its
attempt, so that a late or repeated attempt can waste work but not change a result.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator

from data_juicer.clock import Clock
from data_juicer.errors import CheckpointCorruptError, DataJuicerError, OperatorError
from data_juicer.ops.base import Operator
from data_juicer.ops.registry import load_custom, make
from data_juicer.plan.keys import KeyMaker
from data_juicer.run import blame
from data_juicer.run import messages as m
from data_juicer.run.course import Course
from data_juicer.run.saver import Saver
from data_juicer.run.setup import WorkerSetup
from data_juicer.store.filesystem import FileSystem


class Worker:
    """Runs attempts one after the other. Operators are made and prepared once."""

    def __init__(
        self,
        setup: WorkerSetup,
        fs: FileSystem,
        clock: Clock,
        saver: Saver,
        name: str,
        tell: Callable[[m.Message], None] = lambda _: None,
    ) -> None:
        """`tell` is for what the driver must know before the worker goes on."""
        load_custom(setup.custom_operator_paths)
        self.setup = setup
        self.layout = setup.layout
        self.fs = fs
        self.clock = clock
        self.saver = saver
        self.name = name
        self.node = socket.gethostname()
        self.tell = tell
        self.keys = KeyMaker(setup.reader, setup.identities, setup.export, setup.resolve_keys)
        self.operators: list[Operator] = [
            make(spec.name, spec.parameters, text_key=setup.text_key, seed=setup.seed)
            for spec in setup.operators
        ]
        self._prepared: set[int] = set()

    def run(self, attempt: m.Attempt) -> Iterator[m.Message]:
        """Messages in the order in which things happen; the last one is one of `messages.ENDS`.

        With a saver that has a thread of its own, `Staged` and the last message may come through it instead.
        """
        pid = attempt.partition.partition_id
        started_s = time.perf_counter()
        self.saver.begin(pid)
        yield m.AttemptStarted(partition_id=pid, attempt=attempt.name, worker=self.name, node=self.node)
        course = Course(self, attempt)
        try:
            yield from course.load()
            yield from course.run_operators()
            yield from self.saver.save(pid, lambda: course.save_end(started_s))
        except CheckpointCorruptError as error:
            index = attempt.base.operator_index if attempt.base else -1
            yield m.CheckpointDamaged(
                partition_id=pid, attempt=attempt.name, operator_index=index, reason=str(error)
            )
        except Exception as error:  # the driver decides what an error means for the job
            if not self.saver.has_failed(pid):
                self.saver.drain()
            if not self.saver.has_failed(pid):
                yield blame.failure(attempt, error, course.index)

    def prepared(self, index: int) -> Operator:
        """The operator, with what it needs loaded.

        Raises: OperatorError: it cannot be; no partition could do better.
        """
        operator = self.operators[index]
        if index not in self._prepared:
            try:
                operator.prepare()
            except DataJuicerError:
                raise
            except Exception as error:
                raise OperatorError(
                    f"{operator.name} cannot be prepared: {type(error).__name__}: {error} No row was blamed for it; "
                    "mend its parameters or models and start the job again."
                ) from error
            self._prepared.add(index)
        return operator

"""What runs on the nodes of a Ray cluster: an agent, one actor for each worker process.

The agent holds a local backend of one worker, so that everything a worker can die of is seen where it happens: its
signal, its stack, the row it was at, a hang, its memory. Only what comes of it travels, as msgpack.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Iterator
from typing import Final

import msgspec

from data_juicer.backends.local import LocalBackend
from data_juicer.clock import SystemClock
from data_juicer.errors import DataJuicerError
from data_juicer.run import messages as m
from data_juicer.run.setup import WorkerSetup
from data_juicer.version import VERSION

TOGETHER_S: Final = 0.05
"""Messages of one attempt travel together for so long; the last one waits for nothing."""
POLL_S: Final = 0.02
"""How late an attempt that comes while another one runs may be seen."""


class AgentFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent tells of itself before its first attempt."""

    version: str
    node_id: str
    host: str
    pid: int


class Agent:
    """An actor with a few threads: each call of `run` is one attempt, and one more thread talks to the worker."""

    def __init__(self, setup: bytes) -> None:
        self._setup = msgspec.msgpack.decode(setup, type=WorkerSetup)
        self._inbox: queue.SimpleQueue[m.Attempt] = queue.SimpleQueue()
        self._told: dict[int, queue.SimpleQueue[m.Message]] = {}
        threading.Thread(target=self._serve, name="worker", daemon=True).start()

    def ready(self) -> bytes:
        from data_juicer.backends.ray_cluster import own_node

        node_id, host = own_node()
        return msgspec.msgpack.encode(
            AgentFacts(version=VERSION, node_id=node_id, host=host, pid=os.getpid())
        )

    def run(self, attempt: bytes) -> Iterator[bytes]:
        """The messages of one attempt, several at a time, while it goes on."""
        decoded = msgspec.msgpack.decode(attempt, type=m.Attempt)
        partition_id = decoded.partition.partition_id
        told: queue.SimpleQueue[m.Message] = queue.SimpleQueue()
        self._told[partition_id] = told
        self._inbox.put(decoded)
        messages: list[m.Message] = []
        while not messages or not isinstance(messages[-1], m.ENDS):
            messages = _together(told)
            yield msgspec.msgpack.encode(messages)
        self._told.pop(partition_id, None)

    # ---- the thread that holds the worker

    def _serve(self) -> None:
        """It lives as long as the actor: the kernel takes the worker away with the thread that started it."""
        running: dict[int, m.Attempt] = {}
        try:
            backend = LocalBackend(1, SystemClock())
            backend.begin(self._setup, 1)
            while True:
                while not running or not self._inbox.empty():
                    attempt = self._inbox.get()
                    running[attempt.partition.partition_id] = attempt
                    backend.submit(attempt)
                message = backend.next_message(POLL_S)
                if message is not None:
                    if isinstance(message, m.ENDS):
                        del running[message.partition_id]
                    self._told[message.partition_id].put(message)
        except DataJuicerError as error:  # workers cannot even begin: whoever asks is told so
            while True:
                for attempt in running.values():
                    self._told[attempt.partition.partition_id].put(_not_run(attempt, str(error)))
                attempt = self._inbox.get()
                running = {attempt.partition.partition_id: attempt}


def _together(told: queue.SimpleQueue[m.Message]) -> list[m.Message]:
    """The next message, and what follows within TOGETHER_S."""
    messages = [told.get()]
    clock = SystemClock()
    until_s = clock.monotonic_s() + TOGETHER_S
    while not isinstance(messages[-1], m.ENDS):
        try:
            messages.append(told.get(timeout=max(0.0, until_s - clock.monotonic_s())))
        except queue.Empty:
            break
    return messages


def _not_run(attempt: m.Attempt, reason: str) -> m.AttemptFailed:
    return m.AttemptFailed(
        partition_id=attempt.partition.partition_id,
        attempt=attempt.name,
        error_type="BackendError",
        message=reason,
    )

"""What runs on the nodes of a Ray cluster: an agent, one actor for each worker process.

The agent holds a local backend of one worker, so that everything a worker can die of is seen where it happens: its
signal, its stack, the row it was at, a hang, its memory. Only its messages travel, as msgpack.
"""

from __future__ import annotations

import os
import queue
import threading
import traceback
from collections.abc import Iterator
from typing import Final

import msgspec

from data_juicer.backends.local.backend import LocalBackend
from data_juicer.clock import SystemClock
from data_juicer.engine.protocol import messages as m
from data_juicer.engine.protocol.worker_setup import WorkerSetup
from data_juicer.errors import DataJuicerError
from data_juicer.plan.tasks import TaskKey
from data_juicer.portable import PortableMsgpack, encode_msgpack
from data_juicer.version import VERSION

TOGETHER_S: Final = 0.2
"""Messages of one attempt travel together for so long, since each journey costs three processes a millisecond; the last
message of an attempt waits for nothing."""
POLL_S: Final = 0.1
"""How late an attempt that comes while another one runs may be seen, where the other has nothing to tell."""


class AgentFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent tells of itself before its first attempt."""

    version: str
    node_id: str
    host: str
    pid: int


class _Relay(msgspec.Struct, eq=False):
    """The way of one attempt's messages from the thread that holds the worker to the one that Ray listens to."""

    attempt: m.AnyAttempt
    parcels: queue.SimpleQueue[list[m.Message]] = msgspec.field(default_factory=queue.SimpleQueue)
    waiting: list[m.Message] = msgspec.field(default_factory=list)
    since_s: float = 0.0
    """When the first of `waiting` came."""

    def hold(self, message: m.Message, now_s: float) -> None:
        if not self.waiting:
            self.since_s = now_s
        self.waiting.append(message)

    def send(self) -> None:
        self.parcels.put(self.waiting)
        self.waiting = []

    def end(self, reason: str) -> None:
        """Without the attempt having been made: no attempt could be, here."""
        self.waiting.append(
            m.AttemptFailed(
                task=self.attempt.key, attempt=self.attempt.name, error_type="BackendError", message=reason
            )
        )
        self.send()


class Agent:
    """An actor with a few threads: each call of `run` is one attempt, and one more thread talks to the worker."""

    def __init__(self, setup: bytes) -> None:
        self._setup = PortableMsgpack[WorkerSetup](WorkerSetup).decode(setup)
        self._inbox: queue.SimpleQueue[_Relay] = queue.SimpleQueue()
        threading.Thread(target=self._serve, name="worker", daemon=True).start()

    def ready(self) -> bytes:
        from data_juicer.backends.ray.cluster import own_node

        node_id, host = own_node()
        return msgspec.msgpack.encode(
            AgentFacts(version=VERSION, node_id=node_id, host=host, pid=os.getpid())
        )

    def run(self, attempt: bytes) -> Iterator[bytes]:
        """The messages of one attempt, several at a time, while it goes on."""
        relay = _Relay(PortableMsgpack[m.AnyAttempt](m.AnyAttempt).decode(attempt))
        self._inbox.put(relay)
        messages: list[m.Message] = []
        while not messages or not isinstance(messages[-1], m.ENDS):
            messages = relay.parcels.get()
            yield encode_msgpack(messages)

    # ---- the thread that holds the worker

    def _serve(self) -> None:
        """It lives as long as the actor: the kernel takes the worker away with the thread that started it."""
        relays: dict[tuple[TaskKey, str], _Relay] = {}
        try:
            backend = LocalBackend(1, SystemClock())
            backend.begin(self._setup, 1)
            while True:
                self._pass_on(backend, relays)
        except DataJuicerError as error:  # workers cannot even begin: whoever asks gets that error
            for relay in relays.values():
                relay.end(str(error))
            while True:
                self._inbox.get().end(str(error))
        except (
            BaseException
        ):  # a bug; without this thread nothing would ever end, but an actor that dies is noticed
            traceback.print_exc()
            os._exit(1)

    def _pass_on(self, backend: LocalBackend, relays: dict[tuple[TaskKey, str], _Relay]) -> None:
        """Attempts to the worker, one message of its own back, and what waited long enough on its way."""
        while not relays or not self._inbox.empty():
            relay = self._inbox.get()
            relays[relay.attempt.key, relay.attempt.name] = relay
            backend.submit(relay.attempt)
        message = backend.next_message(POLL_S)
        now_s = SystemClock().monotonic_s()
        of = (message.task, message.attempt) if message else None
        if message and of in relays:  # if not, it is a late word of an attempt that has ended
            relays[of].hold(message, now_s)
            if isinstance(message, m.ENDS):
                relays.pop(of).send()
        for relay in relays.values():
            if relay.waiting and now_s - relay.since_s >= TOGETHER_S:
                relay.send()

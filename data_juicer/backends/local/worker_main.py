"""The process that a local worker is. Started as `python -m data_juicer.backends.local.worker_main SOCKET STACK_FILE`.

It lives as long as its driver: when the driver's end of the socket closes, for whatever reason, it exits at once.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import queue
import signal
import sys
import threading
from multiprocessing.connection import Connection

from data_juicer.backends.local.memory_limit import limit_memory
from data_juicer.backends.local.worker_process import STACK_SIGNAL
from data_juicer.monitor.streams import open_descriptors, surviving_streams
from data_juicer.portable import PortableMsgpack, encode_msgpack


def main() -> None:
    _die_with_parent()
    stack_file = int(sys.argv[2])
    faulthandler.enable(stack_file)
    faulthandler.register(STACK_SIGNAL, stack_file)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the driver decides what Ctrl-C means
    connection = Connection(int(sys.argv[1]))
    open_descriptors()
    os.dup2(2, 1)  # standard output is the driver's: what operators print must not get into it
    with surviving_streams():  # nobody may read it any more: no row fails for what its operator prints
        _receive_and_serve(connection)


def _receive_and_serve(connection: Connection) -> None:
    inbox: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(connection, inbox), name="inbox", daemon=True).start()
    _serve(connection, inbox)


def _receive(connection: Connection, inbox: queue.SimpleQueue[bytes]) -> None:
    try:
        while True:
            inbox.put(connection.recv_bytes())
    except (EOFError, OSError):
        os._exit(0)


def _serve(connection: Connection, inbox: queue.SimpleQueue[bytes]) -> None:
    import pyarrow as pa

    from data_juicer.clock import SystemClock
    from data_juicer.engine.protocol.messages import AnyAttempt, Message
    from data_juicer.engine.protocol.worker_setup import WorkerSetup
    from data_juicer.engine.worker.context import WorkerContext
    from data_juicer.engine.worker.saver import ThreadSaver
    from data_juicer.engine.worker.worker import Worker
    from data_juicer.storage import open_store

    pa.set_cpu_count(1)
    sending = threading.Lock()

    def tell(message: Message) -> None:
        with sending, contextlib.suppress(BrokenPipeError):
            connection.send_bytes(encode_msgpack(message))

    setup = PortableMsgpack[WorkerSetup](WorkerSetup).decode(inbox.get())
    if setup.memory_bytes_max:
        pa.set_memory_pool(pa.system_memory_pool())  # the others reserve a gigabyte ahead, which would count
    store, saver = open_store(setup.store_uri), ThreadSaver(tell)
    context = WorkerContext(setup, store, SystemClock(), saver, tell, has_own_store=True)
    worker = Worker(context, f"pid {os.getpid()}")
    if setup.memory_bytes_max:
        limit_memory(setup.memory_bytes_max)
    attempts: PortableMsgpack[AnyAttempt] = PortableMsgpack(AnyAttempt)
    while True:
        for message in worker.run(attempts.decode(inbox.get())):
            tell(message)


def _die_with_parent() -> None:
    """On Linux the kernel kills this process with its driver, even while an operator holds the interpreter."""
    if sys.platform != "linux":
        return
    import ctypes

    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


if __name__ == "__main__":
    main()

"""The process that measures operators on the sample. Started as `python -m data_juicer.engine.autoconfig.measure_main SOCKET`.

It is a worker in all that costs memory or time, and no part of the job: an operator may crash, hang or eat memory here and all
that is lost is its measurement. The request comes through the socket; each measurement goes back when it is known.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from typing import Final

import msgspec
import numpy as np

from data_juicer.clock import SystemClock
from data_juicer.engine.autoconfig.costs import MemoryCost, OperatorCost
from data_juicer.engine.autoconfig.sample import SamplePart, store_of
from data_juicer.engine.protocol.worker_setup import WorkerSetup
from data_juicer.engine.worker.apply_operator import run_operator
from data_juicer.engine.worker.context import MadeFiles, WorkerContext
from data_juicer.engine.worker.saver import DirectSaver
from data_juicer.formats.partition import encode_result, read_partition
from data_juicer.ops.base import DatasetOperator, Operator
from data_juicer.ops.effects import EffectMapper
from data_juicer.portable import PortableMsgpack, encode_msgpack
from data_juicer.rows.batch import Batch
from data_juicer.storage import open_store
from data_juicer.storage.memory import MemoryStore
from data_juicer.storage.posix import PosixStore
from data_juicer.store.codec import encode_table
from data_juicer.store.deltas import join_batches, make_delta

OPERATOR_S: Final = 2.0
"""For so long one operator is given rows."""
_WARM_ROWS: Final = 8
"""What is loaded or compiled for the first rows is no cost of a row."""
_SLICE_ROWS: Final = 128
_STATUS: Final = "/proc/self/status"


class MeasureRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be measured."""

    setup: WorkerSetup
    parts: tuple[SamplePart, ...]
    keys: tuple[str, ...]
    """Of the rows of the sample after each operator."""


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """What the process reports; both None: it has reported everything."""

    operator: OperatorCost | None = None
    memory: MemoryCost | None = None


def main() -> None:
    import pyarrow as pa

    pa.set_cpu_count(1)
    connection = Connection(int(sys.argv[1]))
    request = PortableMsgpack[MeasureRequest](MeasureRequest).decode(connection.recv_bytes())
    for measurement in measure(request):
        connection.send_bytes(encode_msgpack(measurement))
    connection.send_bytes(encode_msgpack(Measurement()))


def measure(request: MeasureRequest) -> Iterator[Measurement]:
    """The cost of each operator in the order of the recipe, and then the memory, where the system tells it."""
    setup = request.setup
    store = open_store(setup.store_uri)
    context = WorkerContext(setup, store, SystemClock(), DirectSaver())
    context.made = MadeFiles(MemoryStore(), setup.layout)
    context.made.begin(0, "r0a0")

    def read() -> list[Batch]:
        return [
            read_partition(
                store_of(part, store),
                part.partition,
                setup.text_keys,
                setup.row_bytes_max,
                null_is_empty=True,
            ).batch
            for part in request.parts
        ]

    rows = read()
    for _ in _run(context, [batch.take(np.arange(min(len(batch), _WARM_ROWS))) for batch in rows[:1]], ()):
        pass
    del rows
    base_bytes = _status_bytes("VmRSS")
    rows = read()
    sample_bytes = sum(int(batch.row_bytes().sum()) for batch in rows)
    yield from (Measurement(operator=cost) for cost in _run(context, rows, request.keys))
    del rows
    if base_bytes:
        memory = MemoryCost(
            base_bytes=base_bytes,
            peak_bytes=max(base_bytes, _status_bytes("VmHWM")),
            settled_bytes=max(base_bytes, _status_bytes("VmRSS")),
            sample_bytes=sample_bytes,
        )
        yield Measurement(memory=memory)


def _run(context: WorkerContext, batches: Sequence[Batch], keys: Sequence[str]) -> Iterator[OperatorCost]:
    """Rows through all operators, and encoded as a checkpoint and a result are."""
    current = before = [batch.rebased() for batch in batches]
    for index, spec in enumerate(context.setup.operators):
        key = keys[index] if keys else ""
        operator = context.prepared(index)
        why = _why_not(operator)
        if why:
            yield OperatorCost(key=key, name=spec.name, rows_in=0, rows_out=0, seconds=0.0, skipped=why)
            continue
        cost, current = _run_operator(operator, index, current)
        yield msgspec.structs.replace(cost, key=key)
    _encode(context.setup, before, current)


def _why_not(operator: Operator) -> str:
    if isinstance(operator, EffectMapper):
        return "each row of which is a call that counts"
    if isinstance(operator, DatasetOperator) and operator.collects_rows:
        return "which needs all rows"
    return ""


def _run_operator(
    operator: Operator, index: int, batches: Sequence[Batch]
) -> tuple[OperatorCost, list[Batch]]:
    """The cost of one operator over as many rows as OPERATOR_S allows, and the rows after it."""
    after: list[Batch] = []
    rows_in = rows_out = 0
    seconds = 0.0
    for rows in _slices(batches):
        if rows_in and seconds > OPERATOR_S:
            break
        started_s = time.perf_counter()
        if isinstance(operator, DatasetOperator):
            operator.summarise(rows.rebased())
            made = rows
        else:
            made = run_operator(operator, index, [rows]).batches[0]
        seconds += time.perf_counter() - started_s
        rows_in += len(rows)
        rows_out += len(made)
        after.append(made)
    cost = OperatorCost(key="", name=operator.name, rows_in=rows_in, rows_out=rows_out, seconds=seconds)
    return cost, after


def _slices(batches: Sequence[Batch]) -> Iterator[Batch]:
    for batch in batches:
        for start in range(0, len(batch), _SLICE_ROWS):
            yield batch.take(np.arange(start, min(start + _SLICE_ROWS, len(batch))))


def _encode(setup: WorkerSetup, before: Sequence[Batch], after: Sequence[Batch]) -> None:
    for below in before:
        encoded = [rows for rows in after if rows.source is below.source]
        if not encoded:
            continue
        whole = join_batches(encoded)
        encode_table(make_delta(below, whole), setup.checkpoint_format, setup.checkpoint_compression)
        encode_result(whole, setup.result_format, setup.result_compression, setup.keep_stats)


def _status_bytes(name: str) -> int:
    """What the system says of this process's memory; 0 where it says nothing."""
    try:
        status = PosixStore().read(_STATUS).decode()
    except FileNotFoundError:
        return 0
    found = re.search(rf"{name}:\s+(\d+) kB", status)
    return int(found[1]) * 1024 if found else 0


if __name__ == "__main__":
    main()

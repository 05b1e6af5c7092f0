"""Costs of operators: from an earlier measurement of the same operators on the same rows, or measured in a process of its own."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Final

import msgspec

from data_juicer import safe_path
from data_juicer.engine.autoconfig.costs import MemoryCost, OperatorCost, PipelineCost, combine
from data_juicer.engine.autoconfig.measure_main import Measurement, MeasureRequest
from data_juicer.engine.autoconfig.sample import Sample
from data_juicer.engine.protocol.worker_setup import WorkerSetup
from data_juicer.errors import CheckpointError, StoreError
from data_juicer.plan.keys import KeyMaker
from data_juicer.portable import PortableMsgpack, encode_msgpack
from data_juicer.storage.base import Store
from data_juicer.store.versioned_json import FORMAT_VERSION, VersionedJson

MEASURE_S_MAX: Final = 60.0
"""For loading models and for all operators together; what was measured until then counts."""
CACHED_MAX: Final = 200
"""Measurements that are kept in a work_dir."""
_ENTRY: Final = re.compile(r"[0-9a-f]{32}\.json")
_HEARTBEAT_S: Final = 0.2
_END_S: Final = 1.0
"""For a process that says nothing any more to be gone."""
_MEASUREMENTS: Final = PortableMsgpack[Measurement](Measurement)


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """A whole measurement, as it is kept."""

    format_version: int = FORMAT_VERSION
    operators: tuple[OperatorCost, ...]
    memory: MemoryCost | None = None


_CODEC: Final = VersionedJson(Costs)


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    cost: PipelineCost | None
    unmeasured: str = ""
    """Why there is no cost."""
    operators: tuple[OperatorCost, ...] = ()
    """As many of the recipe, in its order, as were measured."""


def measure_operators(
    store: Store,
    cache_dir: str,
    setup: WorkerSetup,
    sample: Sample,
    heartbeat: Callable[[str], None],
    *,
    keeps: bool = True,
) -> Measured:
    """The cost of the operators on the sample.

    Args:
        cache_dir: where measurements of all jobs of a work_dir are kept.
        heartbeat: called while the process works; what it raises ends the process.
        keeps: write a new measurement into the cache.
    """
    if not setup.operators:
        return Measured(cost=None, unmeasured="there are none")
    if not sample.stats.rows:
        return Measured(cost=None, unmeasured="there is no row to measure them on")
    keys = KeyMaker(setup.reader, setup.identities, setup.export).keys(sample.digest, 0)[1:]
    path = os.path.join(cache_dir, f"{keys[-1]}.json")
    known = _find(store, path, keys)
    if known is not None:
        return Measured(cost=combine(known.operators, known.memory), operators=known.operators)
    if store.uri is None:
        return Measured(cost=None, unmeasured="no other process can open this store")
    request = MeasureRequest(setup=setup, parts=sample.parts, keys=keys)
    measured, ended = _ask(encode_msgpack(request), heartbeat)
    cost = combine(measured.operators, measured.memory)
    if keeps and len(measured.operators) == len(keys):
        with contextlib.suppress(StoreError):  # a cache that cannot be written costs time, not the job
            _keep(store, cache_dir, path, measured)
    if cost is None:
        return Measured(cost=None, unmeasured=ended or "none of them can be run on a sample")
    return Measured(cost=cost, operators=measured.operators)


def _find(store: Store, path: str, keys: Sequence[str]) -> Costs | None:
    try:
        known = _CODEC.decode(store.read(path), path)
    except (FileNotFoundError, CheckpointError, StoreError):
        return None
    return known if [cost.key for cost in known.operators] == list(keys) else None


def _keep(store: Store, cache_dir: str, path: str, costs: Costs) -> None:
    """Write a measurement down; the oldest names give way, whatever order that is."""
    store.make_own_dir(cache_dir)
    names = [name for name in store.list(cache_dir) if _ENTRY.fullmatch(name)]
    for name in names[: max(0, len(names) - CACHED_MAX + 1)]:
        store.remove(os.path.join(cache_dir, name))
    store.put(path, _CODEC.encode(costs))


def _ask(request: bytes, heartbeat: Callable[[str], None]) -> tuple[Costs, str]:
    """The measurements of the process, as many as it gave before it ended, and how it ended; empty where it ended well."""
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [
                sys.executable,
                *safe_path.SAFE,
                "-m",
                "data_juicer.engine.autoconfig.measure_main",
                str(theirs.fileno()),
            ],
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=safe_path.worker_environment(os.environ),
            start_new_session=True,
        )
    try:
        with Connection(ours.detach()) as connection:
            costs, is_whole = _converse(connection, request, heartbeat)
        if is_whole:
            return costs, ""
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_END_S)
        return costs, _end_text(process.poll())
    finally:
        process.kill()
        process.wait()


def _converse(connection: Connection, request: bytes, heartbeat: Callable[[str], None]) -> tuple[Costs, bool]:
    """Its measurements, and whether those are all."""
    costs, is_whole = Costs(operators=()), False
    with contextlib.suppress(EOFError, OSError):  # it has ended
        connection.send_bytes(request)
        for _ in range(int(MEASURE_S_MAX / _HEARTBEAT_S)):
            heartbeat("auto_configure: measuring operators on the sample")
            while not is_whole and connection.poll(_HEARTBEAT_S):
                measurement = _MEASUREMENTS.decode(connection.recv_bytes())
                is_whole = measurement == Measurement()
                costs = _with_measurement(costs, measurement)
            if is_whole:
                break
    return costs, is_whole


def _with_measurement(costs: Costs, measurement: Measurement) -> Costs:
    if measurement.operator is not None:
        return msgspec.structs.replace(costs, operators=(*costs.operators, measurement.operator))
    return msgspec.structs.replace(costs, memory=measurement.memory or costs.memory)


def _end_text(code: int | None) -> str:
    if code is None:
        return f"the process that does so was not ready after {MEASURE_S_MAX:g} s"
    return f"the process that does so ended with {'signal' if code < 0 else 'exit code'} {abs(code)}"

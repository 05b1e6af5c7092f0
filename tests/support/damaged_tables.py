"""Arrow and Parquet files whose bytes lie about offsets, lengths and counts, each through a whole job.

    python -m tests.support.damaged_tables {arrow,stream,parquet} SEED COUNT

Jobs run in children of their own, since a lie that is believed ends in a segmentation fault. Prints a line for each job that crashed, raised
what is not one of our errors, or took much more memory than those before it; its file can be made again from its seed and number.
"""

from __future__ import annotations

import decimal
import io
import os
import random
import re
import resource
import struct
import sys
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

import data_juicer
from data_juicer.errors import DataJuicerError

_ROWS = 40
_LIES = (-1, -2, 0, 1, 255, 65535, 1 << 20, 2**31 - 1, -(2**31), 1 << 33, 2**62, 2**63 - 1, -(2**63))
_MORE_MB = 120
"""More than any job takes beyond the one before it."""
_JOBS_OF_A_CHILD = 100


def columns(kind: str) -> dict[str, pa.Array]:
    """Columns of 40 rows, one of each layout that the format can hold."""
    numbers = range(_ROWS)
    texts = [f"row {number} of a table, " * 3 for number in numbers]
    keys = pa.array([f"k{number % 5}" for number in numbers]).dictionary_encode()
    found: dict[str, pa.Array] = {
        "text": pa.array(texts),
        "integer": pa.array([number or None for number in numbers]),
        "list": pa.array([[number] * (number % 4) for number in numbers]),
        "strings": pa.array([[str(number)] * (number % 3) for number in numbers]),
        "struct": pa.array([{"a": number, "b": str(number)} for number in numbers]),
        "dictionary": keys,
        "decimal": pa.array([decimal.Decimal(number) / 4 for number in numbers]),
        "map": pa.array([[("a", number)] for number in numbers], pa.map_(pa.string(), pa.int64())),
        "binary": pa.array([b"x" * number for number in numbers]),
        "pair": pa.array([[number, number] for number in numbers], pa.list_(pa.int32(), 2)),
    }
    if kind == "parquet":
        return found
    codes = pa.array([number % 2 for number in numbers], pa.int8())
    return found | {
        "view": pa.array(texts, pa.string_view()),
        "runs": pa.RunEndEncodedArray.from_arrays(pa.array([10, _ROWS], pa.int32()), pa.array(["x", "y"])),
        "list_view": pa.array([[number] * (number % 4) for number in numbers], pa.list_view(pa.int32())),
        "large": pa.array([[str(number)] for number in numbers], pa.large_list(pa.string())),
        "dense": pa.UnionArray.from_dense(
            codes,
            pa.array([number // 2 for number in numbers], pa.int32()),
            [pa.array(numbers), pa.array(texts)],
        ),
        "sparse": pa.UnionArray.from_sparse(codes, [pa.array(numbers), pa.array(texts)]),
        "keys": pa.ListArray.from_arrays(pa.array(range(_ROWS + 1), pa.int32()), keys),
    }


def good_file(kind: str, rng: random.Random) -> bytearray:
    every = columns(kind)
    names = ["text", *rng.sample([name for name in every if name != "text"], rng.randint(0, 3))]
    table, sink = pa.table({name: every[name] for name in names}), io.BytesIO()
    if kind == "parquet":
        pq.write_table(
            table,
            sink,
            compression=rng.choice(["none", "snappy", "zstd", "gzip", "lz4"]),
            use_dictionary=rng.random() < 0.5,
            row_group_size=rng.choice([7, _ROWS]),
            data_page_version=rng.choice(["1.0", "2.0"]),
        )
    else:
        options = pa.ipc.IpcWriteOptions(compression=rng.choice([None, "zstd", "lz4"]))
        opened = (pa.ipc.new_file if kind == "arrow" else pa.ipc.new_stream)(
            sink, table.schema, options=options
        )
        with opened as writer:
            writer.write_table(table, max_chunksize=rng.choice([7, _ROWS]))
    return bytearray(sink.getvalue())


def damaged_file(kind: str, seed: int, number: int) -> bytes:
    rng = random.Random(f"{kind} {seed} {number}")
    data = good_file(kind, rng)
    for _ in range(rng.choice([1, 1, 1, 2, 3, 6])):
        at, way = rng.randrange(len(data)), rng.random()
        if way < 0.3:
            data[at] ^= 1 << rng.randrange(8)
        elif way < 0.45:
            data[at] = rng.choice([0, 1, 127, 128, 255])
        elif way < 0.9:
            size = rng.choice([4, 8])
            at -= at % size
            data[at : at + size] = struct.pack("<Q", rng.choice(_LIES) % 2**64)[:size]
        elif way < 0.95:
            del data[at + 1 :]
        else:
            data[at:at] = rng.randbytes(rng.randrange(1, 9))
    return bytes(data)


def run_one(path: Path, export: str) -> str:
    """What is wrong with how a job took a file; empty: nothing."""
    before = _peak_mb()
    try:
        data_juicer.run(
            {
                "dataset_path": str(path),
                "export_path": str(path.parent / export),
                "executor_type": "inline",
                "job_id": "job",
                "work_dir": str(path.parent / "work"),
                "event_logging": {"enabled": False},
                "fault_tolerance": {"max_dead_letter_ratio": 1},
                "process": [{"text_length_filter": {}}, {"whitespace_normalization_mapper": {}}],
            }
        )
    except DataJuicerError as error:
        if "\n" in str(error):
            return f"an error of several lines: {error!r}"
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    taken = _peak_mb() - before
    return f"it took {taken} MB" if taken > _MORE_MB else ""


def _peak_mb() -> int:
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) // 1024


def _run_child(kind: str, seed: int, numbers: range, report: int) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for number in numbers:
        os.write(report, f"{number} \n".encode())
        with tempfile.TemporaryDirectory() as home:
            path = Path(home) / ("in.parquet" if kind == "parquet" else "in.arrow")
            path.write_bytes(damaged_file(kind, seed, number))
            wrong = run_one(path, "out.parquet" if number % 2 else "out.jsonl")
        os.write(report, f"{number} {'done' if not wrong else ascii(wrong)}\n".encode())


def run_all(kind: str, seed: int, count: int) -> list[str]:
    """What was wrong, a line each."""
    wrong, begin = [], 0
    while begin < count:
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                os.close(read)
                _run_child(kind, seed, range(begin, min(begin + _JOBS_OF_A_CHILD, count)), write)
                code = 0
            finally:
                os._exit(code)
        os.close(write)
        with open(read) as stream:
            answers = dict(line.rstrip("\n").split(" ", 1) for line in stream)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        for number, answer in answers.items():
            if answer != "done":
                wrong.append(f"{kind} {seed} {number}: {answer or f'the process ended with {status}'}")
        begin = max(map(int, answers), default=begin) + 1
    return wrong


if __name__ == "__main__":
    found = run_all(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    sys.stdout.writelines(f"{line}\n" for line in found)
    sys.exit(bool(found))

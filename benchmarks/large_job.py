"""A job of very many partitions, all of them committed, made in seconds: its files are written as a run would write them.

python -m benchmarks.large_job DIRECTORY PARTITIONS     makes it; `benchmarks/growth.py` measures on it
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec
import xxhash

from benchmarks.bench import NINE_OPERATORS
from data_juicer.backends.inline import InlineBackend
from data_juicer.clock import SystemClock
from data_juicer.config.config import load_recipe
from data_juicer.config.schema import JobConfig
from data_juicer.engine.lifecycle.build_setup import fragment_limits, with_resolve_keys, worker_setup
from data_juicer.engine.lifecycle.environment import RunEnvironment
from data_juicer.engine.lifecycle.wanted import find_wanted
from data_juicer.engine.run_job import run_job
from data_juicer.job.layout import JobLayout
from data_juicer.plan.keys import KeyMaker
from data_juicer.plan.mapping import DatasetMapping, encode_mapping
from data_juicer.plan.scan.scan import scan
from data_juicer.storage.posix import PosixStore
from data_juicer.store.commit import read_manifest
from data_juicer.store.manifest import Manifest, encode_manifest

ROW = '{"text":"A row of plain words, number %09d, long enough for every filter of the recipe.","n":%d}\n'
JOB_ID = "large"
"""No operator changes such a row, so that the result of a partition is the bytes that it was read from."""


def settings(directory: Path) -> dict[str, Any]:
    """Of the large job: partitions of a single row."""
    return {
        "dataset_path": str(directory / "in.jsonl"),
        "export_path": str(directory / "out.jsonl"),
        "work_dir": str(directory / "jobs"),
        "job_id": JOB_ID,
        "process": NINE_OPERATORS,
        "executor_type": "inline",
        "partition": {"size": 1},
        "checkpoint": {"strategy": "disabled"},
    }


def make(directory: Path, partitions: int) -> JobLayout:
    """Make the job; what is left to do is its export."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "in.jsonl").open("w") as stream:
        stream.writelines(ROW % (number, number) for number in range(partitions))
    model = _model(directory)
    config = load_recipe(settings(directory), {}, {})
    store, wanted = PosixStore(), find_wanted(config, PosixStore(), SystemClock())
    layout = wanted.layout
    for path in layout.directories().values():
        store.make_dirs(path)
    mapping = scan(wanted.sources, fragment_limits(config), None, store, copies_dir=layout.partitions_dir)
    store.write(layout.dataset_mapping, encode_mapping(mapping))
    setup = worker_setup(config, layout, 1, wanted.operators, wanted.identities, ["jsonl"])
    setup = with_resolve_keys(setup, wanted.operators, mapping.partitions)
    keys = KeyMaker(setup.reader, setup.identities, setup.export, setup.resolve_keys)
    _write_results(layout, mapping, keys, model, directory)
    return layout


def _model(directory: Path) -> Manifest:
    """The manifest of a partition that a run committed."""
    own = directory / "model"
    own.mkdir(exist_ok=True)
    (own / "in.jsonl").write_text(ROW % (0, 0))
    config: JobConfig = load_recipe(settings(own), {}, {})
    environment = _environment()
    run_job(config, environment)
    layout = find_wanted(config, environment.store, environment.clock).layout
    return read_manifest(environment.store, layout.result_manifest(0))


def _environment() -> RunEnvironment:
    store, clock = PosixStore(), SystemClock()
    return RunEnvironment(store=store, clock=clock, backend=InlineBackend(store, clock))


def _write_results(
    layout: JobLayout, mapping: DatasetMapping, keys: KeyMaker, model: Manifest, directory: Path
) -> None:
    store, data = PosixStore(), (directory / "in.jsonl").read_bytes()
    own = layout.results_dir.replace(layout.job_dir, str(directory / "model" / "jobs" / JOB_ID))
    recorded = [store.read(f"{own}/{each.name}") for each in model.stats]
    for spec in mapping.partitions:
        part = data[spec.fragment.byte_start : spec.fragment.byte_stop]
        path = layout.result_data(spec.partition_id, model.attempt, "jsonl")
        file = msgspec.structs.replace(
            model.files[0],
            name=path.rpartition("/")[2],
            size_bytes=len(part),
            digest=xxhash.xxh3_128_hexdigest(part),
        )
        stats = tuple(
            msgspec.structs.replace(
                each, name=layout.result_data(spec.partition_id, model.attempt, "stats").rpartition("/")[2]
            )
            for each in model.stats
        )
        for each, content in zip(stats, recorded, strict=True):
            store.write(f"{layout.results_dir}/{each.name}", content)
        manifest = msgspec.structs.replace(
            model,
            stats=stats,
            job=JOB_ID,
            partition=spec.partition_id,
            key=keys.result_key(keys.keys(spec.digest, spec.position)[-1]),
            fragment=spec.digest,
            files=(file,),
        )
        store.write(path, part)
        store.write(layout.result_manifest(spec.partition_id), encode_manifest(manifest))


def main() -> None:
    directory, partitions = Path(sys.argv[1]), int(sys.argv[2])
    print(make(directory, partitions).job_dir)


if __name__ == "__main__":
    main()

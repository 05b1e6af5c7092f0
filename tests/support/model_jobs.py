"""Jobs on the model of an object store: each request is a point at which the driver crashes, or an answer is lost."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from data_juicer.backends.inline import InlineBackend
from data_juicer.config.schema import JobConfig
from data_juicer.engine.lifecycle.environment import JobOutcome, RunEnvironment
from data_juicer.engine.run_context import RunControl
from data_juicer.engine.run_job import run_job
from data_juicer.job.lease import LEASE_S
from data_juicer.store.ledger import OperatorLedger
from data_juicer.testing import jobs
from data_juicer.testing.crashing_store import PowerLoss
from data_juicer.testing.jobs import Watch
from data_juicer.testing.object_model import ROOT, Fault, Faults, ModelBucket, ObjectModel, store_of
from tests.support.crash_recipes import CUSTOM, PROCESS, ROWS, lines

CRASHES: tuple[Fault, ...] = ("crash", "crash_after")
TROUBLES: tuple[Fault, ...] = ("lost", "error_after", "reset", "throttled")


def model_job(process: Sequence[Any] = PROCESS, **settings: Any) -> JobConfig:
    """The small job of the crash tests with every file in the model; settings in dotted form, `input` a folder of it."""
    given = {"partition.size": 3, "custom_operator_paths": [CUSTOM], **settings}
    folder = given.pop("input", "in")
    return jobs.recipe(f"{ROOT}/jobs", [f"{ROOT}/{folder}"], process, given)


def new_model(**settings: Any) -> ObjectModel:
    """With the input, as JSON Lines and as Parquet."""
    model = ObjectModel(**settings)
    store, _ = store_of(model)
    store.put(f"{ROOT}/in/a.jsonl", lines(ROWS))
    store.put(f"{ROOT}/tables/a.parquet", _table())
    return model


@functools.cache
def _table() -> bytes:
    """Rows like those of the input as Parquet, in row groups of two."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    texts = ["see http://a.example/x for more", "a poison row", None, "short", *("many words of a row",) * 4]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"text": texts, "n": list(range(8))}), sink, row_group_size=2)
    return sink.getvalue().to_pybytes()


def run(
    model: ObjectModel, config: JobConfig, faults: Faults | None = None, watch: Watch | None = None
) -> tuple[JobOutcome, ModelBucket]:
    """One run by a driver that knows of others through the store alone."""
    store, bucket = store_of(model, faults)
    environment = RunEnvironment(
        store=store,
        clock=model.clock,
        backend=InlineBackend(store, model.clock),
        control=RunControl(observers=(watch,) if watch else ()),
    )
    return run_job(config, environment), bucket


@dataclass(frozen=True)
class Outcome:
    export: dict[str, bytes]
    ledgers: list[tuple[OperatorLedger, ...]]
    dead: list[tuple[str, int, str | None]]


def outcome(model: ObjectModel, config: JobConfig) -> Outcome:
    """What the job came to; nothing half-done and no gap in the log may be left."""
    store, _ = store_of(model)
    left = [key for key in model.contents() if key.endswith((".staged", ".aside")) or "/.clock_" in key]
    assert left == []
    assert model.uploads == {}, "parts of an upload that nobody completes"
    numbers = [record.seq for record in jobs.logged(config, store)]
    assert numbers == list(range(1, len(numbers) + 1)), "the log has gaps"
    return Outcome(
        jobs.exported(config, store), jobs.ledgers(config, store), jobs.dead_letters(config, store)
    )


def visit(
    config: JobConfig, kinds: Sequence[Fault], stride: int = 1, share: tuple[int, int] = (0, 1)
) -> tuple[int, int]:
    """Let every `stride`-th request go wrong, in the ways of `kinds` in turn, or in all of them if `stride` is 1.

    Args:
        share: (k, n): of those requests one in n, from the k-th on, so that n tests side by side visit all of them.
    Returns: requests of an undisturbed run, points visited.
    Raises: AssertionError: the job came to something else than an undisturbed one.
    """
    model = new_model()
    _, bucket = run(model, config)
    expected, count, visited = outcome(model, config), bucket.requests, 0
    for number in range(1 + share[0] * stride, count + 1, stride * share[1]):
        for kind in kinds if stride == 1 else [kinds[number // stride % len(kinds)]]:
            visited += 1
            try:
                check_point(config, number, kind, expected)
            except Exception as error:
                error.add_note(f"request {number} of {count}, {bucket.log[number - 1]}: {kind}")
                raise
    return count, visited


def check_point(config: JobConfig, number: int, kind: Fault, expected: Outcome) -> None:
    model = new_model()
    try:
        run(model, config, Faults({number: kind}))
    except PowerLoss:
        model.clock.sleep_s(LEASE_S + 1)
        run(model, config)
    assert outcome(model, config) == expected
    assert run(model, config)[0].already_complete

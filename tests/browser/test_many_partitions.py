"""A job of 100,000 partitions on the page: it is painted and used without waiting."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data_juicer.events import types as t
from data_juicer.events.log import EventLog
from data_juicer.events.payloads import AttemptOutcome, AttemptStart
from data_juicer.job.layout import JobLayout
from data_juicer.storage.posix import PosixStore
from data_juicer.store.ledger import OperatorLedger
from data_juicer.testing.clock import ManualClock
from data_juicer.testing.jobs import JOB_ID, recipe, run_inline
from tests.browser.conftest import TOKEN, ask

PARTITIONS = 100_000
PAINT_MS_MAX = 1_000
USE_MS_MAX = 100


def make_job(folder: Path, partitions: int) -> JobLayout:
    """A small job that ran, with results and a second run's events of very many partitions beside it."""
    (folder / "in.jsonl").write_text('{"text": "a b c"}\n' * 10)
    process = [{"words_num_filter": {"min_num": 2}}]
    store = PosixStore()
    run_inline(recipe(str(folder), [str(folder / "in.jsonl")], process), store)
    layout = JobLayout.of(str(folder), JOB_ID)
    log = EventLog(store, layout, ManualClock(), 1)
    ledger = OperatorLedger(
        index=0, name="words_num_filter", rows_in=10, rows_out=9, rows_filtered=1, duration_s=0.1
    )
    for partition in range(partitions):
        name = f"r1a{partition}"
        start = AttemptStart(worker=f"worker {partition % 8}")
        log.record(t.PartitionStart(partition_id=partition, attempt=name, data=start))
        log.record(t.OpComplete.of(partition, name, ledger))
        log.record(
            t.PartitionComplete(
                partition_id=partition, attempt=name, duration_s=0.1, rows=9, data=AttemptOutcome(rows_in=10)
            )
        )
    log.close()
    return layout


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_hundred_thousand_partitions_stay_usable(
    tmp_path: Path, open_page: Callable[..., Any], serve: Callable[[Path], str]
) -> None:
    make_job(tmp_path, PARTITIONS)
    origin = serve(tmp_path)
    (job,) = ask(origin, "/api/jobs")["jobs"]
    watched = open_page()
    page = watched.page
    page.goto(f"{origin}/?token={TOKEN}")
    page.wait_for_selector("table")
    page.evaluate(
        """key => { window.asked = performance.now(); location.hash = '#/job/' + key;
        new MutationObserver(() => { if (document.querySelector('h1') && !window.painted) window.painted = performance.now(); })
            .observe(document.body, { childList: true, subtree: true }); }""",
        job["key"],
    )
    page.wait_for_function("() => window.painted && document.querySelector('.badge')")
    paint_ms = page.evaluate("window.painted - window.asked")
    page.wait_for_function(
        "() => [...document.querySelectorAll('.legend')].some(l => /100,000 done/.test(l.textContent))"
    )
    use_ms = page.evaluate("""() => { const canvas = document.querySelector('canvas.squares'), box = canvas.getBoundingClientRect(), took = [];
        for (let at = 0; at < 40; at++) {
            const begin = performance.now();
            canvas.dispatchEvent(new PointerEvent('pointermove', { clientX: box.left + at * 7 + 3, clientY: box.top + at * 3 + 1 }));
            took.push(performance.now() - begin);
        }
        return Math.max(...took); }""")
    update_ms = page.evaluate("""() => { const begin = performance.now();
        shown.update({ ...shown.job, states: null, changed: Array.from({ length: 500 }, (_, at) => [at * 7, 'r']) });
        return performance.now() - begin; }""")
    took = {"first paint": paint_ms, "pointing": use_ms, "an update of 500 partitions": update_ms}
    sys.stdout.write(f"{took} ms\n")
    assert watched.problems == []
    assert paint_ms < PAINT_MS_MAX
    assert use_ms < USE_MS_MAX
    assert update_ms < USE_MS_MAX

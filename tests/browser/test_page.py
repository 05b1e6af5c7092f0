"""The page in a real browser: as a report, live while a job runs, and after its driver was killed."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from data_juicer.cli.jobs import main
from data_juicer.storage.posix import PosixStore
from data_juicer.testing.jobs import JOB_ID, recipe, run_inline
from tests.browser.conftest import TOKEN, ask

HOSTILE = "<img src=x onerror=document.title='hit'></script><script>document.title='hit'</script>"
PROCESS: list[Any] = [
    "clean_email_mapper",
    {"words_num_filter": {"min_num": 5, "max_num": 40}},
    "document_deduplicator",
]
SLOW = """
import time
from data_juicer.ops.base_op import OPERATORS, Mapper
@OPERATORS.register_module("waiting_mapper")
class WaitingMapper(Mapper):
    def process_single(self, sample):
        time.sleep(0.05)
        return sample
"""


def write_rows(path: Path, rows: int) -> None:
    texts = [f"{HOSTILE} row a@example.com {'word ' * (row % 50)} {row}" for row in range(rows - 1)]
    lines = [*(json.dumps({"text": text}) for text in texts), '{"text": 3}']
    path.write_text("\n".join(lines) + "\n")


def make_report(folder: Path) -> Path:
    write_rows(folder / "in.jsonl", 120)
    settings = {"partition.size": 20, "open_tracer": True, "fault_tolerance.max_dead_letter_ratio": 0.5}
    run_inline(recipe(str(folder), [str(folder / "in.jsonl")], PROCESS, settings), PosixStore())
    page = folder / "report.html"
    assert main(["report", JOB_ID, "--work_dir", str(folder), "-o", str(page)]) == 0
    return page


def test_a_report_is_one_file_that_asks_for_nothing(tmp_path: Path, open_page: Callable[..., Any]) -> None:
    report = make_report(tmp_path)
    assert report.stat().st_size < 1_000_000
    for width, scheme in ((1600, "light"), (400, "dark")):
        watched = open_page(width, scheme)
        page = watched.page
        page.goto(report.as_uri())
        page.wait_for_selector("h1")
        assert page.title() == f"{JOB_ID} completed"  # nothing foreign was run
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.locator("svg[role=img]").count() == 1
        assert "min 5" in page.locator("svg[role=img]").get_attribute("aria-label")
        assert page.locator("text=words_num_filter: num_words").count() == 1
        page.locator("summary", has_text="clean_email_mapper").click()
        assert page.locator("del").count() > 0
        assert HOSTILE in page.locator(".sample pre").first.inner_text()
        page.evaluate("shown.update({ ...shown.job, warnings: ['the result has no rows'] })")
        assert page.locator("p.alert", has_text="the result has no rows").count() == 1
        assert (watched.problems, watched.foreign(report.as_uri())) == ([], [])


def test_the_page_is_used_by_keyboard(tmp_path: Path, open_page: Callable[..., Any]) -> None:
    page = open_page().page
    page.goto(make_report(tmp_path).as_uri())
    page.focus("canvas.squares")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.locator("p[aria-live]", has_text="partition 2: done").count() == 1
    page.focus("input[type=range]")
    page.keyboard.press("End")
    assert "a minimum would drop 119 rows (100.0%)" in page.locator(".chosen").inner_text()
    unnamed = "() => [...document.querySelectorAll('section')].filter(s => !s.getAttribute('aria-label') && !document.getElementById(s.getAttribute('aria-labelledby'))).length"
    assert page.evaluate(unnamed) == 0


@pytest.fixture
def start_slow_job(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts a job named `live` whose rows wait; it is ended with the test."""
    drivers: list[subprocess.Popen[bytes]] = []

    def start(partitions: int, backend: str = "inline", rows: int = 5) -> subprocess.Popen[bytes]:
        write_rows(tmp_path / "in.jsonl", partitions * rows)
        (tmp_path / "waiting.py").write_text(SLOW)
        settings = {
            "dataset_path": str(tmp_path / "in.jsonl"),
            "export_path": str(tmp_path / "out.jsonl"),
            "work_dir": str(tmp_path / "jobs"),
            "custom_operator_paths": [str(tmp_path / "waiting.py")],
            "np": 1,
            "executor_type": backend,
            "partition": {"size": rows},
            "process": ["waiting_mapper", {"words_num_filter": {"min_num": 5}}],
        }
        (tmp_path / "recipe.yaml").write_text(json.dumps(settings))
        words = [f"{Path(sys.executable).parent}/dj-process", "--config", str(tmp_path / "recipe.yaml")]
        driver = subprocess.Popen(
            [*words, "--job_id", "live"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        drivers.append(driver)
        return driver

    (tmp_path / "jobs").mkdir()
    yield start
    for driver in drivers:
        driver.kill()
        driver.wait()


def wait_for_done(page: Any, more_than: int) -> None:
    page.wait_for_function(
        "least => window.shown && shown.job && shown.job.partitions_done > least", arg=more_than
    )


def test_the_page_is_live_and_goes_on_after_the_driver_was_killed(
    tmp_path: Path,
    open_page: Callable[..., Any],
    serve: Callable[[Path], str],
    start_slow_job: Callable[..., subprocess.Popen[bytes]],
) -> None:
    origin = serve(tmp_path / "jobs")
    watched = open_page()
    page = watched.page
    page.goto(f"{origin}/?token={TOKEN}")
    page.wait_for_selector("text=There are no jobs")
    driver = start_slow_job(400)
    page.click("a:text-is('live')")
    page.wait_for_selector(".badge.running")
    wait_for_done(page, 0)
    wait_for_done(page, ask(origin, f"/api/jobs/{key_of(origin)}")["partitions_done"])
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    page.wait_for_selector(".badge.interrupted", timeout=10_000)
    assert page.locator("text=Stop after the partitions").count() == 0
    page.wait_for_function(
        "() => document.querySelector('section[aria-labelledby=h-runs]').innerText.includes('interrupted')"
    )
    assert page.locator("text=none is busy now").count() == 1
    assert "running" not in page.locator("canvas.squares").get_attribute("aria-label")
    assert (watched.problems, watched.foreign(origin)) == ([], [])


def test_the_button_stops_the_job_and_the_page_says_so(
    tmp_path: Path,
    open_page: Callable[..., Any],
    serve: Callable[[Path], str],
    start_slow_job: Callable[..., subprocess.Popen[bytes]],
) -> None:
    origin = serve(tmp_path / "jobs")
    driver = start_slow_job(400)
    watched = open_page()
    page = watched.page
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto(f"{origin}/?token={TOKEN}")
    page.click("a:text-is('live')")
    wait_for_done(page, 0)
    page.click("text=Stop after the partitions in flight")
    page.wait_for_selector("text=run 1 was asked to stop; partitions in flight will finish")
    assert driver.wait(60) == 128 + signal.SIGTERM
    page.wait_for_selector(".badge.stopped")
    page.wait_for_selector(".stopped-note")
    assert page.locator("text=To resume it:").count() == 1
    assert page.locator("text=Stop after the partitions").count() == 0
    assert (watched.problems, watched.foreign(origin)) == ([], [])


@pytest.mark.slow
@pytest.mark.parametrize(("backend", "rows"), [("inline", 60), ("local", 60), ("local", 5)])
def test_the_page_shows_an_event_within_two_seconds(
    tmp_path: Path,
    open_page: Callable[..., Any],
    serve: Callable[[Path], str],
    start_slow_job: Callable[..., subprocess.Popen[bytes]],
    backend: str,
    rows: int,
) -> None:
    """Of each partition that was done: when the page counts it first, against the time of the event."""
    origin = serve(tmp_path / "jobs")
    partitions = 480 // rows
    driver = start_slow_job(partitions, backend, rows)
    page = open_page().page
    page.goto(f"{origin}/?token={TOKEN}")
    page.click("a:text-is('live')")
    page.wait_for_function("() => window.shown && shown.job")
    page.evaluate("""() => { window.seen = [[Date.now() / 1000, shown.job.partitions_done]]; const real = shown.update.bind(shown);
        shown.update = job => { real(job); seen.push([Date.now() / 1000, job.partitions_done]); }; }""")
    assert driver.wait(300) == 0
    page.wait_for_selector(".badge.completed")
    seen = page.evaluate("seen")
    log = (tmp_path / "jobs" / "live" / "event_logs" / "events.jsonl").read_text().splitlines()
    done = [event["ts"] for event in map(json.loads, log) if event["event_type"] == "PARTITION_COMPLETE"]
    delays = []
    for number, ts in enumerate(done, start=1):
        if number > seen[0][1]:
            happened_s = datetime.fromisoformat(ts).timestamp()
            delays.append(next(shown_s for shown_s, count in seen if count >= number) - happened_s)
    sys.stdout.write(
        f"{len(delays)} events, shown after {median(delays):.2f} s, at most {max(delays):.2f} s\n"
    )
    assert len(delays) >= partitions // 2
    assert max(delays) < 2


def key_of(origin: str) -> str:
    (job,) = ask(origin, "/api/jobs")["jobs"]
    return str(job["key"])

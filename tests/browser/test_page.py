"""The page in a real browser: as a report, live while a job runs, and after its driver was killed."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

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


def test_the_page_is_live_and_goes_on_after_the_driver_was_killed(
    tmp_path: Path, open_page: Callable[..., Any], serve: Callable[[Path], str]
) -> None:
    write_rows(tmp_path / "in.jsonl", 2000)
    (tmp_path / "waiting.py").write_text(SLOW)
    settings = {
        "dataset_path": str(tmp_path / "in.jsonl"),
        "export_path": str(tmp_path / "out.jsonl"),
        "work_dir": str(tmp_path / "jobs"),
        "custom_operator_paths": [str(tmp_path / "waiting.py")],
        "np": 1,
        "executor_type": "inline",
        "partition": {"size": 5},
        "process": ["waiting_mapper", {"words_num_filter": {"min_num": 5}}],
    }
    (tmp_path / "recipe.yaml").write_text(json.dumps(settings))
    (tmp_path / "jobs").mkdir()
    origin = serve(tmp_path / "jobs")
    watched = open_page()
    page = watched.page
    page.goto(f"{origin}/?token={TOKEN}")
    page.wait_for_selector("text=There are no jobs")
    driver = subprocess.Popen(
        [
            f"{Path(sys.executable).parent}/dj-process",
            "--config",
            str(tmp_path / "recipe.yaml"),
            "--job_id",
            "live",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        page.click("a:text-is('live')")
        page.wait_for_selector(".badge.running")
        page.wait_for_function(
            "() => [...document.querySelectorAll('.legend')].some(l => / done/.test(l.textContent))"
        )
        before = ask(origin, f"/api/jobs/{key_of(origin)}")["partitions_done"]
        page.wait_for_function(
            "before => Number((document.body.innerText.match(/([0-9,]+) of 400/) || [])[1]) > before",
            arg=before,
            timeout=10_000,
        )
        driver.send_signal(signal.SIGKILL)
        driver.wait()
        page.wait_for_selector(".badge.interrupted", timeout=10_000)
        assert page.locator("text=Stop after the partitions").count() == 0
    finally:
        driver.kill()
        driver.wait()
    assert (watched.problems, watched.foreign(origin)) == ([], [])


def key_of(origin: str) -> str:
    (job,) = ask(origin, "/api/jobs")["jobs"]
    return str(job["key"])

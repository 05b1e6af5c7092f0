"""What a Python program is given beside results: its own operators in workers, errors that say how to go on, progress."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import data_juicer
from data_juicer.api.progress import NotebookRun, shown_run
from data_juicer.errors import ConfigError, DataJuicerError, JobNotFoundError

SCRIPT = """
import re
import sys
from math import floor as down

import data_juicer
from data_juicer.ops.base_op import OPERATORS, Mapper

MARK = "{mark}"
DIGITS = re.compile("[0-9]+")

def decorate(text):
    return MARK + DIGITS.sub(lambda match: str(down(float(match[0]) + 1)), text)

@OPERATORS.register_module("marking_mapper")
class MarkingMapper(Mapper):
    def __init__(self, suffix: str = "", **kwargs):
        super().__init__(**kwargs)
        self.suffix = suffix

    def process_single(self, sample):
        sample[self.text_key] = decorate(sample[self.text_key]) + self.suffix
        return sample

if __name__ == "__main__":
    for _ in range(2):  # the second run finds the class of the first one's file in the registry
        result = data_juicer.run(
            {{"process": [{{"marking_mapper": {{"suffix": "."}}}}], "export_path": "out.jsonl", "work_dir": "work"}},
            dataset=[{{"text": f"row {{number}}"}} for number in range(4)],
            executor_type=sys.argv[1], np=1, job_id="mine",
        )
        print(result.already_complete, result.to_arrow().column("text").to_pylist())
"""


def run_script(folder: Path, *words: str, mark: str = "*") -> subprocess.CompletedProcess[str]:
    (folder / "script.py").write_text(SCRIPT.format(mark=mark))
    return subprocess.run(
        [sys.executable, "script.py", *words], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("executor", ["inline", "default"])
def test_an_operator_of_a_script_runs_wherever_workers_are(executor: str, tmp_path: Path) -> None:
    done = run_script(tmp_path, executor)
    expected = "['*row 1.', '*row 2.', '*row 3.', '*row 4.']"
    assert done.stdout.splitlines() == [f"False {expected}", f"True {expected}"], done.stderr


def test_an_edit_of_the_script_is_another_operator_and_the_command_line_can_resume_it(tmp_path: Path) -> None:
    run_script(tmp_path, "inline")
    done = run_script(tmp_path, "inline", mark="#")
    assert done.stdout.splitlines()[0].startswith("False ['#row 1.'"), done.stderr
    job = data_juicer.load_job("mine", str(tmp_path))
    assert job.summary.resume_command.startswith("dj-process -C ")
    again = subprocess.run(
        [sys.executable, "-m", "data_juicer", *job.summary.resume_command.split()[1:]],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "nothing was left to do" in again.stdout, again.stderr


def test_what_no_source_can_carry_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(
        "import data_juicer, threading\n"
        "from data_juicer.ops.base_op import OPERATORS, Mapper\n"
        "lock = threading.Lock()\n"
        "@OPERATORS.register_module('locking_mapper')\n"
        "class Locking(Mapper):\n"
        "    def process_single(self, sample):\n"
        "        with lock:\n"
        "            return sample\n"
        "data_juicer.run({'process': ['locking_mapper'], 'export_path': 'o.jsonl'}, dataset=[{'text': 'a'}])\n"
    )
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (
        "ConfigError: operator locking_mapper: it uses lock, a lock, which no source can carry" in done.stderr
    )


def recipe(folder: Path, rows: int = 30, **settings: Any) -> dict[str, Any]:
    data = folder / "in.jsonl"
    data.write_text("".join(json.dumps({"text": f"row {number}"}) + "\n" for number in range(rows)))
    return {
        "dataset_path": str(data),
        "export_path": str(folder / "out.jsonl"),
        "work_dir": str(folder / "work"),
        "executor_type": "inline",
        "process": ["whitespace_normalization_mapper"],
        **settings,
    }


def test_resume_must_never_and_auto(tmp_path: Path) -> None:
    settings = recipe(tmp_path)
    with pytest.raises(JobNotFoundError, match="there is no job mine"):
        data_juicer.run(settings, job_id="mine", resume="must")
    with pytest.raises(ConfigError, match="resume='must' needs the job_id"):
        data_juicer.run(settings, resume="must")
    assert not data_juicer.run(settings, job_id="mine", resume="never").already_complete
    with pytest.raises(ConfigError, match="there is a job mine"):
        data_juicer.run(settings, job_id="mine", resume="never")
    assert data_juicer.run(settings, job_id="mine", resume="must").already_complete
    assert data_juicer.run(settings, job_id="mine").already_complete
    with pytest.raises(ConfigError, match="resume='mine' is none of auto, must, never"):
        data_juicer.run(settings, resume="mine")  # type: ignore[arg-type]


FAILING = """
from data_juicer.ops.base_op import OPERATORS, Mapper

@OPERATORS.register_module("failing_mapper")
class Failing(Mapper):
    def process_single(self, sample):
        if sample["text"].endswith("3"):
            raise ValueError("three")
        return sample
"""


def test_an_error_says_what_is_safe_and_its_call_resumes(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(FAILING)
    settings = recipe(tmp_path, process=["failing_mapper"], custom_operator_paths=[str(tmp_path / "own.py")])
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps(settings))
    with pytest.raises(DataJuicerError) as caught:
        data_juicer.run(path, job_id="mine", partition={"size": 3}, fault_tolerance={"on_bad_row": "fail"})
    failed = caught.value.job
    assert failed is not None
    assert (failed.job_id, failed.partitions, failed.rows) == ("mine", 10, 30)
    assert 0 < failed.partitions_done < 10
    (note,) = caught.value.__notes__
    assert f"{failed.partitions_done} of 10 partitions" in note
    (tmp_path / "own.py").write_text(FAILING.replace('endswith("3")', 'endswith("x")'))
    result = eval(failed.resume, {"data_juicer": data_juicer})  # what a person would paste
    assert result.summary.counts.rows_out == 30
    assert result.job_id == "mine"


def test_dropped_rows_are_counted_by_operator_with_examples(tmp_path: Path) -> None:
    result = data_juicer.run(
        recipe(tmp_path, process=[{"text_length_filter": {"min_len": 6}}, "document_deduplicator"]),
        open_tracer=True,
    )
    (dropped,) = result.dropped()
    assert (dropped.operator, dropped.filtered, dropped.rows) == ("text_length_filter", 10, 10)
    assert {example["line"] for example in dropped.examples} == set(range(1, 11))
    assert all("text_len" in example["why"] for example in dropped.examples)


def test_a_notebook_shows_one_line_that_renews_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []

    def display(text: str) -> Any:
        shown.append(text)
        return shown.append

    monkeypatch.setattr("data_juicer.api.progress.is_notebook", lambda: True)
    monkeypatch.setattr("data_juicer.api.progress._display", display)
    data_juicer.run(recipe(tmp_path), job_id="mine")
    assert isinstance(shown_run(None), NotebookRun)
    assert all(text.startswith("<pre>job mine\n") for text in shown)
    assert "100%" in shown[-1]


def test_a_script_shows_progress_where_it_asks_for_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data_juicer.run(recipe(tmp_path), job_id="quiet")
    assert capsys.readouterr() == ("", "")
    data_juicer.run(recipe(tmp_path), job_id="shown", progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("job shown\n")
    assert re.search(r"100%.* 30 rows", err)


def test_a_parameter_that_init_cannot_take_is_named(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(
        "from data_juicer.ops.base_op import OPERATORS, Mapper\n"
        "@OPERATORS.register_module('picky_mapper')\n"
        "class Picky(Mapper):\n"
        "    def __init__(self, low: int = 0, table: str = '', **kwargs):\n"
        "        super().__init__(**kwargs)\n"
        "        if table:\n"
        "            {}[0]\n"
    )
    settings = recipe(
        tmp_path,
        process=[{"picky_mapper": {"low": 1, "table": "x"}}],
        custom_operator_paths=[str(tmp_path / "own.py")],
    )
    with pytest.raises(ConfigError) as caught:
        data_juicer.run(settings)
    assert str(caught.value) == "recipe: process[0].picky_mapper.table: table = 'x': KeyError: 0"

"""The strategy auto as a person sees it: what the end of a run and dj-jobs explain say."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_juicer.cli import jobs as jobs_cli
from data_juicer.engine.lifecycle import build_setup
from data_juicer.engine.scheduling.save_costs import SaveCosts
from data_juicer.monitor.facts import job_facts
from data_juicer.plan.policy import SaveRule
from data_juicer.storage.posix import PosixStore
from data_juicer.testing import jobs

PROCESS = ["clean_links_mapper", "whitespace_normalization_mapper", "whitespace_normalization_mapper"]


def test_what_was_saved_and_why_is_said_at_the_end_and_by_explain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Second(SaveCosts):
        def rule(self) -> SaveRule:
            return SaveRule(
                failure_s=1.0, overhead_max=0.0, save_s=(1.0,) * 3, work_s=(1.0,) * 3, always=frozenset({1})
            )

    monkeypatch.setattr(build_setup, "SaveCosts", Second)
    path = tmp_path / "in.jsonl"
    path.write_text('{"text":"a  row"}\n' * 20)
    config = jobs.recipe(
        str(tmp_path), [str(path)], PROCESS, {"partition.size": 5, "checkpoint.strategy": "auto"}
    )
    outcome = jobs.run_inline(config, PosixStore())
    assert outcome.view.checkpoints_saved == 4
    facts = job_facts(outcome.summary, outcome.view, jobs.layout_of(config), None, is_alive=False)
    assert any(fact.text.startswith("auto: saved after 1 of 3 operators") for fact in facts)
    assert jobs_cli.main(["explain", str(tmp_path / jobs.JOB_ID)]) == 0
    lines = capsys.readouterr().out.splitlines()
    shown = lines[lines.index("checkpoints (checkpoint.strategy auto):") + 1 :]
    assert shown[0].startswith(" 1 clean_links_mapper: not saved; ")
    assert shown[1].startswith(" 2 whitespace_normalization_mapper: saved 4 times, ")

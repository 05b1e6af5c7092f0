"""Every recorded case of every operator that the registry knows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from data_juicer.errors import ConfigError
from data_juicer.ops.catalog import registry
from tests.support.shared import need

from . import harness
from .differences import DIFFERENCES, LEFT_OUT, differences_of

KNOWN = [name for name in harness.operators() if name in registry.names() and name not in LEFT_OUT]
CASES = [(name, number) for name in KNOWN for number in range(len(harness.cases_of(name)))]
HERE = CASES or [("none", 0)]
"""One that says that the recorded cases are absent."""


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("golden")


@pytest.fixture(autouse=True)
def _models_and_media(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    harness.need_recordings()
    monkeypatch.setenv("DATA_JUICER_EXTERNAL_MODELS_HOME", str(harness.models_home(folder)))
    monkeypatch.setenv("NLTK_DATA", str(harness.GOLDEN / "assets" / "nltk_data"))
    monkeypatch.chdir(harness.GOLDEN)


@pytest.mark.parametrize(("operator", "number"), HERE)
def test_a_recorded_case_comes_out_as_recorded(operator: str, number: int, folder: Path) -> None:
    case = harness.cases_of(operator)[number]
    listed = differences_of(operator, number)
    if any(item.rows is None for item in listed):
        assert _differs(case, folder), f"{case['op']} is listed as different but comes out as recorded"
        return
    if harness.fails(case):
        with pytest.raises((ConfigError, ValueError)):
            harness.run(case, folder)
        return
    excused = frozenset[int]().union(*(item.rows or () for item in listed))
    outcomes = harness.run(case, folder)
    wrong = [outcome for outcome in outcomes if not outcome.equal and outcome.row not in excused]
    assert not wrong, f"{case['op']}: {len(wrong)} rows differ; row {wrong[0].row}:\n{_first(wrong[0])}"
    met = [outcome.row for outcome in outcomes if outcome.equal and outcome.row in excused]
    assert not met, f"{case['op']}: rows {met} are listed as different but are equal"


def _differs(case: Mapping[str, Any], folder: Path) -> bool:
    try:
        outcomes = harness.run(case, folder)
    except (ConfigError, ValueError):
        return not harness.fails(case)
    return harness.fails(case) or any(not outcome.equal for outcome in outcomes)


def _first(outcome: harness.Outcome) -> str:
    return f"  recorded {outcome.expected!r}\n  found    {outcome.found!r}"


def test_the_recorded_cases_are_here() -> None:
    """Without them the list of cases is empty, and no test would say so."""
    harness.need_recordings()
    others = set(harness.operators()) - set(KNOWN) - LEFT_OUT.keys()
    assert all(name.startswith(("audio_", "image_", "video_")) for name in others), others
    assert len(CASES) > len(KNOWN) > 50


def test_absent_recordings_fail_where_they_have_to_be_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="the recorded cases are not here"):
        need(tmp_path / "none", "the recorded cases")
    monkeypatch.setenv("CI", "")
    with pytest.raises(pytest.skip.Exception, match="the recorded cases are not here"):
        need(tmp_path / "none", "the recorded cases")


def test_every_listed_difference_names_a_case() -> None:
    harness.need_recordings()
    for item in DIFFERENCES:
        assert item.case < len(harness.cases_of(item.operator)), item


def test_counts_are_printed(
    record_property: pytest.RecordProperty, capsys: pytest.CaptureFixture[str]
) -> None:
    harness.need_recordings()
    listed = {(item.operator, item.case) for item in DIFFERENCES}
    with capsys.disabled():
        print(  # noqa: T201 - counts are what `make golden` is for
            f"\ngolden: {len(KNOWN)} operators, {len(CASES)} cases, {len(CASES) - len(listed)} to be equal,"
            f" {len(listed)} with listed differences"
        )

"""Names and recipes made to do harm, through the command line: one line, exit 2, nothing created."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from data_juicer.cli import jobs, process

IDS = [
    "..",
    "../x",
    "a/b",
    "/etc/x",
    "a\0b",
    "a\nb",
    "x" * 300,
    "job\u0430",  # a Cyrillic letter that looks like a
    ".hidden",
    "",
    "a b",
    "\u202ejob",
    "-rf",
]
OPERATORS = ["..", "../../etc/passwd", "x\0y", "clean_links_m\u0430pper", "x" * 300, "os.system", "a\nb", ""]


@pytest.fixture
def recipe(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "in.jsonl").write_text('{"text": "a row"}\n')
    return {
        "dataset_path": str(tmp_path / "in.jsonl"),
        "export_path": str(tmp_path / "new" / "out.jsonl"),
        "process": ["whitespace_normalization_mapper"],
        "executor_type": "inline",
    }


def run(tmp_path: Path, recipe: dict[str, Any], *flags: str) -> int:
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps(recipe))
    return process.main(["--config", str(path), *flags])


def assert_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    reported = capsys.readouterr().err
    assert reported.count("\n") == 1, reported
    assert len(reported) < 2000


@pytest.mark.parametrize("job_id", [name for name in IDS if name != "-rf"], ids=ascii)
def test_a_job_id_that_is_no_plain_name_is_refused(tmp_path, recipe, job_id, capsys) -> None:
    assert run(tmp_path, recipe | {"job_id": job_id or "\0"}) == 2
    assert_one_line(capsys)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", OPERATORS, ids=ascii)
def test_an_operator_name_that_is_none_is_refused(tmp_path, recipe, name, capsys) -> None:
    assert run(tmp_path, recipe | {"process": [name]}) == 2
    assert_one_line(capsys)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("path", ["a\0b", "in\n.jsonl", "x" * 300, "../" * 200 + "nowhere"], ids=ascii)
def test_an_input_path_that_leads_nowhere_is_refused(tmp_path, recipe, path, capsys) -> None:
    assert run(tmp_path, recipe | {"dataset_path": path}) in {1, 2}
    assert_one_line(capsys)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("key", ["export_path", "work_dir", "event_log_dir", "checkpoint_dir"])
@pytest.mark.parametrize("name", ["a\0b", "x" * 300], ids=ascii)
def test_a_path_that_cannot_be_created_is_reported_in_one_line(tmp_path, recipe, key, name, capsys) -> None:
    path = str(tmp_path / name) + (".jsonl" if key == "export_path" else "")
    assert run(tmp_path, recipe | {key: path}) in {1, 2}
    reported = capsys.readouterr().err
    assert "Traceback" not in reported


def test_a_recipe_of_a_thousand_operators_runs(tmp_path, recipe) -> None:
    many = recipe | {
        "process": ["whitespace_normalization_mapper"] * 1000,
        "checkpoint": {"strategy": "every_partition"},
    }
    assert run(tmp_path, many) == 0
    assert (tmp_path / "new" / "out.jsonl").read_text() == '{"text": "a row"}\n'


ROWS = {
    "nested 100,000 levels": '{"text": "x", "deep": ' + "[" * 100_000 + "]" * 100_000 + "}",
    "never closed": '{"text": "x", "deep": ' + "[" * 100_000,
    "no number": '{"text": "x", "n": 1e}',
    "a lone surrogate": '{"text": "\\ud800"}',
}
FINE = {
    "a huge number": '{"text": "x", "n": ' + "9" * 10_000 + "}",
    "a huge exponent": '{"text": "x", "n": 1e999999}',
    "a repeated key": '{"text": "x", "n": 1, "n": 2}',
    "an empty key": '{"text": "x", "": 1}',
}


def test_hostile_rows_are_dead_letters_and_odd_ones_come_out_as_they_went_in(tmp_path, recipe) -> None:
    (tmp_path / "in.jsonl").write_text("".join(f"{row}\n" for row in (*ROWS.values(), *FINE.values())))
    lenient = recipe | {"fault_tolerance": {"max_dead_letter_ratio": 1.0}, "work_dir": str(tmp_path / "w")}
    assert run(tmp_path, lenient, "--job_id", "j") == 0
    assert (tmp_path / "new" / "out.jsonl").read_text().splitlines() == list(FINE.values())
    dead = (tmp_path / "w" / "j" / "dead_letter" / "partition_000000.jsonl").read_text().splitlines()
    assert [json.loads(line)["line"] for line in dead] == [1, 2, 3, 4]


@pytest.mark.parametrize("job_id", IDS[:-1], ids=ascii)
@pytest.mark.parametrize("command", ["show", "explain", "dead-letters"])
def test_a_job_id_that_is_none_is_not_found(tmp_path, command, job_id, capsys) -> None:
    (tmp_path / "x").mkdir()
    assert jobs.main([command, job_id, "--work_dir", str(tmp_path)]) == 2
    assert_one_line(capsys)


HUGE = {
    "an integer of 5,000 digits": "9" * 5000,
    "an exponent": "1e999",
    "a negative exponent": "-1e999",
    "2^64": str(2**64),
    "not a number": ".nan",
    "infinity": ".inf",
    "digits of another script": "\u0661\u0662",
}


@pytest.mark.parametrize("key", ["np", "partition.size", "fault_tolerance.drain_s", "export_shard_size"])
@pytest.mark.parametrize("value", HUGE.values(), ids=HUGE)
def test_a_huge_number_in_a_recipe_is_taken_or_refused(tmp_path, recipe, key, value, capsys) -> None:
    path = tmp_path / "recipe.yaml"
    head, _, last = key.rpartition(".")
    setting = f"{head}: {{{last}: {value}}}" if head else f"{last}: {value}"
    lines = [f"{name}: {json.dumps(present)}" for name, present in recipe.items()]
    path.write_text("\n".join([*lines, setting]) + "\n")
    code = process.main(["--config", str(path), "--job_id", "j", "--work_dir", str(tmp_path / "w")])
    assert code in {0, 2}
    if code == 2:
        assert_one_line(capsys)
        assert not (tmp_path / "new").exists()
    else:
        assert (tmp_path / "new").exists()


@pytest.mark.parametrize("name", ["caf\u0301", "\u202eout", "a b", "-rf", "$(id)", "'\""], ids=ascii)
def test_odd_names_of_outputs_are_just_names(tmp_path, recipe, name, capsys) -> None:
    odd = recipe | {"export_path": str(tmp_path / name / f"{name}.jsonl"), "work_dir": str(tmp_path / "w")}
    assert run(tmp_path, odd, "--job_id", "j") == 0
    assert (tmp_path / name / f"{name}.jsonl").read_text() == '{"text": "a row"}\n'
    assert run(tmp_path, odd, "--job_id", "j") == 0
    assert "nothing was left to do" in capsys.readouterr().out


VALUES = ["9" * 400, "-1", '"\\u0000"', "[" * 400 + "]" * 400, "1e400", '{"a": 1, "a": 2}', "null"]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: value[:12])
def test_a_hostile_parameter_is_taken_or_refused_in_one_line(tmp_path, recipe, value, capsys) -> None:
    path = tmp_path / "recipe.yaml"
    lines = [f"{name}: {json.dumps(present)}" for name, present in recipe.items() if name != "process"]
    path.write_text("\n".join([*lines, f"process: [{{text_length_filter: {{max_len: {value}}}}}]"]) + "\n")
    code = process.main(["--config", str(path), "--job_id", "j", "--work_dir", str(tmp_path / "w")])
    assert code in {0, 2}
    if code == 2:
        assert_one_line(capsys)

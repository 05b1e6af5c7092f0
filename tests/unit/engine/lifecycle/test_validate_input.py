"""Validators of the input, with DataJuicer's names and answers."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_juicer.config.config import load_recipe
from data_juicer.errors import ConfigError, InputError
from tests.support.small_job import SmallJob

ROWS = [{"text": "a", "n": 1, "tags": ["x"], "meta": {"lang": "en"}}] * 3 + [{"text": "b", "n": None}]


def job_with(folder: Path, rows: list[dict[str, Any]] | None = None, **validator: Any) -> SmallJob:
    job = SmallJob(folder, [], {"validators": [{"type": "required_fields", **validator}]})
    job.write(ROWS if rows is None else rows)
    return job


@pytest.mark.parametrize(
    "validator",
    [
        {"required_fields": ["text"], "field_types": {"text": "str"}},
        {"required_fields": ["n"], "field_types": {"n": "Integer"}, "allow_missing": 0.25},
        {
            "required_fields": ["tags", "meta"],
            "field_types": {"tags": "list", "meta": "dict"},
            "sample_size": 3,
        },
        {"required_fields": ["meta.lang"], "sample_size": 2},
    ],
)
def test_rows_that_have_what_is_required_pass(validator: dict[str, Any], tmp_path: Path) -> None:
    assert job_with(tmp_path, **validator).run().summary.counts.rows_out == 4


@pytest.mark.parametrize(
    ("validator", "finding"),
    [
        (
            {"required_fields": ["title"]},
            r"4 of the first 4 rows lack the required field 'title' \(allow_mis",
        ),
        ({"required_fields": ["n"]}, "1 of the first 4 rows lack the required field 'n'"),
        ({"required_fields": ["n"], "allow_missing": 0.2}, "allow_missing is 0.2"),
        (
            {"required_fields": ["text"], "field_types": {"text": "int"}},
            "the field 'text' is to be int, 4 of 4 rows have str",
        ),
    ],
)
def test_others_are_refused_before_anything_is_created(
    validator: dict[str, Any], finding: str, tmp_path: Path
) -> None:
    job = job_with(tmp_path, **validator)
    with pytest.raises(InputError, match=finding) as caught:
        job.run()
    assert str(caught.value).startswith(str(tmp_path / "in.jsonl"))
    assert "Nothing was created" in str(caught.value)
    assert not (tmp_path / "job").exists()


def test_every_file_is_looked_at_whatever_its_format(tmp_path: Path) -> None:
    job = job_with(tmp_path, required_fields=["n"], sample_size=3)
    pq.write_table(pa.table({"text": ["a"], "m": [1]}), tmp_path / "other.parquet")
    with pytest.raises(InputError, match=r"other\.parquet: 1 of the first 1 rows lack"):
        job.run(dataset_path=[str(tmp_path / "in.jsonl"), str(tmp_path / "other.parquet")])


@pytest.mark.parametrize(
    ("validators", "answer"),
    [
        ([{"type": "swift_messages"}], r'validators\[0\].type: "swift_messages" is not available'),
        ([{"type": "required_fields"}], r"required_fields: null is not a list of field names"),
        (
            [{"type": "required_fields", "required_fields": ["a"], "feld_types": {}}],
            "did you mean field_types",
        ),
        (
            [{"type": "required_fields", "required_fields": ["a"], "field_types": {"a": "set"}}],
            'field_types.a: "set" is not one of str, string',
        ),
        (
            [{"type": "required_fields", "required_fields": ["a"], "field_types": {"b": "str"}}],
            "field_types.b: it is not among required_fields",
        ),
        ("required_fields", "is not a list of"),
    ],
)
def test_a_validator_that_means_nothing_is_refused(validators: Any, answer: str) -> None:
    with pytest.raises(ConfigError, match=answer):
        load_recipe({"dataset_path": "a.jsonl", "validators": validators}, {}, {})

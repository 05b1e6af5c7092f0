"""A secret of a recipe is in no file of the job, in no result, and in nothing that is printed."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.support.second_user import command

SECRETS = {
    "api_key": "sk-live-0123456789abcdef",
    "hf_token": "hf_ZYXWVUTSRQ",
    "password": 'pa"ss\\word-1234',
    "nested": "deep-secret-987654",
    "address": "cred-in-address-55",
}
OPERATOR = """
from data_juicer.ops.base_op import OPERATORS, Mapper

@OPERATORS.register_module("calling_mapper")
class CallingMapper(Mapper):
    def __init__(self, api_key="", hf_token="", password="", client=None, base_url="", fail_on="", *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.secrets = [api_key, hf_token, password, str(client), base_url]
        assert api_key == "sk-live-0123456789abcdef", "another key"
        self.fail_on = fail_on

    def process_single(self, sample):
        if self.fail_on and self.fail_on in sample["text"]:
            raise ValueError("refused: " + " ".join(self.secrets))
        sample["text"] = sample["text"].upper()
        return sample
"""
PARAMS = {
    "api_key": SECRETS["api_key"],
    "hf_token": SECRETS["hf_token"],
    "password": SECRETS["password"],
    "client": {"retry": 2, "auth": {"secret": SECRETS["nested"]}},
    "base_url": f"https://me:{SECRETS['address']}@models.example/v1",
    "fail_on": "row 3",
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path / "out")
    (tmp_path / "in.jsonl").write_text(
        "".join(json.dumps({"text": f"row {number}"}) + "\n" for number in range(8))
    )
    (tmp_path / "op.py").write_text(OPERATOR)
    return tmp_path


def recipe(home: Path, params: Mapping[str, object]) -> Path:
    """In a folder of its own, which is not searched for secrets."""
    path = home / "recipe" / "r.json"
    path.parent.mkdir(exist_ok=True)
    settings = {
        "dataset_path": str(home / "in.jsonl"),
        "export_path": str(home / "out" / "r.jsonl"),
        "custom_operator_paths": [str(home / "op.py")],
        "process": ["whitespace_normalization_mapper", {"calling_mapper": dict(params)}],
        "np": 1,
        "partition": {"size": 4},
        "fault_tolerance": {"max_dead_letter_ratio": 1.0},
        "open_tracer": True,
    }
    path.write_text(json.dumps(settings))
    return path


def run(words: Sequence[str], code: int = 0, variables: Mapping[str, str] | None = None) -> str:
    """What the command printed; no secret is in it."""
    done = subprocess.run(words, capture_output=True, text=True, env={**os.environ, **(variables or {})})
    printed = done.stdout + done.stderr
    assert done.returncode == code, printed
    assert_clean(printed.encode(), shlex.join(words))
    return printed


def assert_clean(data: bytes, where: str) -> None:
    for name, secret in SECRETS.items():
        for form in (secret, json.dumps(secret)[1:-1]):
            assert form.encode() not in data, f"{name} in {where}"


def assert_no_secret_below(folder: Path) -> None:
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) >= 8
    for path in files:
        assert_clean(path.read_bytes(), str(path))


JOBS = ("show", "explain", "dead-letters", "events", "partitions", "timeline")


@pytest.mark.parametrize("executor", ["inline", "local"])
def test_a_secret_of_a_recipe_is_nowhere_but_in_the_recipe(home: Path, executor: str) -> None:
    path = recipe(home, PARAMS)
    words = [command("dj-process"), "--config", str(path), "--job_id", "j", "--executor_type", executor]
    run(words)
    assert_no_secret_below(home / "out")
    for name in JOBS:
        for form in ("text", "json"):
            run([command("dj-jobs"), name, "j", "--work_dir", str(home / "out"), "--output", form])
    run([command("dj-jobs"), "retry-dead-letters", "j", "--work_dir", str(home / "out")])
    assert_no_secret_below(home / "out")


def test_a_job_that_fails_says_nothing_of_its_secrets(home: Path) -> None:
    path = recipe(home, PARAMS)
    words = [
        command("dj-process"),
        "--config",
        str(path),
        "--job_id",
        "j",
        "--fault_tolerance.on_bad_row",
        "fail",
    ]
    reported = run(words, code=1)
    assert "refused: " in reported
    assert_no_secret_below(home / "out")


def test_the_printed_command_reads_a_secret_from_a_variable_and_goes_on_with_the_same_keys(
    home: Path,
) -> None:
    path = recipe(home, {name: value for name, value in PARAMS.items() if name != "api_key"})
    words = [command("dj-process"), "--config", str(path), "--job_id", "j"]
    reported = run([*words, "--calling_mapper.api_key", SECRETS["api_key"]])
    resume = (
        next(line for line in reported.splitlines() if line.startswith("resume"))
        .partition("resume")[2]
        .strip()
    )
    variable = "DJ_SECRET_CALLING_MAPPER_API_KEY"
    assert f"${{{variable}}}" in resume
    again = [command("dj-process"), *shlex.split(resume)[1:]]
    assert f"the variable {variable} is not set" in run(again, code=2)
    assert "nothing was left to do" in run(again, variables={variable: SECRETS["api_key"]})


def test_a_recipe_may_read_its_secrets_from_variables(home: Path) -> None:
    path = recipe(home, {**PARAMS, "api_key": "${MY_KEY}"})
    words = [command("dj-process"), "--config", str(path), "--job_id", "j"]
    assert "calling_mapper.api_key: the variable MY_KEY is not set" in run(words, code=2)
    run(words, variables={"MY_KEY": SECRETS["api_key"]})
    assert "${MY_KEY}" in (home / "out" / "j" / "job_summary.json").read_text()
    assert_no_secret_below(home / "out")


def test_a_job_of_a_program_keeps_no_secret_and_is_resumed_by_variables(home: Path) -> None:
    settings = json.loads(recipe(home, PARAMS).read_text())
    program = f"import data_juicer, json; data_juicer.run(json.load(open({str(home / 'recipe' / 'r.json')!r})), job_id='j')"
    assert settings
    run([command("python"), "-c", program])
    assert_no_secret_below(home / "out")
    resume = json.loads((home / "out" / "j" / "job_summary.json").read_text())["resume_command"]
    names = {
        "API_KEY": "api_key",
        "HF_TOKEN": "hf_token",
        "PASSWORD": "password",
        "CLIENT_AUTH_SECRET": "nested",
    }
    variables = {f"DJ_SECRET_CALLING_MAPPER_{name}": SECRETS[secret] for name, secret in names.items()}
    variables["DJ_SECRET_CALLING_MAPPER_BASE_URL"] = PARAMS["base_url"]
    reported = run([command("dj-process"), *shlex.split(resume)[1:]], variables=variables)
    assert "nothing was left to do" in reported
    assert_no_secret_below(home / "out")


def test_an_error_of_the_recipe_does_not_show_a_secret(home: Path) -> None:
    run(
        [command("dj-process"), "--config", str(recipe(home, {**PARAMS, "api_key": SECRETS["nested"]}))],
        code=2,
    )
    for secret in ("https://me:cred-in-address-55@host/data.jsonl",):
        run([command("dj-process"), "--dataset_path", secret, "--export_path", str(home / "x.jsonl")], code=2)

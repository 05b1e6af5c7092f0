"""The terminal decides nothing about a job: commands as processes whose standard streams are gone, full, closed or poor."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

DJ_PROCESS = "from data_juicer.cli.process import main"
DJ_JOBS = "from data_juicer.cli.jobs import main"
ROWS = 30
OPERATOR = """\
from data_juicer.ops.base_op import OPERATORS, Mapper


@OPERATORS.register_module("printing_test_mapper")
class PrintingTestMapper(Mapper):
    def process_single(self, sample):
        print("row", sample["text"], flush=True)
        sample["text"] = sample["text"].upper()
        return sample
"""
RECIPE = """\
dataset_path: rows.jsonl
export_path: out/résumé-€.jsonl
work_dir: out
custom_operator_paths: printing.py
np: 1
process: [printing_test_mapper, text_length_filter: {min_len: 1}]
"""
STREAMS = ("nobody reads", "full disk", "closed", "latin-1")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return written(tmp_path)


@pytest.fixture(scope="module")
def folder_of_a_job(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a completed job, for commands that change nothing."""
    path = written(tmp_path_factory.mktemp("job"))
    run(path, DJ_PROCESS, ["--config", "recipe.yaml", "--job_id", "j", "--executor_type", "inline"])
    return path


def written(tmp_path: Path) -> Path:
    lines = [json.dumps({"text": f"row {number} \x1b[31m"}) for number in range(ROWS)]
    (tmp_path / "rows.jsonl").write_text("\n".join(lines) + "\n")
    (tmp_path / "printing.py").write_text(OPERATOR)
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    return tmp_path


@contextlib.contextmanager
def broken(kind: str) -> Iterator[int | None]:
    """A descriptor that refuses what is written to it; None for one that is fine or closed in the child."""
    if kind == "nobody reads":
        reader, writer = os.pipe()
        os.close(reader)
    elif kind == "full disk":
        writer = os.open("/dev/full", os.O_WRONLY)
    else:
        writer = os.open(os.devnull, os.O_WRONLY)
    try:
        yield writer
    finally:
        os.close(writer)


def run(folder: Path, program: str, words: list[str], **streams: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error, as far as the streams of these names are not broken."""
    closed = [number for number, name in ((1, "stdout"), (2, "stderr")) if streams.get(name) == "closed"]
    latin = {"PYTHONIOENCODING": "latin-1:strict"} if "latin-1" in streams.values() else {}
    script = f"import sys; {program}; sys.exit(main(sys.argv[1:]))"
    redirections = " ".join(f"{number}>&-" for number in closed)
    command = ["sh", "-c", f'exec "$@" {redirections}', "sh", sys.executable, "-c", script, *words]
    with contextlib.ExitStack() as stack:
        given = {
            name: stack.enter_context(broken(streams[name]))
            if streams.get(name, "latin-1") != "latin-1"
            else subprocess.PIPE
            for name in ("stdout", "stderr")
        }
        done = subprocess.run(command, cwd=folder, env={**os.environ, **latin}, **given)
    return done.returncode, (done.stdout or b"").decode("latin-1"), (done.stderr or b"").decode("latin-1")


BROKEN = [("stdout",), ("stderr",), ("stdout", "stderr")]


@pytest.mark.parametrize(
    ("executor", "names"),
    [
        *(("inline", names) for names in BROKEN),
        *(pytest.param("local", names, marks=pytest.mark.slow) for names in BROKEN[:2]),
        ("local", BROKEN[2]),
    ],
)
@pytest.mark.parametrize("kind", STREAMS)
def test_a_job_ends_as_it_would_whatever_became_of_its_streams(
    folder: Path, kind: str, names: tuple[str, ...], executor: str
) -> None:
    words = ["--config", "recipe.yaml", "--job_id", "j", "--executor_type", executor]
    code, out, err = run(folder, DJ_PROCESS, words, **dict.fromkeys(names, kind))
    assert code == 0, err
    assert "Traceback" not in out + err
    assert "Exception ignored" not in out + err
    rows = (folder / "out" / "résumé-€.jsonl").read_text().splitlines()
    assert len(rows) == ROWS
    assert json.loads((folder / "out" / "j" / "job_summary.json").read_text())["status"] == "completed"


@pytest.mark.parametrize("kind", STREAMS)
def test_a_job_that_fails_says_so_by_its_exit_code_alone_where_it_can_say_nothing(
    folder: Path, kind: str
) -> None:
    (folder / "rows.jsonl").write_text('{"text": "a"}\n' + "no json\n" * 200)
    words = ["--config", "recipe.yaml", "--executor_type", "inline"]
    code, _, err = run(folder, DJ_PROCESS, words, stdout=kind, stderr=kind)
    assert code == 1
    assert "Traceback" not in err
    assert run(folder, DJ_PROCESS, ["--config", "missing.yaml"], stdout=kind, stderr=kind)[0] == 2


def test_what_latin_1_does_not_have_is_reported_in_ascii(folder: Path) -> None:
    words = ["--config", "recipe.yaml", "--job_id", "j", "--executor_type", "inline"]
    _, out, _ = run(folder, DJ_PROCESS, words, stdout="latin-1")
    assert "résumé-\\u20ac.jsonl" in out
    assert "-----" in out


@pytest.mark.parametrize(
    ("kind", "code"), [("nobody reads", 0), ("full disk", 1), ("closed", 1), ("latin-1", 0)]
)
@pytest.mark.parametrize("command", ["list", "show", "explain", "dead-letters", "list json"])
def test_a_command_that_only_tells_fails_where_it_cannot_tell(
    folder_of_a_job: Path, command: str, kind: str, code: int
) -> None:
    folder = folder_of_a_job
    name, _, form = command.partition(" ")
    words = [name, *([] if name == "list" else ["j"]), "--work_dir", "out", "--output", form or "text"]
    ended, out, err = run(folder, DJ_JOBS, words, stdout=kind)
    assert ended == code
    assert err.count("\n") == code, "one line if it failed"
    assert "Traceback" not in out + err
    assert run(folder, DJ_JOBS, words, stderr=kind)[0] == 0
    assert run(folder, DJ_JOBS, words, stdout=kind, stderr=kind)[0] == code


@pytest.mark.parametrize("kind", STREAMS)
def test_dead_letters_are_run_again_whatever_became_of_the_streams(folder: Path, kind: str) -> None:
    (folder / "rows.jsonl").write_text('{"text": "a"}\n' * 200 + '{"text": 1}\n')
    run(folder, DJ_PROCESS, ["--config", "recipe.yaml", "--job_id", "j", "--executor_type", "inline"])
    words = ["retry-dead-letters", "j", "--work_dir", "out"]
    code, out, err = run(folder, DJ_JOBS, words, stdout=kind, stderr=kind)
    assert (code, "Traceback" in out + err) == (0, False)
    assert (folder / "out" / "j.retry1" / "job_summary.json").exists()


def test_an_event_log_never_becomes_standard_error(folder: Path) -> None:
    """A closed descriptor is the next that is given to a file."""
    words = ["--config", "recipe.yaml", "--job_id", "j", "--executor_type", "inline"]
    assert run(folder, DJ_PROCESS, words, stdout="closed", stderr="closed")[0] == 0
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix in {".jsonl", ".json"}:
            assert b"job j\n" not in path.read_bytes()
            [json.loads(line) for line in path.read_text().splitlines() if path.suffix == ".jsonl"]

"""Runs a recipe, kills a second run of it in its middle, resumes that, and compares the bytes.

    python demos/partition_and_checkpoint/run_comprehensive_demo.py

Everything it writes is in demo-outputs/. Exit code 0 only if the resumed output is the undisturbed one.
"""

from __future__ import annotations

import argparse
import glob
import hashlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time

import make_data

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
WORK_DIR = "demo-outputs/jobs"
POLL_S = 0.01


class DemoError(Exception):
    """A step did not come out as it must."""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--dir", default=ROOT, help="where demo-outputs/ is made (default: the project's root)"
    )
    parser.add_argument("--documents", type=int, default=make_data.DOCUMENTS_MAX, help="rows of the input")
    arguments = parser.parse_args()
    os.chdir(arguments.dir)
    try:
        demonstrate(arguments.documents)
    except DemoError as error:
        print(f"\nThe demo failed: {error}", file=sys.stderr)
        return 1
    return 0


def demonstrate(documents: int) -> None:
    recipe = os.path.relpath(os.path.join(HERE, "demo.yaml"))
    whole = ["dj-process", "--config", recipe, "--job_id", "undisturbed"]
    killed = [*whole[:-1], "killed", "--export_path", "demo-outputs/killed.jsonl"]

    title("1. Input: what Python's standard library says about itself")
    make_input(documents)
    forget_last_demo()

    title("2. Twelve operators, each followed by a checkpoint")
    run(whole)

    title("3. The same again, killed with SIGKILL in its middle")
    kill_in_its_middle(killed)
    run(["dj-jobs", "show", "killed", "--work_dir", WORK_DIR])

    title("4. Resumed: the same command")
    run(killed)

    title("5. Both outputs, byte by byte")
    compare("demo-outputs/undisturbed.jsonl", "demo-outputs/killed.jsonl")
    run(["dj-jobs", "list", "--work_dir", WORK_DIR])

    title("What you can do next")
    print(
        f"""\
How a job went, operator by operator:
  dj-jobs show killed --work_dir {WORK_DIR}
Everything that happened:
  cat {WORK_DIR}/killed/event_logs/events.log
Change a parameter of the last operator in
{recipe} and type the command
of step 4 again: what comes before that operator is not done twice.
The recipe of the documentation, to be stopped with Ctrl-C and resumed:
  dj-process --config configs/demo/checkpoint_config_example.yaml --job_id mine
To type these commands as they stand here:
  source {os.path.relpath(os.path.dirname(sys.executable))}/activate"""
    )


def title(text: str) -> None:
    print(f"\n\x1b[1m{text}\x1b[0m" if sys.stdout.isatty() else f"\n{text}", flush=True)


def make_input(documents: int) -> None:
    path = make_data.DEFAULT_PATH
    if not os.path.exists(path):
        make_data.make_data(path, documents)
    print(f"{path}, {os.path.getsize(path) / 1e6:.1f} MB")


def forget_last_demo() -> None:
    """The jobs of this demo are to begin, not to resume."""
    for job_id in ("undisturbed", "killed"):
        shutil.rmtree(os.path.join(WORK_DIR, job_id), ignore_errors=True)


def start(command: list[str]) -> subprocess.Popen[bytes]:
    print(f"$ {shlex.join(command)}", flush=True)
    program = os.path.join(os.path.dirname(sys.executable), command[0])
    return subprocess.Popen([program, *command[1:]])


def run(command: list[str]) -> None:
    code = start(command).wait()
    if code:
        raise DemoError(f"{command[0]} ended with exit code {code}")


def kill_in_its_middle(command: list[str]) -> None:
    """Kill the driver, without a warning, when a good third of the partitions is committed."""
    partitions = count_committed("undisturbed")
    process = start(command)
    while process.poll() is None and count_committed("killed") < max(1, partitions * 2 // 5):
        time.sleep(POLL_S)
    process.kill()
    if process.wait() != -signal.SIGKILL:
        raise DemoError(f"the run ended with exit code {process.returncode} before it could be killed")
    print(f"\nkill -KILL {process.pid}\n", flush=True)


def count_committed(job_id: str) -> int:
    return len(glob.glob(os.path.join(WORK_DIR, job_id, "results", "partition_*.json")))


def compare(*paths: str) -> None:
    digests = {path: digest(path) for path in paths}
    for path, value in digests.items():
        print(f"{path}\n  {os.path.getsize(path):,} bytes, sha256 {value[:32]}")
    if len(set(digests.values())) != 1:
        raise DemoError("the outputs differ")
    print("byte-identical\n", flush=True)


def digest(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    sys.exit(main())

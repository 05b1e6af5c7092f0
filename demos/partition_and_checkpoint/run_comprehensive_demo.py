"""Shows every feature of fault-tolerant processing on real data, and checks each claim that it makes.

    python demos/partition_and_checkpoint/run_comprehensive_demo.py

Everything it writes is in demo-outputs/. It ends with a table of its sections; exit code 0 only if every claim is true.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import sys

import demo_steps as steps
import make_data
from demo_steps import WORK_DIR, Demo, job, run

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
STRATEGIES = {
    "every_op": ["--checkpoint.strategy", "every_op"],
    "every_partition": ["--checkpoint.strategy", "every_partition"],
    "every_n_ops": ["--checkpoint.strategy", "every_n_ops", "--checkpoint.n_ops", "5"],
    "manual": ["--checkpoint.strategy", "manual", "--checkpoint.op_names", "clean_links_mapper"],
    "disabled": ["--checkpoint.strategy", "disabled"],
}
OPERATORS = 12
JOBS = (
    "undisturbed",
    "killed",
    *STRATEGIES,
    "parameter",
    "letters",
    "dedup",
    "elsewhere",
    "sized",
    "kept",
    "on_ray",
)
BROKEN_LINES = 3
FEW = "demo-outputs/data/few.jsonl"
FEW_DOCUMENTS = 800
"""Enough for what does not show more with more rows."""
FEW_PARTITIONS = 4


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--dir", default=ROOT, help="where demo-outputs/ is made (default: the project's root)"
    )
    parser.add_argument("--documents", type=int, default=make_data.DOCUMENTS_MAX, help="rows of the input")
    arguments = parser.parse_args()
    os.chdir(arguments.dir)
    steps.forget(*JOBS)
    recipe = os.path.relpath(os.path.join(HERE, "demo.yaml"))
    demo = Demo()
    make_input(arguments.documents)
    partitions = show_whole_job(demo, recipe)
    show_kill_and_resume(demo, recipe, partitions)
    show_strategies(demo, recipe)
    show_changed_parameter(demo, recipe)
    show_dead_letters(demo, recipe)
    show_dedup(demo, recipe)
    show_storage_paths(demo, recipe)
    show_auto_configuration(demo, recipe)
    show_retention(demo, recipe)
    show_explain_and_verify(demo)
    show_ray(demo, recipe)
    code = demo.table()
    tell_next(recipe)
    return code


def make_input(documents: int) -> None:
    path = make_data.DEFAULT_PATH
    if not os.path.exists(path):
        make_data.make_data(path, documents)
    print(
        f"Input: what Python's standard library says about itself, "
        f"{os.path.getsize(path) / 1e6:.1f} MB\n  {path}"
    )
    write_lines(FEW, first_lines(FEW_DOCUMENTS))


def first_lines(count: int) -> list[str]:
    with open(make_data.DEFAULT_PATH, encoding="utf-8") as file:
        return [line for _, line in zip(range(count), file, strict=False)]


def show_whole_job(demo: Demo, recipe: str) -> int:
    """Returns: the partitions of the input."""
    text = (
        "Twelve operators over partitions of 200 rows, a checkpoint after each. The job has a directory of "
        "its own with a summary, mappings, results and an event log."
    )
    with demo.in_section("A job that nothing disturbs", text):
        run(job(recipe, "undisturbed"))
        found = steps.summary("undisturbed")
        counts = found["counts"]
        inside = os.listdir(os.path.join(WORK_DIR, "undisturbed"))
        demo.check("the summary says completed", found["status"] == "completed")
        demo.check(
            "every row is accounted for: rows in the input are rows done",
            counts["rows"] == counts["rows_done"],
        )
        demo.check(
            "metadata/, results/, event_logs/ and checkpoints/ are there",
            {"metadata", "results", "event_logs", "checkpoints"} <= set(inside),
        )
        return int(counts["partitions"])
    return 1


def show_kill_and_resume(demo: Demo, recipe: str, partitions: int) -> None:
    text = (
        "The same job again. Its driver is killed with SIGKILL in its middle; the same command then goes on "
        "from what was committed."
    )
    with demo.in_section("Killed, resumed, the same bytes", text):
        steps.kill_in_its_middle(job(recipe, "killed"), "killed", partitions)
        run(["dj-jobs", "show", "killed", "--work_dir", WORK_DIR])
        committed = steps.count_committed("killed")
        out = run(job(recipe, "killed"))
        demo.check(
            f"the second run reuses the {committed} committed partitions",
            f"{committed} of {partitions} partitions" in out,
        )
        same = steps.digest("killed") == steps.digest("undisturbed")
        demo.check("both exports are byte-identical", same)
        demo.check("the summary knows both runs", len(steps.summary("killed")["runs"]) == 2)


def show_strategies(demo: Demo, recipe: str) -> None:
    text = (
        "every_op saves after each of the twelve operators, every_partition once, every_n_ops after every "
        "fifth and the last, manual after the one that is named, disabled never: then results alone are committed."
    )
    expected = {"every_op": OPERATORS, "every_partition": 1, "every_n_ops": 2, "manual": 1, "disabled": 0}
    with demo.in_section("Five strategies of checkpoints", text):
        for name, words in STRATEGIES.items():
            run(job(recipe, name, "--dataset_path", FEW, *words), shown=0)
            count = steps.count_checkpoints(name)
            demo.check(
                f"{name}: {count} checkpoints of {FEW_PARTITIONS} partitions",
                count == expected[name] * FEW_PARTITIONS,
            )
        digests = {steps.digest(name) for name in STRATEGIES}
        demo.check("the strategy decides nothing about the result", len(digests) == 1)


def show_changed_parameter(demo: Demo, recipe: str) -> None:
    text = (
        "A parameter of the last operator changes. What comes before it is found by what it was computed "
        "from, and is not computed again."
    )
    changed = os.path.join("demo-outputs", "changed.yaml")
    with open(recipe, encoding="utf-8") as file:
        before = file.read()
    with demo.in_section("A changed parameter", text):
        run(job(recipe, "parameter", "--dataset_path", FEW), shown=0)
        with open(changed, "w", encoding="utf-8") as file:
            file.write(before.replace("max_ratio: 0.6", "max_ratio: 0.2"))
        run(job(changed, "parameter", "--dataset_path", FEW))
        started = steps.events("parameter", "OP_START", run=2)
        again = {event["operation_name"] for event in started}
        demo.check(
            "only the changed operator runs again",
            again == {"character_repetition_filter"},
        )
        demo.check("on every partition", len(started) == FEW_PARTITIONS)


def show_dead_letters(demo: Demo, recipe: str) -> None:
    text = (
        f"{BROKEN_LINES} lines of the input are no JSON. They become dead letters with file, line and byte; every "
        "other row goes through. Then the lines are mended and run again."
    )
    path = "demo-outputs/data/broken.jsonl"
    with demo.in_section("Dead letters, and their retry", text):
        lines = first_lines(400)
        broken = [line[:-2] + "\n" if number < BROKEN_LINES else line for number, line in enumerate(lines)]
        write_lines(path, broken)
        words = ["--dataset_path", path]
        run(job(recipe, "letters", *words), shown=4)
        counts = steps.summary("letters")["counts"]
        demo.check(f"{BROKEN_LINES} rows are dead letters", counts["rows_dead_letter"] == BROKEN_LINES)
        run(["dj-jobs", "dead-letters", "letters", "--work_dir", WORK_DIR])
        write_lines(path, lines)
        run(job(recipe, "letters", *words), shown=4)
        counts = steps.summary("letters")["counts"]
        demo.check("mended and resumed, there is none left", counts["rows_dead_letter"] == 0)
        demo.check("only the partition of these lines was done again", partitions_of_run("letters", 2) == {0})


def partitions_of_run(job_id: str, number: int) -> set[int]:
    return {event["partition_id"] for event in steps.events(job_id, "PARTITION_COMPLETE", run=number)}


def write_lines(path: str, lines: list[str]) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(lines)


def show_dedup(demo: Demo, recipe: str) -> None:
    text = (
        "Every fortieth document is in the input twice. A deduplicator needs all rows: it summarises partitions, "
        "decides about all of them, and applies that, each step committed."
    )
    process = "[document_deduplicator, text_length_filter: {min_len: 10}]"
    with demo.in_section("Duplicates across partitions", text):
        run(job(recipe, "dedup", "--process", process))
        with open("demo-outputs/dedup.jsonl", encoding="utf-8") as file:
            texts = [json.loads(line)["text"] for line in file]
        with open(make_data.DEFAULT_PATH, encoding="utf-8") as file:
            all_texts = [json.loads(line)["text"] for line in file]
        kinds = {text.strip() for text in all_texts}  # white space around a text does not count
        demo.check("the input holds duplicates", len(kinds) < len(all_texts))
        demo.check("each text is in the result, and once", sorted(kinds) == sorted(map(str.strip, texts)))


def show_storage_paths(demo: Demo, recipe: str) -> None:
    text = "Event logs on fast storage, checkpoints on large storage: each job has its own folder in both."
    with demo.in_section("Separate storage paths", text):
        fast, large = "demo-outputs/fast_event_logs", "demo-outputs/large_checkpoints"
        words = ["--dataset_path", FEW, "--event_log_dir", fast, "--checkpoint_dir", large]
        run(job(recipe, "elsewhere", *words), shown=4)
        logs = os.listdir(os.path.join(fast, "elsewhere", "event_logs"))
        demo.check(
            "events.jsonl and events.log are on the fast one", {"events.jsonl", "events.log"} <= set(logs)
        )
        demo.check("checkpoints are on the large one", steps.count_checkpoints("elsewhere", large) > 0)
        demo.check("none of them is in the job's directory", steps.count_checkpoints("elsewhere") == 0)


def show_auto_configuration(demo: Demo, recipe: str) -> None:
    text = (
        "partition.auto_configure looks at a sample of the rows, measures the operators on it and looks at the free "
        "memory; it says what it chose, and a resume keeps that."
    )
    with demo.in_section("Sizes of partitions from the data", text):
        words = ["--partition.auto_configure", "true"]
        out = run(job(recipe, "sized", *words), shown=20)
        chosen = steps.summary("sized")["auto_configuration"]
        told = [line for line in out.splitlines() if line.startswith("note: auto_configure")]
        demo.check("the modality is text", chosen["modality"] == "text")
        demo.check("the choice is told in five lines", len(told) == 5)
        demo.check("it lies within the bounds of text, 200 to 1,000", 200 <= chosen["size"] <= 1000)
        demo.check(
            "sizes decide nothing: the same bytes", steps.digest("sized") == steps.digest("undisturbed")
        )


def show_retention(demo: Demo, recipe: str) -> None:
    text = (
        "intermediate_storage decides what stays: here the rows after each operator are kept to be looked at, and "
        "checkpoints go once the job has succeeded."
    )
    with demo.in_section("Retention and intermediate data", text):
        kept = ["--dataset_path", FEW, "--intermediate_storage.preserve_intermediate_data", "true"]
        run(job(recipe, "kept", *kept), shown=0)
        folder = os.path.join(WORK_DIR, "kept", "intermediate", "partition_000000")
        files = sorted(os.listdir(folder))
        print(f"  {folder}/\n    {files[0]}\n    ... {len(files)} files")
        demo.check("there is a file of rows after each operator", len(files) == OPERATORS)
        demo.check("and a checkpoint of each", steps.count_checkpoints("kept") > 0)
        run(
            job(recipe, "kept", *kept, "--intermediate_storage.cleanup_on_success", "true", "--verify_input"),
            shown=0,
        )
        demo.check("with cleanup_on_success they are gone", steps.count_checkpoints("kept") == 0)


def show_explain_and_verify(demo: Demo) -> None:
    text = "What was reused and why the rest was not; and whether everything on disk is what was committed."
    with demo.in_section("Explain and verify", text):
        out = run(["dj-jobs", "explain", "parameter", "--work_dir", WORK_DIR])
        demo.check("explain names the operator that changed", "character_repetition_filter" in out)
        run(["dj-jobs", "verify", "killed", "--work_dir", WORK_DIR])
        demo.check("verify finds nothing wrong with the killed job", True)
        run(["dj-jobs", "list", "--work_dir", WORK_DIR], shown=20)


def show_ray(demo: Demo, recipe: str) -> None:
    text = "executor_type: ray_partitioned makes the same bytes on a Ray cluster, here one that is started for it."
    if importlib.util.find_spec("ray") is None:
        print("\nRay is not installed, and its section is left out: pip install 'data-juicer[ray]'")
        return
    with demo.in_section("The same job on Ray", text):
        words = ["--executor_type", "ray_partitioned", "--ray_address", "local", "--np", "1"]
        run(job(recipe, "on_ray", "--dataset_path", FEW, *words))
        demo.check("the same bytes", steps.digest("on_ray") == steps.digest("every_op"))


def tell_next(recipe: str) -> None:
    print(
        f"""
What you can do next
  how a job went, operator by operator:
    dj-jobs show killed --work_dir {WORK_DIR}
  everything that happened:
    cat {WORK_DIR}/killed/event_logs/events.log
  the recipe of the documentation, to be stopped with Ctrl-C and resumed:
    dj-process --config configs/demo/checkpoint_config_example.yaml --job_id mine
  this demo's recipe: {recipe}
  to type these commands as they stand here:
    source {os.path.relpath(os.path.dirname(sys.executable))}/activate"""
    )


if __name__ == "__main__":
    sys.exit(main())

"""Keys, policies, where a partition continues, and what may go."""

from __future__ import annotations

import msgspec
import pytest

from data_juicer.plan.keys import KeyMaker, canonical, digest
from data_juicer.plan.policy import checkpoint_indices
from data_juicer.plan.resume.points import Wanted, find_resume_point
from data_juicer.plan.retention import drops_checkpoints_of_done, superseded, unnamed_files
from data_juicer.store.manifest import DataFile, Manifest, OperatorIdentity

NAMES = ("one", "two", "three")
OPERATORS = tuple(OperatorIdentity(name=name, version="1", parameters={"p": 1}) for name in NAMES)


def maker(
    operators: tuple[OperatorIdentity, ...] = OPERATORS, reader: str = "r", export: str = "e"
) -> KeyMaker:
    return KeyMaker(reader, operators, export)


def changed(index: int, **fields: object) -> tuple[OperatorIdentity, ...]:
    present = list(OPERATORS)
    present[index] = msgspec.structs.replace(present[index], **fields)
    return tuple(present)


# ---- keys


@pytest.mark.parametrize(
    "fields",
    [{"name": "x"}, {"version": "2"}, {"parameters": {"p": 2}}, {"assets": {"file": "digest"}}],
    ids=str,
)
@pytest.mark.parametrize("index", [0, 1, 2])
def test_a_changed_operator_changes_its_key_and_all_behind(index: int, fields: dict[str, object]) -> None:
    before, after = maker().keys("f", 0), maker(changed(index, **fields)).keys("f", 0)
    assert before[: index + 1] == after[: index + 1]
    assert all(one != other for one, other in zip(before[index + 1 :], after[index + 1 :], strict=True))


def test_fragment_and_reader_change_every_key_and_the_export_only_that_of_the_result() -> None:
    keys = maker().keys("f", 0)
    assert set(keys).isdisjoint(maker().keys("g", 0))
    assert set(keys).isdisjoint(maker(reader="s").keys("f", 0))
    assert maker(export="other").keys("f", 0) == keys
    assert maker(export="other").result_key(keys[-1]) != maker().result_key(keys[-1])
    assert maker().result_key(keys[-1]) not in keys


def test_the_place_of_a_partition_is_in_no_key_of_local_operators() -> None:
    assert maker().keys("f", 0) == maker().keys("f", 9)


def test_parts_do_not_run_together_and_the_order_of_parameters_does_not_count() -> None:
    assert digest("ab", "c") != digest("a", "bc")
    assert canonical({"a": 1, "b": [2]}) == canonical({"b": [2], "a": 1})


# ---- policy


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("every_op", {0, 1, 2, 3, 4}),
        ("every_partition", {4}),
        ("every_n_ops", {1, 3}),
        ("manual", {1, 4}),
        ("disabled", set()),
    ],
)
def test_strategies_say_where_a_stage_ends(strategy: str, expected: set[int]) -> None:
    names = ["a", "b", "c", "d", "b"]
    assert checkpoint_indices(names, strategy, n_ops=2, op_names=["b"]) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "strategy", ["every_op", "every_partition", "every_n_ops", "manual", "auto", "disabled"]
)
def test_without_operators_there_is_no_checkpoint(strategy: str) -> None:
    assert checkpoint_indices([], strategy) == frozenset()  # type: ignore[arg-type]


# ---- resume


def manifest(index: int, kind: str = "checkpoint", **fields: object) -> Manifest:
    keys = maker().keys("f", 0)
    key = maker().result_key(keys[-1]) if kind == "result" else keys[index + 1]
    present = Manifest(
        kind=kind,  # type: ignore[arg-type]
        job="j",
        partition=4,
        operator_index=index,
        operator_name=NAMES[index],
        key=key,
        fragment="f",
        reader="r",
        operators=OPERATORS[: index + 1],
        files=tuple(
            DataFile(name=f"delta{each}", size_bytes=1, digest="d", rows=1) for each in range(index + 1)
        ),
        rows=1,
        ledgers=(),
        attempt="r1a1",
        run=1,
        created="",
    )
    return msgspec.structs.replace(present, **fields)


def wanted(made: KeyMaker | None = None, fragment: str = "f") -> Wanted:
    made = made or maker()
    keys = made.keys(fragment, 0)
    return Wanted(
        job="j",
        partition_id=4,
        fragment=fragment,
        reader=made.reader,
        keys=keys,
        result_key=made.result_key(keys[-1]),
        operators=made.operators,
    )


def test_a_result_with_the_wanted_key_is_done_whatever_checkpoints_there_are() -> None:
    point = find_resume_point(wanted(), [manifest(2, "result")], [manifest(1), manifest(0)])
    assert point.done is not None
    assert [base.operator_index for base in point.bases] == [0, 1]
    assert point.refused == ()


def test_checkpoints_of_the_unchanged_operators_are_taken_the_newest_last() -> None:
    point = find_resume_point(
        wanted(maker(changed(1, version="2"))), [], [manifest(2), manifest(0), manifest(1)]
    )
    assert [base.operator_index for base in point.bases] == [0]
    assert [refusal.manifest.operator_index for refusal in point.refused] == [1, 2]
    assert {(refusal.reason, refusal.changed_from) for refusal in point.refused} == {
        ("two: its version 1 -> 2", 1)
    }


@pytest.mark.parametrize(
    ("present", "asked", "reason"),
    [
        (manifest(0, job="k"), wanted(), "it belongs to job k"),
        (manifest(0, partition=5), wanted(), "it belongs to partition 5"),
        (manifest(0), wanted(fragment="g"), "the input changed"),
        (manifest(0), wanted(maker(reader="s")), "how the input is read changed"),
        (manifest(2), wanted(maker(OPERATORS[:1])), "the recipe is shorter now"),
    ],
)
def test_what_differs_first_is_the_reason(present: Manifest, asked: Wanted, reason: str) -> None:
    point = find_resume_point(asked, [], [present])
    assert point.bases == ()
    assert [refusal.reason for refusal in point.refused] == [reason]


def test_a_result_written_out_in_another_way_is_refused_and_its_checkpoints_are_not() -> None:
    point = find_resume_point(wanted(maker(export="x")), [manifest(2, "result")], [manifest(2)])
    assert point.done is None
    assert [base.operator_index for base in point.bases] == [2]
    assert len(point.refused) == 1


# ---- retention


def test_older_checkpoints_go_unless_all_are_kept() -> None:
    present = [manifest(0), manifest(1)]
    assert superseded(manifest(2), present, "keep_all") == ()
    assert superseded(manifest(2), present, "cleanup_all") == tuple(present)
    assert superseded(manifest(0), [manifest(1)], "cleanup_all") == ()


def test_a_file_goes_when_no_manifest_names_it() -> None:
    assert unnamed_files([manifest(2)], [manifest(0)]) == ("delta1", "delta2")
    assert unnamed_files([manifest(0)], [manifest(2)]) == ()


@pytest.mark.parametrize(
    ("retention", "succeeded", "on_success", "expected"),
    [
        ("keep_all", True, False, False),
        ("keep_all", True, True, True),
        ("keep_all", False, True, False),
        ("cleanup_all", False, False, False),
        ("cleanup_all", True, False, True),
        ("keep_failed_only", False, False, True),
    ],
)
def test_checkpoints_of_done_partitions_go_as_asked(
    retention: str, succeeded: bool, on_success: bool, expected: bool
) -> None:
    assert drops_checkpoints_of_done(retention, succeeded, on_success) == expected  # type: ignore[arg-type]

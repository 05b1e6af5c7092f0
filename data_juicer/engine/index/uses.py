"""What the deduplicators of a recipe want of indexes: which versions they compare with, and which index they add to.

The versions are pinned when a job begins, in `metadata/indexes.json`: a resume compares with what the first run compared with,
whoever has added to an index since then. Their contents are part of the operator's identity, and so of every key after it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from data_juicer.errors import (
    COMMITTED_IS_SAFE,
    CheckpointCorruptError,
    CheckpointError,
    ConfigError,
    DataJuicerError,
)
from data_juicer.job.layout import JobLayout
from data_juicer.ops.base import Operator
from data_juicer.storage.base import Store
from data_juicer.storage.locations.uri import absolute
from data_juicer.store.index.versions import IndexKeys, IndexPin, IndexVersion, find_newest, read_version
from data_juicer.store.manifest import OperatorIdentity
from data_juicer.store.versioned_json import FORMAT_VERSION, VersionedJson

_PINNED: Final = re.compile(r"(.+)@(\d{1,12})", re.DOTALL)


class IndexingJob(msgspec.Struct, frozen=True, kw_only=True):
    """The run of a job that compares its rows with indexes, or adds them to one."""

    store: Store
    layout: JobLayout
    run: int
    job_uuid: str
    """Rows of an index that this job added itself are none of an earlier one."""
    heartbeat: Callable[[], None]


class IndexUse(msgspec.Struct, frozen=True, kw_only=True):
    """Of one deduplicator."""

    operator_index: int
    operator_name: str
    keys: IndexKeys
    against: tuple[IndexPin, ...] = ()
    """What rows are compared with, in the order in which it was named."""
    target: str | None = None
    """The index that the keys of the rows that stay are added to."""


class JobPins(msgspec.Struct, frozen=True, kw_only=True):
    """The newest versions of indexes when a job began; those that a recipe names by number are not among them."""

    format_version: int = FORMAT_VERSION
    pins: tuple[IndexPin, ...] = ()


_CODEC: Final = VersionedJson(JobPins)


def find_pins(store: Store, layout: JobLayout) -> JobPins:
    """Those of an earlier run; none where there are none or they are damaged, so that the newest versions are. Raises: StoreError."""
    try:
        return _CODEC.decode(store.read(layout.index_pins), layout.index_pins)
    except (FileNotFoundError, CheckpointCorruptError):
        return JobPins()


def keep_pins(store: Store, layout: JobLayout, uses: Sequence[IndexUse], found: JobPins) -> None:
    """Write down what this run compares with, before anything is made of it.

    Args:
        found: what was there when the recipe was looked at.
    Raises: ConfigError: another run has pinned others since. StoreError.
    """
    if not uses:
        return
    if find_pins(store, layout) != found:
        raise ConfigError(
            f"{layout.job_id}: another run of this job began while this one was looking at its indexes. "
            "Nothing was changed; start it again."
        )
    pins = {pin.path: pin for pin in found.pins}
    pins |= {pin.path: pin for use in uses for pin in use.against if pin.path not in pins}
    kept = JobPins(pins=tuple(pins.values()))
    if kept != found:
        store.put(layout.index_pins, _CODEC.encode(kept))
    for target in dict.fromkeys(use.target for use in uses if use.target):
        store.make_dirs(target)
        store.check_writable(target)


def names_index(operator: Operator) -> bool:
    """Whether an operator compares with rows of other jobs, or adds to an index of them."""
    if operator.scope == "partition" or not (
        getattr(operator, "dedup_index", None) or getattr(operator, "against", ())
    ):
        return False
    from data_juicer.ops.dataset.pairs.remover import PairRemover

    return isinstance(operator, PairRemover)


def find_uses(
    store: Store, operators: Sequence[Operator], identities: Sequence[OperatorIdentity], pins: JobPins
) -> tuple[IndexUse, ...]:
    """What each deduplicator that names an index wants of it.

    Args:
        pins: of earlier runs of the job.
    Raises: ConfigError: an index is missing, damaged, of other keys, or parameters contradict each other.
    """
    known = {pin.path: pin for pin in pins.pins}
    found = []
    for index, (operator, identity) in enumerate(zip(operators, identities, strict=True)):
        if names_index(operator):
            try:
                found.append(_use(store, index, operator, identity, known))
            except (DataJuicerError, ValueError) as error:
                raise ConfigError(
                    f"process[{index}].{operator.name}: {error} Nothing was changed."
                ) from error
        elif getattr(operator, "update", False) is True and operator.kind == "deduplicator":
            raise ConfigError(
                f"process[{index}].{operator.name}.update: there is no index to add to; name it in dedup_index. "
                "Nothing was changed."
            )
    targets = [use.target for use in found if use.target]
    if twice := next((target for target in targets if targets.count(target) > 1), None):
        raise ConfigError(
            f"{twice}: two operators of the recipe add to this index; give each one of its own. Nothing was changed."
        )
    return tuple(found)


def _use(
    store: Store, number: int, operator: Operator, identity: OperatorIdentity, pins: Mapping[str, IndexPin]
) -> IndexUse:
    """Raises: ValueError, CheckpointError, StoreError."""
    from data_juicer.ops.dataset.pairs.remover import PairRemover

    assert isinstance(operator, PairRemover)  # noqa: S101 - no other operator takes these parameters
    keys = IndexKeys(
        operator=operator.index_operator,
        version=str(operator.version),
        parameters={**operator.index_parameters, "assets": sorted(identity.assets.values())},
    )
    named = [_parse(text) for text in operator.against]
    target = _target(operator, [path for path, _ in named])
    if operator.update and target is not None and target not in [path for path, _ in named]:
        named.append((target, None))
    against = []
    for path, version in named:
        pin = pins.get(path) if version is None else None
        if pin is None:
            pin = _pin(store, path, version, keys, may_be_missing=path == target and version is None)
        against.append(pin)
    if target is not None and not operator.update and target not in pins:
        _refuse_others(store, target, keys)
        against.append(IndexPin(path=target, version=0))
    return IndexUse(
        operator_index=number,
        operator_name=operator.name,
        keys=keys,
        against=tuple(against),
        target=target,
    )


def _parse(text: object) -> tuple[str, int | None]:
    """`FOLDER` or `FOLDER@VERSION`. Raises: ValueError."""
    if not isinstance(text, str) or not text:
        raise ValueError(f"against: expected folders of indexes, found {text!r}.")
    match = _PINNED.fullmatch(text)
    return (_located(match[1]), int(match[2])) if match else (_located(text), None)


def _located(path: str) -> str:
    return absolute(os.path.expanduser(path))


def _target(operator: object, against: Sequence[str]) -> str | None:
    """The index that is added to. Raises: ValueError."""
    named, update = getattr(operator, "dedup_index", None), getattr(operator, "update", False)
    if named is not None:
        return _located(named)
    if not update:
        return None
    if len(set(against)) != 1:
        raise ValueError(
            f"update: against names {len(set(against))} indexes; say in dedup_index which one is added to."
        )
    return against[0]


def _pin(store: Store, path: str, version: int | None, keys: IndexKeys, *, may_be_missing: bool) -> IndexPin:
    """Raises: ValueError: there is no such index, or it holds other keys. CheckpointError, StoreError."""
    found = find_newest(store, path) if version is None else read_version(store, path, version)
    if found is None:
        if may_be_missing:
            return IndexPin(path=path, version=0)
        raise ValueError(f"against: there is no index in {path}.")
    _refuse_other_keys(path, keys, found)
    return IndexPin(path=path, version=found.version, digest=found.content_digest)


def _refuse_other_keys(path: str, keys: IndexKeys, found: IndexVersion) -> None:
    if difference := keys.difference(found.keys):
        raise ValueError(f"the index {path} cannot be compared: {difference}.")


def _refuse_others(store: Store, path: str, keys: IndexKeys) -> None:
    """Raises: ValueError: there is an index, and the recipe does not say that it is to be added to."""
    found = find_newest(store, path)
    if found is None:
        return
    _refuse_other_keys(path, keys, found)
    raise ValueError(
        f"dedup_index: {path} is an index already, with {found.rows:,} rows of {len(found.additions)} jobs; "
        "update: true compares with those and adds to them."
    )


def refuse_inside_input(store: Store, uses: Sequence[IndexUse], inputs: Sequence[str]) -> None:
    """Paths are compared without links. Raises: ConfigError: the next run would read an index as rows."""
    for target in (use.target for use in uses if use.target):
        for given in inputs:
            folder = store.resolve(absolute(given)).rstrip("/")
            if f"{store.resolve(target)}/".startswith(f"{folder}/"):
                raise ConfigError(
                    f"dedup_index: {target} lies in the input {given}, of which the next run would read it. "
                    "Nothing was changed; name a folder elsewhere."
                )


def with_pins(
    identities: Sequence[OperatorIdentity], uses: Sequence[IndexUse]
) -> tuple[OperatorIdentity, ...]:
    """The identities of operators with the contents of what they compare with; what they add to decides no row."""
    made = list(identities)
    for use in uses:
        pins = {f"index {number}": pin.digest for number, pin in enumerate(_with_rows(use.against))}
        identity = made[use.operator_index]
        made[use.operator_index] = msgspec.structs.replace(identity, assets={**identity.assets, **pins})
    return tuple(made)


def _with_rows(pins: Sequence[IndexPin]) -> Iterator[IndexPin]:
    return (pin for pin in pins if pin.version)


def pinned_version(store: Store, pin: IndexPin) -> IndexVersion:
    """Raises: CheckpointError: it is not there any more, or holds other rows. StoreError."""
    found = read_version(store, pin.path, pin.version)
    if found.content_digest != pin.digest:
        raise CheckpointError(
            f"{pin.path}: version {pin.version} is not the one that this job began with: the index was made anew. "
            f"{COMMITTED_IS_SAFE}. Give a new job a job_id of its own."
        )
    return found


def added_to(uses: Sequence[IndexUse]) -> list[list[object]]:
    """What is to be written beside the result, by operator: a job is complete only with it."""
    return [[use.operator_index, use.target] for use in uses if use.target]


def segment_prefix(job_uuid: str, operator_index: int) -> str:
    """Of the files that one deduplicator of a job stages in an index."""
    return f"{job_uuid}_{operator_index:03d}"

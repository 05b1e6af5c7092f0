"""Every path of a job. Pure; nobody else joins them.

    {work_dir}/{job_id}/            job_claim.json  job_summary.json  job.lock  runs/  tmp/
        metadata/                   dataset_mapping.json  final_mapping_report.json
        partitions/  intermediate/  results/  dead_letter/
    {event_log_dir}/{job_id}/       event_logs/events.jsonl  events.jsonl.1 ...  events.log
    {checkpoint_dir}/{job_id}/      checkpoint_000007_002.json  partition_000007_002.r1a1.parquet  set_aside/
                                    summary_000007_003.json  partition_000007_003.r1a1.summary.arrow  ....summary.rows.jsonl
                                    resolve_003.json  resolve_003.r1.decisions  resolve_003.g0007.r1a1.decisions
                                    shards/  summaries_003  known_003_0000.r1.arrow  resolve_003_meet_0007.json  resolve_003_meet_0007.r1a1.shard

An attempt is written `r1a2`: run 1, attempt 2. A suffix is a file's extension without its first dot: `parquet`, `jsonl.gz`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

import msgspec

from data_juicer.job.names import result_manifest_name

CLAIM_NAME: Final = "job_claim.json"
"""In each directory outside the job directory: which job it belongs to; see claims.py."""


def attempt_name(run: int, attempt: int) -> str:
    """`r1a2` for attempt 2 of run 1, both counted from 1."""
    return f"r{run}a{attempt}"


class JobLayout(msgspec.Struct, frozen=True, kw_only=True):
    """The directories of one job, and the files in them."""

    job_id: str
    job_dir: str
    event_logs_dir: str
    checkpoints_dir: str

    @staticmethod
    def of(
        work_dir: str, job_id: str, event_log_dir: str | None = None, checkpoint_dir: str | None = None
    ) -> JobLayout:
        """The layout of a job; without a directory of their own, events and checkpoints are in the job's."""
        job_dir = os.path.join(work_dir, job_id)
        return JobLayout(
            job_id=job_id,
            job_dir=job_dir,
            event_logs_dir=os.path.join(event_log_dir or work_dir, job_id, "event_logs"),
            checkpoints_dir=os.path.join(checkpoint_dir, job_id)
            if checkpoint_dir
            else os.path.join(job_dir, "checkpoints"),
        )

    @staticmethod
    def found(job_id: str, job_dir: str, directories: Mapping[str, str]) -> JobLayout:
        """The layout of a job that is in `job_dir` now.

        Args:
            directories: as `directories` gave them when the job ran. What lay in the job's directory is looked for where
                that is current, since a work_dir may be relative, moved, or mounted elsewhere.
        """

        def now(name: str, inside: str) -> str:
            then = directories.get(name)
            was_inside = then == os.path.join(directories.get("job", ""), inside)
            return os.path.join(job_dir, inside) if then is None or was_inside else then

        return JobLayout(
            job_id=job_id,
            job_dir=job_dir,
            event_logs_dir=now("event_logs", "event_logs"),
            checkpoints_dir=now("checkpoints", "checkpoints"),
        )

    # ---- the job

    @property
    def summary(self) -> str:
        return os.path.join(self.job_dir, "job_summary.json")

    @property
    def lock(self) -> str:
        return os.path.join(self.job_dir, "job.lock")

    @property
    def recipe(self) -> str:
        """The settings of a job that a program gave, so that a command can go on with it."""
        return os.path.join(self.job_dir, "recipe.json")

    @property
    def runs_dir(self) -> str:
        return os.path.join(self.job_dir, "runs")

    def run_claim(self, run: int) -> str:
        return os.path.join(self.runs_dir, f"run_{run:06d}.json")

    @property
    def temp_dir(self) -> str:
        return os.path.join(self.job_dir, "tmp")

    @property
    def metadata_dir(self) -> str:
        return os.path.join(self.job_dir, "metadata")

    @property
    def dataset_mapping(self) -> str:
        return os.path.join(self.metadata_dir, "dataset_mapping.json")

    @property
    def references(self) -> str:
        """Files that rows refer to, where operators read such files."""
        return os.path.join(self.metadata_dir, "references.json")

    @property
    def index_pins(self) -> str:
        """Which versions of indexes deduplicators compare with, where they do."""
        return os.path.join(self.metadata_dir, "indexes.json")

    @property
    def final_mapping_report(self) -> str:
        return os.path.join(self.metadata_dir, "final_mapping_report.json")

    @property
    def dedup_report(self) -> str:
        """Every row that a deduplicator removed, and the row that stays in its place."""
        return os.path.join(self.metadata_dir, "dedup_report.parquet")

    @property
    def group_report(self) -> str:
        """Every row that a grouper made one with others."""
        return os.path.join(self.metadata_dir, "group_report.parquet")

    @property
    def result_index(self) -> str:
        return os.path.join(self.metadata_dir, "result_index")

    @property
    def resume_report(self) -> str:
        return os.path.join(self.metadata_dir, "resume_report.json")

    def documents(self) -> tuple[str, ...]:
        """Every file of the job that there is one of, the summary last: a job is there as long as that is."""
        return (
            self.results_manifest,
            self.final_mapping_report,
            self.dedup_report,
            self.group_report,
            self.resume_report,
            self.result_index,
            self.references,
            self.index_pins,
            self.dataset_mapping,
            self.events_log,
            self.events_jsonl,
            *self.storage_probes,
            self.recipe,
            *(os.path.join(directory, CLAIM_NAME) for directory in reversed(self.claimed_directories())),
            self.lock,
            self.summary,
        )

    # ---- whose the directories are

    def claimed_directories(self) -> tuple[str, ...]:
        """The job's directory, and those for checkpoints and events that lie elsewhere: each carries a claim."""
        others = {self.checkpoints_dir, os.path.dirname(self.event_logs_dir)}
        outside = (path for path in others if not f"{path}/".startswith(f"{self.job_dir}/"))
        return (self.job_dir, *sorted(outside))

    def own_names(self) -> frozenset[str]:
        """Names in the job's directory that are not free."""
        files = (self.summary, self.lock, self.recipe, CLAIM_NAME, *self.storage_probes)
        directories = (path for path in self.own_directories() if os.path.dirname(path) == self.job_dir)
        return frozenset(map(os.path.basename, (*files, *directories)))

    def own_directories(self) -> tuple[str, ...]:
        """Every directory that only this job's user may write into, those above before those in them."""
        inside = (
            self.runs_dir,
            self.temp_dir,
            self.set_aside_dir,
            self.shards_dir,
            *self.directories().values(),
        )
        return tuple(dict.fromkeys((*self.claimed_directories(), *inside)))

    # ---- rows

    @property
    def partitions_dir(self) -> str:
        return os.path.join(self.job_dir, "partitions")

    @property
    def intermediate_dir(self) -> str:
        return os.path.join(self.job_dir, "intermediate")

    def intermediate(self, partition_id: int, operation_idx: int, operation_name: str, suffix: str) -> str:
        """Whole rows after one operator, for people to open."""
        return os.path.join(
            self.intermediate_partition_dir(partition_id), f"op_{operation_idx:03d}_{operation_name}.{suffix}"
        )

    def intermediate_partition_dir(self, partition_id: int) -> str:
        return os.path.join(self.intermediate_dir, f"partition_{partition_id:06d}")

    @property
    def produced_dir(self) -> str:
        """Files that operators made, under names of the attempts that made them."""
        return os.path.join(self.job_dir, "produced")

    def produced_data(
        self, partition_id: int, operation_idx: int, attempt: str, digest: str, suffix: str
    ) -> str:
        name = f"partition_{partition_id:06d}_{operation_idx:03d}.{attempt}.{digest}{suffix}"
        return os.path.join(self.produced_dir, name)

    @property
    def results_dir(self) -> str:
        return os.path.join(self.job_dir, "results")

    def result_data(self, partition_id: int, attempt: str, suffix: str) -> str:
        return os.path.join(self.results_dir, f"partition_{partition_id:06d}.{attempt}.{suffix}")

    def result_manifest(self, partition_id: int) -> str:
        return os.path.join(self.results_dir, result_manifest_name(partition_id))

    @property
    def results_manifest(self) -> str:
        """The last manifest: all partitions in their order."""
        return os.path.join(self.results_dir, "results.json")

    @property
    def dead_letter_dir(self) -> str:
        return os.path.join(self.job_dir, "dead_letter")

    def dead_letter_data(self, partition_id: int, attempt: str) -> str:
        """What an attempt staged; the result's manifest names it."""
        return os.path.join(self.dead_letter_dir, f"partition_{partition_id:06d}.{attempt}.jsonl")

    def dead_letter(self, partition_id: int) -> str:
        """The same for people, once the result is committed."""
        return os.path.join(self.dead_letter_dir, f"partition_{partition_id:06d}.jsonl")

    @property
    def trace_dir(self) -> str:
        return os.path.join(self.job_dir, "trace")

    def trace_data(self, partition_id: int, attempt: str) -> str:
        """What an attempt sampled of its partition; the result's manifest names it."""
        return os.path.join(self.trace_dir, f"partition_{partition_id:06d}.{attempt}.jsonl")

    def trace(self, operation_idx: int, operation_name: str) -> str:
        """The sample of one operator over the whole job."""
        return os.path.join(self.trace_dir, f"op_{operation_idx:03d}_{operation_name}.jsonl")

    # ---- checkpoints

    def checkpoint_manifest(self, partition_id: int, operation_idx: int) -> str:
        return os.path.join(self.checkpoints_dir, f"checkpoint_{partition_id:06d}_{operation_idx:03d}.json")

    def checkpoint_data(self, partition_id: int, operation_idx: int, attempt: str, suffix: str) -> str:
        return os.path.join(
            self.checkpoints_dir, f"partition_{partition_id:06d}_{operation_idx:03d}.{attempt}.{suffix}"
        )

    def summary_manifest(self, partition_id: int, operation_idx: int) -> str:
        return os.path.join(self.checkpoints_dir, f"summary_{partition_id:06d}_{operation_idx:03d}.json")

    def resolve_manifest(self, operation_idx: int) -> str:
        return os.path.join(self.checkpoints_dir, f"resolve_{operation_idx:03d}.json")

    def decisions(self, operation_idx: int, run: int) -> str:
        """What a dataset operator decided, of all partitions; the manifest of the resolve names it."""
        return os.path.join(self.checkpoints_dir, f"resolve_{operation_idx:03d}.r{run}.decisions")

    def group_decisions(self, operation_idx: int, group: int, attempt: str) -> str:
        """The same of some partitions, where a resolve has shards."""
        name = f"resolve_{operation_idx:03d}.g{group:04d}.{attempt}.decisions"
        return os.path.join(self.checkpoints_dir, name)

    @property
    def shards_dir(self) -> str:
        """What the shards of a resolve leave for each other; gone when the resolve is committed."""
        return os.path.join(self.checkpoints_dir, "shards")

    def summary_catalogue(self, operation_idx: int) -> str:
        """The manifests of all summaries for a dataset operator, for the workers that resolve it."""
        return os.path.join(self.shards_dir, f"summaries_{operation_idx:03d}")

    def known_rows(self, operation_idx: int, number: int, run: int) -> str:
        """Some rows of an index, as far as they may be like rows of the job, for its resolve."""
        return os.path.join(self.shards_dir, f"known_{operation_idx:03d}_{number:04d}.r{run}.arrow")

    def shard_manifest(self, operation_idx: int, step: str, number: int) -> str:
        return os.path.join(self.shards_dir, f"resolve_{operation_idx:03d}_{step}_{number:04d}.json")

    def shard_data(self, operation_idx: int, step: str, number: int, attempt: str) -> str:
        name = f"resolve_{operation_idx:03d}_{step}_{number:04d}.{attempt}.shard"
        return os.path.join(self.shards_dir, name)

    @property
    def set_aside_dir(self) -> str:
        """Where damaged checkpoints go; nothing here is read or deleted by a run."""
        return os.path.join(self.checkpoints_dir, "set_aside")

    @property
    def storage_probes(self) -> tuple[str, str]:
        """Files that workers on other machines must see."""
        return (
            os.path.join(self.job_dir, ".storage_probe"),
            os.path.join(self.checkpoints_dir, ".storage_probe"),
        )

    # ---- events

    @property
    def events_jsonl(self) -> str:
        return os.path.join(self.event_logs_dir, "events.jsonl")

    @property
    def events_log(self) -> str:
        return os.path.join(self.event_logs_dir, "events.log")

    def directories(self) -> dict[str, str]:
        """Every directory of the job by the name that people know it under."""
        return {
            "job": self.job_dir,
            "metadata": self.metadata_dir,
            "partitions": self.partitions_dir,
            "intermediate": self.intermediate_dir,
            "results": self.results_dir,
            "dead_letter": self.dead_letter_dir,
            "trace": self.trace_dir,
            "event_logs": self.event_logs_dir,
            "checkpoints": self.checkpoints_dir,
        }

    def relative(self, path: str) -> str:
        """The path of a file of the job as documents name it: `results/partition_000007.json`, wherever that directory is.

        A file elsewhere keeps its path.
        """
        for name, directory in sorted(self.directories().items(), key=lambda item: -len(item[1])):
            if path.startswith(f"{directory}/"):
                inside = path[len(directory) + 1 :]
                return inside if name == "job" else f"{name}/{inside}"
        return path


def is_rotated(name: str, layout: JobLayout) -> bool:
    """Whether a file is an older one of a log of the job."""
    stem, _, number = name.rpartition(".")
    logs = {os.path.basename(layout.events_jsonl), os.path.basename(layout.events_log)}
    return stem in logs and number.isascii() and number.isdigit()


def rotated(path: str, number: int) -> str:
    """The `number`-th older file of a log, 1 the youngest; `rotated(path, 0)` is the log itself."""
    return f"{path}.{number}" if number else path

"""A job in the hands of a Python program: its state, its rows, its dead letters, and how it is shown in a notebook."""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from data_juicer.api.dropped import DroppedRows, dropped_rows
from data_juicer.api.rows_out import read_batches
from data_juicer.engine.output.dead_letters import committed_dead_letters
from data_juicer.events.view import JobView
from data_juicer.job.layout import JobLayout
from data_juicer.job.summary import JobSummary
from data_juicer.monitor.handle import JobHandle
from data_juicer.storage import open_store
from data_juicer.storage.base import Store

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from data_juicer.engine.lifecycle.environment import JobOutcome
    from data_juicer.store.dead_letters import DeadLetter


@dataclass(frozen=True, kw_only=True)
class LoadedJob:
    """A job as its files tell of it. The methods that give rows need a job that was completed."""

    summary: JobSummary
    view: JobView
    """What its events come to: operators, rows, retries, warnings."""
    layout: JobLayout
    store: Store

    @classmethod
    def of(cls, job: JobHandle) -> Self:
        return cls(summary=job.summary, view=job.view, layout=job.layout, store=job.store)

    @property
    def job_id(self) -> str:
        return self.summary.job_id

    def batches(self) -> Iterator[pa.Table]:
        """The rows of the result in input order, one table a partition, all with one schema.

        Memory: one partition. Raises: JobError: the job has no result, or its files are damaged.
        """
        return read_batches(self.store, self.layout)

    def to_arrow(self) -> pa.Table:
        """All rows of the result. Raises: JobError."""
        import pyarrow as pa

        return pa.concat_tables(self.batches())

    def to_polars(self) -> pl.DataFrame:
        """All rows of the result. Raises: JobError."""
        import polars as pl

        frame = pl.from_arrow(self.to_arrow())
        return frame if isinstance(frame, pl.DataFrame) else frame.to_frame()

    def to_pandas(self) -> pd.DataFrame:
        """All rows of the result; needs pandas. Raises: JobError."""
        return self.to_arrow().to_pandas()

    def dead_letters(self) -> list[DeadLetter]:
        """The rows that could not be read or processed, each with its place and what was wrong. Raises: JobError."""
        return committed_dead_letters(self.store, self.layout)

    def dropped(self) -> list[DroppedRows]:
        """What became of the rows that are in no result: for each operator that dropped any, how many and why.

        Of rows that filters dropped there are examples where the job was run with `open_tracer: true`. Raises: JobError.
        """
        return dropped_rows(self.store, self.layout, self.view)

    def __repr__(self) -> str:
        counts = self.summary.counts
        return (
            f"<{type(self).__name__} {self.job_id}: {self.summary.status.value}, {counts.rows:,} rows in, "
            f"{counts.rows_out:,} out, {counts.rows_dead_letter:,} dead letters>"
        )

    def _repr_html_(self) -> str:
        """The rows through each operator, for notebooks."""
        titles = ("operator", "rows in", "rows out", "filtered", "duplicates", "dead letters", "seconds")
        lines = [
            (
                html.escape(ledger.name),
                f"{ledger.rows_in:,}",
                f"{ledger.rows_out:,}",
                f"{ledger.rows_filtered:,}",
                f"{ledger.rows_duplicate:,}",
                f"{ledger.rows_dead_letter:,}",
                f"{ledger.duration_s:.2f}",
            )
            for _, ledger in sorted(self.view.operators.items())
        ]
        head = "".join(f"<th>{title}</th>" for title in titles)
        body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in line)}</tr>" for line in lines)
        return f"<p>{html.escape(repr(self)[1:-1])}</p><table><tr>{head}</tr>{body}</table>"


@dataclass(frozen=True, kw_only=True, repr=False)
class JobResult(LoadedJob):
    """A job that `run` has completed, or found completed."""

    already_complete: bool = False
    """Nothing was done: an earlier run had completed the same job."""

    @classmethod
    def of(cls, outcome: JobOutcome | JobHandle) -> Self:
        if isinstance(outcome, JobHandle):
            return super().of(outcome)
        layout = JobLayout.found(
            outcome.summary.job_id, outcome.summary.directories["job"], outcome.summary.directories
        )
        store = open_store(*outcome.summary.directories.values(), outcome.summary.export_path or "")
        view = outcome.view
        if outcome.already_complete:
            view = JobHandle(store=store, layout=layout, summary=outcome.summary).view
        return cls(
            summary=outcome.summary,
            view=view,
            layout=layout,
            store=store,
            already_complete=outcome.already_complete,
        )

"""Run events for OpenLineage: which job made which output from which inputs, operator by operator, with rows.

Specification: https://openlineage.io/spec/2-0-2/OpenLineage.json. One event begins a run, one ends it.
"""

from __future__ import annotations

import os
import uuid
from typing import Any, Final
from urllib.parse import quote, urlsplit

from data_juicer.config.schema import JobConfig
from data_juicer.engine.run_context import Observer, WatchedJob
from data_juicer.errors import StoreError
from data_juicer.events import types as t
from data_juicer.events.view import JobView
from data_juicer.observers.addresses import with_path
from data_juicer.observers.troubles import Troubles
from data_juicer.portable import encode_json
from data_juicer.storage.base import Store
from data_juicer.version import VERSION

PRODUCER: Final = f"urn:data-juicer:{VERSION}"
SCHEMA: Final = "https://openlineage.io/spec/2-0-2/OpenLineage.json"
_FACETS: Final = "https://openlineage.io/spec/facets"
_TIMEOUT_S: Final = 5.0
_PATH: Final = "/api/v1/lineage"
"""Where servers of OpenLineage take events."""
_KEY_VARIABLE: Final = "OPENLINEAGE_API_KEY"


class LineageObserver(Observer):
    """Appends the events of a run to a file, or posts them."""

    def __init__(self, config: JobConfig, store: Store) -> None:
        self._config = config
        self._store = store
        self._job: WatchedJob | None = None
        self._troubles = Troubles()

    def job_opened(self, job: WatchedJob) -> None:
        self._job = job

    def heartbeat(self, activity: str) -> None:
        self._troubles.tell(self._job)

    def close(self) -> None:
        self._troubles.close()

    def event_recorded(self, record: t.Record) -> None:
        match record.event:
            case t.ProcessingStart():
                self._tell("START", record, None)
            case t.ProcessingComplete():
                self._tell("COMPLETE", record, None)
            case t.ProcessingError(data=failure):
                kind = "ABORT" if failure.is_stop else "FAIL"
                self._tell(kind, record, f"{failure.error_type}: {failure.error}")
            case _:
                pass

    def _tell(self, kind: str, record: t.Record, error: str | None) -> None:
        job = self._job
        if job is None:
            return
        data = encode_json(run_event(kind, record, job, self._config, error))
        settings = self._config.lineage
        try:
            if settings.file:
                self._append(os.path.abspath(settings.file), data)
            if settings.endpoint:
                post(with_path(settings.endpoint, _PATH), data, os.environ.get(_KEY_VARIABLE))
        except (StoreError, OSError, ValueError) as failed:
            self._troubles.add(f"lineage: {kind} was not sent", f"{getattr(failed, 'finding', failed)}.")

    def _append(self, path: str, data: bytes) -> None:
        """Raises: StoreError."""
        self._store.make_dirs(os.path.dirname(path))
        if (log := self._store.at(path).logs) is not None:
            log.append(path, data + b"\n")


def run_event(
    kind: str, record: t.Record, job: WatchedJob, config: JobConfig, error: str | None
) -> dict[str, Any]:
    """One event as the specification has it.

    Args:
        kind: START, COMPLETE, ABORT or FAIL.
    """
    summary, view = job.summary, job.view
    sources = [dataset_of(path) for path in config.sources()]
    if len(sources) == 1:  # rows are counted over all inputs together
        sources[0]["inputFacets"] = {
            "inputStatistics": _facet("1-0-0", "InputStatisticsInputDatasetFacet", rowCount=view.rows)
        }
    output = dataset_of(summary.export_path or config.export_path)
    if kind == "COMPLETE":
        output["outputFacets"] = {
            "outputStatistics": _facet("1-0-2", "OutputStatisticsOutputDatasetFacet", rowCount=view.rows_out)
        }
    return {
        "eventType": kind,
        "eventTime": record.ts,
        "producer": PRODUCER,
        "schemaURL": f"{SCHEMA}#/$defs/RunEvent",
        "run": {
            "runId": str(run_id(summary.job_uuid or job.layout.job_dir, record.run)),
            "facets": _run_facets(view, error),
        },
        "job": {"namespace": config.lineage.namespace, "name": job.layout.job_id, "facets": {}},
        "inputs": sources,
        "outputs": [output],
    }


def _facet(version: str, name: str, /, **values: Any) -> dict[str, Any]:
    """A facet of the specification, in one version of its schema."""
    return {"_producer": PRODUCER, "_schemaURL": f"{_FACETS}/{version}/{name}.json", **values}


def _run_facets(view: JobView, error: str | None) -> dict[str, Any]:
    operators = [
        {
            "index": ledger.index,
            "name": ledger.name,
            "rowsIn": ledger.rows_in,
            "rowsGenerated": ledger.rows_generated,
            "rowsOut": ledger.rows_out,
            "rowsFiltered": ledger.rows_filtered,
            "rowsDuplicate": ledger.rows_duplicate,
            "rowsDeadLetter": ledger.rows_dead_letter,
            "seconds": round(ledger.duration_s, 6),
        }
        for _, ledger in sorted(view.operators.items())
    ]
    facets = {
        "processing_engine": _facet("1-1-1", "ProcessingEngineRunFacet", version=VERSION, name="data_juicer"),
        "dataJuicer_operators": _facet("1-0-0", "RunFacet", operators=operators),
    }
    if error is not None:
        facets["errorMessage"] = _facet(
            "1-0-1", "ErrorMessageRunFacet", message=error, programmingLanguage="python"
        )
    return facets


def run_id(job_uuid: str, run: int) -> uuid.UUID:
    """The same for every event of one run, and for no other run."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"data_juicer:{quote(job_uuid, safe='')}:{run}")


def dataset_of(path: str) -> dict[str, Any]:
    """Namespace and name of a file, as OpenLineage names datasets: `file` and its path, `s3://bucket` and its key."""
    if "://" not in path:
        return {"namespace": "file", "name": os.path.abspath(path)}
    parts = urlsplit(path)
    if parts.scheme == "file":
        return {"namespace": "file", "name": parts.path}
    return {"namespace": f"{parts.scheme}://{parts.netloc}", "name": parts.path.lstrip("/")}


def post(endpoint: str, data: bytes, key: str | None) -> None:
    """Send an event. Raises: OSError: nobody answered, or not with success."""
    import urllib.request

    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
    request = urllib.request.Request(endpoint, data, headers, method="POST")  # noqa: S310 - the schema allows http(s) alone
    with urllib.request.urlopen(request, timeout=_TIMEOUT_S):  # noqa: S310 - see above
        pass

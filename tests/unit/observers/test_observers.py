"""What a run tells other systems: metrics, spans, lineage; and that none of them is told anything by default."""

import http.server
import json
import socket
import sys
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from data_juicer.api import run_config
from data_juicer.cli.jobs import main
from data_juicer.config.config import load_recipe
from data_juicer.config.schema import JobConfig
from data_juicer.engine.run_context import Observer, RunControl
from data_juicer.errors import ConfigError, DataJuicerError
from data_juicer.events import types as t
from data_juicer.monitor.metrics.families import Family, Sample
from data_juicer.monitor.metrics.text import exposition
from data_juicer.observers import metrics, watched
from data_juicer.observers.metrics import collected
from data_juicer.observers.tracing import TracingObserver

PROCESS = [{"words_num_filter": {"min_num": 3}}, "document_deduplicator"]


def make_config(folder: Path, **settings: Any) -> JobConfig:
    rows = [{"text": " ".join(["word"] * (count % 8))} for count in range(20)]
    (folder / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    given = {
        "dataset_path": str(folder / "in.jsonl"),
        "export_path": str(folder / "out.jsonl"),
        "work_dir": str(folder / "jobs"),
        "job_id": "job",
        "executor_type": "inline",
        "partition": {"size": 5},
        "process": PROCESS,
    }
    return load_recipe(given, settings, {})


def free_port() -> int:
    with socket.socket() as present:
        present.bind(("127.0.0.1", 0))
        return int(present.getsockname()[1])


class AtEnd(Observer):
    """Asks the port of the metrics when the run is over, before anybody closes it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.text = ""

    def event_recorded(self, record: t.Record) -> None:
        if isinstance(record.event, t.PerformanceMetric):
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics") as answer:
                self.text = answer.read().decode()


def samples_of(text: str) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *(f"{key}={value}" for key, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_by_default_nothing_is_reported_and_nothing_is_imported(tmp_path: Path) -> None:
    control = RunControl()
    with watched(make_config(tmp_path), control) as same:
        assert same is control
    code = (
        "import sys, data_juicer.observers; "
        "sys.exit(any(name.split('.')[0] in {'prometheus_client', 'opentelemetry'} for name in sys.modules))"
    )
    import subprocess

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_run_answers_prometheus_and_leaves_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "EVERY_S", 0.0)
    port = free_port()
    seen = AtEnd(port)
    config = make_config(tmp_path, **{"metrics.port": port, "metrics.file": str(tmp_path / "job.prom")})
    run_config(config, RunControl(observers=(seen,)))
    assert samples_of(seen.text)["data_juicer_job_rows", "job=job"] == 20
    reported = samples_of((tmp_path / "job.prom").read_text())
    assert reported["data_juicer_job_status", "job=job", "status=completed"] == 1
    assert (
        reported[
            "data_juicer_operator_rows", "index=0", "job=job", "operator=words_num_filter", "outcome=filtered"
        ]
        == 9
    )
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics")


def test_a_port_that_is_taken_is_said_before_anything_is_created(tmp_path: Path) -> None:
    with socket.socket() as present:
        present.bind(("127.0.0.1", 0))
        present.listen()
        config = make_config(tmp_path, **{"metrics.port": present.getsockname()[1]})
        with pytest.raises(ConfigError, match=r"metrics\.port: cannot listen"):
            run_config(config)
    assert not (tmp_path / "jobs").exists()


def test_the_command_prints_what_the_run_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_config(make_config(tmp_path, **{"metrics.file": str(tmp_path / "job.prom")}))
    assert main(["metrics", "job", "--work_dir", str(tmp_path / "jobs")]) == 0
    printed = samples_of(capsys.readouterr().out)
    during = samples_of((tmp_path / "job.prom").read_text())
    assert {key: value for key, value in printed.items() if "process" not in key[0]} == {
        key: value for key, value in during.items() if "process" not in key[0]
    }


def test_our_text_is_that_of_the_library() -> None:
    families = (
        Family(name="a_total", help="A.", kind="counter", samples=(Sample({"x": 'q"\\\nü'}, 3.0),)),
        Family(
            name="b", help="B.", kind="gauge", samples=(Sample({"y": "1"}, 0.25), Sample({"y": "2"}, 1e300))
        ),
    )
    registry = CollectorRegistry()
    registry.register(type("C", (), {"collect": lambda self: collected(families)})())
    assert samples_of(exposition(families)) == samples_of(generate_latest(registry).decode())


def test_a_run_is_spans_of_phases_tasks_operators_and_commits(tmp_path: Path) -> None:
    exporter = InMemorySpanExporter()
    observer = TracingObserver(exporter)
    run_config(make_config(tmp_path), RunControl(observers=(observer,)))
    observer.close()
    spans = exporter.get_finished_spans()
    names = {span.context.span_id: span.name for span in spans}
    above = {(span.name, names[span.parent.span_id] if span.parent else "") for span in spans}
    first, second = "phase 1 of 2, up to document_deduplicator", "phase 2 of 2, to the results"
    assert {
        ("run 1", ""),
        (first, "run 1"),
        (second, "run 1"),
        ("partition 3", first),
        ("partition 3", second),
    } <= above
    assert ("words_num_filter", "partition 0") in above
    assert ("commit after words_num_filter", "partition 0") in above
    assert all(span.end_time is not None and span.start_time <= span.end_time for span in spans)
    assert len({span.context.trace_id for span in spans}) == 1


def test_a_run_that_fails_ends_its_spans_with_the_error(tmp_path: Path) -> None:
    exporter = InMemorySpanExporter()
    observer = TracingObserver(exporter)
    config = make_config(tmp_path, **{"fault_tolerance.on_bad_row": "fail"})
    with (tmp_path / "in.jsonl").open("a") as file:
        file.write('{"text": 3}\n')
    with pytest.raises(DataJuicerError):
        run_config(config, RunControl(observers=(observer,)))
    observer.close()
    run = next(span for span in exporter.get_finished_spans() if span.name == "run 1")
    assert not run.status.is_ok


@pytest.fixture
def collector() -> Iterator[tuple[str, list[tuple[dict[str, Any], str | None]]]]:
    """An endpoint that keeps what is posted to it, with the key that came along."""
    posted: list[tuple[dict[str, Any], str | None]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["Content-Length"]))
            posted.append((json.loads(data), self.headers["Authorization"]))
            self.send_response(201)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/api/v1/lineage", posted
    server.shutdown()
    server.server_close()
    thread.join()


def test_lineage_names_inputs_outputs_and_the_rows_of_operators(
    tmp_path: Path, collector: tuple[str, list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint, posted = collector
    monkeypatch.setenv("OPENLINEAGE_API_KEY", "key-of-the-tests")
    path = tmp_path / "lineage" / "events.jsonl"
    run_config(make_config(tmp_path, **{"lineage.file": str(path), "lineage.endpoint": endpoint}))
    begun, ended = [json.loads(line) for line in path.read_text().splitlines()]
    assert [event for event, _ in posted] == [begun, ended]
    assert {key for _, key in posted} == {"Bearer key-of-the-tests"}
    assert (begun["eventType"], ended["eventType"]) == ("START", "COMPLETE")
    assert begun["run"]["runId"] == ended["run"]["runId"]
    assert ended["inputs"][0]["name"] == str(tmp_path / "in.jsonl")
    assert ended["inputs"][0]["inputFacets"]["inputStatistics"]["rowCount"] == 20
    (output,) = ended["outputs"]
    assert output["name"] == str(tmp_path / "out.jsonl")
    rows_out = len((tmp_path / "out.jsonl").read_text().splitlines())
    assert output["outputFacets"]["outputStatistics"]["rowCount"] == rows_out
    operators = ended["run"]["facets"]["dataJuicer_operators"]["operators"]
    assert [(each["name"], each["rowsIn"]) for each in operators][:2] == [
        ("read", 20),
        ("words_num_filter", 20),
    ]
    assert operators[-1]["rowsOut"] == rows_out


def test_a_collector_that_is_away_costs_a_warning_and_no_row(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    endpoint = f"http://127.0.0.1:{free_port()}/"
    outcome = run_config(make_config(tmp_path, **{"lineage.endpoint": endpoint}))
    assert outcome.summary.counts.rows == 20
    log = (tmp_path / "jobs" / "job" / "event_logs" / "events.log").read_text()
    assert "lineage: START was not sent" in log
    assert "lineage: COMPLETE was not sent" in capsys.readouterr().err

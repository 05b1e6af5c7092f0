"""One analysis: the job that measures, and the files that say what it found."""

from __future__ import annotations

import csv
import dataclasses
import io
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from data_juicer.cli.running import run_job
from data_juicer.clock import SystemClock
from data_juicer.config.config import load_config, read_recipe
from data_juicer.config.rules import stats_path_of
from data_juicer.errors import ConfigError
from data_juicer.job.naming import name_job
from data_juicer.monitor.streams import write_lines
from data_juicer.rows.recorded_stats import EXACT_ROWS_MAX
from data_juicer.storage.locations.uri import absolute

if TYPE_CHECKING:
    from data_juicer.cli.signals import StopSignals
    from data_juicer.config.schema import JobConfig
    from data_juicer.monitor.statistics.analysis import Correlations, Groups
    from data_juicer.monitor.statistics.distribution import Distribution
    from data_juicer.storage.base import Store

_WORDS: Final = ("words_num_filter", "num_words")
_BY: Final = "specified_field_filter"


def run_analysis(
    settings: Sequence[str], by: Sequence[str], percentiles: Sequence[float], signals: StopSignals
) -> int:
    """Measure, then write what was found.

    Args:
        settings: words of the command line that are settings.
        by: fields whose values are distinguished.
        percentiles: shares in [0, 1] beside the usual ones.
    Returns: the exit code. Raises: ConfigError.
    """
    import sys

    given = load_config(settings, os.environ)
    shares = check_shares([*percentiles, *_recipe_percentiles(given)])
    config, left_out = measuring(given, by)
    if left_out:
        write_lines(sys.stderr, [f"note: measured without {', '.join(left_out)}: only filters measure"])
    config, _ = name_job(config, SystemClock())
    folder = os.path.join(os.path.dirname(absolute(config.export_path)), "analysis")
    code = run_job(config, signals)
    if code:
        return code
    paths = write_findings(config, folder, by, shares)
    write_lines(sys.stdout, ["", *(f"{name:<12}  {path}" for name, path in paths.items())])
    return 0


def measuring(config: JobConfig, by: Sequence[str] = ()) -> tuple[JobConfig, list[str]]:
    """The job that measures what a recipe would filter by, and the operators that are no part of it.

    Raises: ConfigError: the recipe has no filter.
    """
    from data_juicer.config.sources.entries import OperatorEntry
    from data_juicer.ops.catalog import registry

    registry.load_custom(config.custom_operator_paths)
    kinds = {entry.name: registry.find(entry.name).kind for entry in config.process}
    filters = [entry for entry in config.process if kinds[entry.name] == "filter"]
    left_out = [entry.name for entry in config.process if kinds[entry.name] != "filter"]
    if by and _WORDS[0] not in kinds:
        filters.append(OperatorEntry(name=_WORDS[0]))
    if not filters:
        raise ConfigError("the recipe has no filter, so that there is nothing to measure")
    entries = [
        *filters,
        *(OperatorEntry(name=_BY, params={"field_key": field, "target_value": []}) for field in by),
    ]
    changes: dict[str, Any] = {
        "process": tuple(entries),
        "analyze": True,
        "partition": dataclasses.replace(  # so that every value is kept, and distinguished by field
            config.partition, size=min(config.partition.size, EXACT_ROWS_MAX)
        ),
        "export_path": stats_path_of(config.export_path),
        "export_type": "jsonl",
        "keep_stats_in_res_ds": True,
        "arguments": (),  # what goes on with it is not the command of the recipe, which filters
    }
    return dataclasses.replace(config, **changes), left_out


def check_shares(shares: Iterable[float]) -> list[float]:
    """Raises: ConfigError: one is no share."""
    kept = sorted(set(shares))
    for share in kept:
        if not 0 <= share <= 1:
            raise ConfigError(f"percentiles: {share:g} is not between 0 and 1")
    return kept


def _recipe_percentiles(config: JobConfig) -> list[float]:
    """Those that the recipe names; DataJuicer's setting, which nothing but an analysis reads. Raises: ConfigError."""
    if config.recipe_path is None:
        return []
    from data_juicer.config.sources.yaml_text import parse_yaml

    value = parse_yaml(read_recipe(config.recipe_path), config.recipe_path).value
    given = value.get("percentiles") if isinstance(value, dict) else None
    if given is None:
        return []
    if not isinstance(given, list) or not all(type(each) in {int, float} for each in given):
        raise ConfigError(f"{config.recipe_path}: percentiles: a list of numbers from 0 to 1 is expected")
    return [float(each) for each in given]


def write_findings(
    config: JobConfig, folder: str, by: Sequence[str], shares: Sequence[float]
) -> dict[str, str]:
    """Write the files of an analysis that is complete. Returns: name for people -> path."""
    from data_juicer.cli.commands.page.report import page_of
    from data_juicer.monitor.handle import JobHandle
    from data_juicer.monitor.statistics.analysis import CorrelationFold, GroupFold, numeric_columns, values_of
    from data_juicer.monitor.statistics.distribution import Distribution
    from data_juicer.monitor.statistics.gather import read_stats
    from data_juicer.storage import open_store

    job = JobHandle.open(config.work_dir, config.job_id or "")
    correlations = CorrelationFold()
    groups = {field: GroupFold(field, _WORDS[1]) for field in by}
    overall: dict[str, Distribution] = {}
    for partition in read_stats(job.store, job.layout):
        columns = numeric_columns(partition)
        correlations.add(columns)
        values = values_of(partition, by)
        rows = partition.ledgers[0].rows_out if partition.ledgers else 0
        for field, fold in groups.items():
            fold.add(values.get(field), columns, rows)
        for stats in partition.operators.values():
            for name, column in stats.arrays().items():
                if name in columns:
                    overall.setdefault(name, Distribution()).add(
                        column.drop_null().to_numpy(), column.null_count
                    )
            for name, sketch in stats.sketches().items():
                overall.setdefault(name, Distribution()).add_sketch(sketch, stats.rows)
    store = open_store(folder)
    store.make_dirs(folder)
    table = overall_table(overall, shares)
    files = {
        "overall": ("overall.csv", as_csv(table)),
        "as text": ("overall.md", as_markdown(table)),
        "correlation": ("correlation.csv", as_csv(correlation_table(correlations.result()))),
    }
    for field, fold in groups.items():
        name = re.sub(r"[^A-Za-z0-9_.-]", "_", field)
        files[f"by {field}"] = (f"by_{name}.csv", as_csv(group_table(fold.result())))
    paths = {}
    for name, (file, text) in files.items():
        paths[name] = _write(store, os.path.join(folder, file), text.encode())
    paths["report"] = _write(store, os.path.join(folder, "report.html"), page_of(job, with_rows=True))
    return paths


def overall_table(overall: Mapping[str, Distribution], shares: Sequence[float]) -> list[list[str]]:
    """A column a stat: count, mean, least, percentiles, greatest."""
    asked = sorted({0.25, 0.5, 0.75, *shares})
    names = [name for name, numbers in overall.items() if numbers.count]
    rows = [["", *names], ["count", *(str(overall[name].count) for name in names)]]
    rows.append(["mean", *("" if (mean := overall[name].mean) is None else repr(mean) for name in names)])
    rows.append(["min", *(repr(overall[name].minimum) for name in names)])
    percentiles = {name: overall[name].percentiles(asked) for name in names}
    for number, share in enumerate(asked):
        rows.append([f"{share * 100:g}%", *(repr(percentiles[name][number]) for name in names)])
    rows.append(["max", *(repr(overall[name].maximum) for name in names)])
    return rows


def correlation_table(correlations: Correlations) -> list[list[str]]:
    rows = [["", *correlations.names]]
    for name, coefficients in zip(correlations.names, correlations.coefficients, strict=True):
        rows.append([name, *("" if each is None else f"{each:.6f}" for each in coefficients)])
    return rows


def group_table(groups: Groups) -> list[list[str]]:
    """A line a value: rows, words, their shares, words a row, and the mean of each stat."""
    stats = list(dict.fromkeys(stat for group in groups.groups for stat in group.means))
    words = max(1, sum(group.words for group in groups.groups))
    rows = [
        [groups.field, "rows", "words", "share of words", "words a row", *(f"mean {stat}" for stat in stats)]
    ]
    rows += [
        [
            group.value,
            str(group.rows),
            str(group.words),
            f"{group.words / words:.6f}",
            f"{group.words / group.rows:.3f}",
            *(f"{group.means.get(stat, 0.0):.6g}" for stat in stats),
        ]
        for group in groups.groups
    ]
    if groups.rows_unknown:
        rows.append(["(not told apart)", str(groups.rows_unknown), *[""] * (len(stats) + 3)])
    return rows


def as_csv(table: Sequence[Sequence[str]]) -> str:
    """A cell that a spreadsheet would take for a formula begins with a quotation mark."""
    sink = io.StringIO()
    writer = csv.writer(sink, lineterminator="\n")
    for row in table:
        writer.writerow([f"'{cell}" if cell[:1] in {"=", "+", "@"} else cell for cell in row])
    return sink.getvalue()


def as_markdown(table: Sequence[Sequence[str]]) -> str:
    head, *rows = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in table]
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _write(store: Store, path: str, data: bytes) -> str:
    store.put(path, data)
    return path

from __future__ import annotations

import pytest

from data_juicer.errors import ConfigError
from data_juicer.plan.overlap import Input, find_folders, refuse_overlap

LINKS = {"/link": "/data", "/data/sub/further": "/elsewhere"}


def resolve(path):
    for link, real in LINKS.items():
        if path == link or path.startswith(f"{link}/"):
            return resolve(real + path[len(link) :])
    return path


def check(inputs, sources, export_path, job_dir):
    named = [Input(given=path, path=path.rstrip("/") or "/", is_pattern="*" in path) for path in inputs]
    refuse_overlap(
        named,
        map(resolve, sources),
        find_folders(named, sources, resolve),
        (export_path, resolve(export_path)),
        (job_dir, resolve(job_dir)),
    )


@pytest.mark.parametrize(
    ("inputs", "export_path", "job_dir", "reported"),
    [
        (["/data/in.jsonl"], "/data/in.jsonl", "/jobs/j", "is an input of this job"),
        (["/data/in.jsonl"], "/link/in.jsonl", "/jobs/j", "is an input of this job"),
        (["/data"], "/data/out.jsonl", "/jobs/j", "lies in the input /data"),
        (["/"], "/data/out.jsonl", "/jobs/j", "lies in the input /"),
        (["/link"], "/data/out.jsonl", "/jobs/j", "export_path: /data/out.jsonl lies in the input /link"),
        (["/data"], "/link/out.jsonl", "/jobs/j", "lies in the input /data"),
        (["/data"], "/elsewhere/out.jsonl", "/jobs/j", "lies in the input /data"),
        (["/data/"], "/out.jsonl", "/data/jobs/j", "work_dir: /data/jobs/j lies in"),
        (["/link"], "/out.jsonl", "/data/jobs/j", "work_dir: /data/jobs/j lies in"),
        (["/data/*.jsonl"], "/data/out.jsonl", "/jobs/j", "lies in the input /data/*.jsonl"),
        (["/link/*.jsonl"], "/data/out.jsonl", "/jobs/j", "lies in the input /link/*.jsonl"),
        (["/data/sub/*/*.jsonl"], "/elsewhere/out.jsonl", "/jobs/j", "lies in the input"),
        (["/data/**/*.jsonl"], "/data/a/b/out.jsonl", "/jobs/j", "lies in the input"),
        (["/data/**/*.jsonl"], "/data/out.jsonl", "/jobs/j", "lies in the input"),
        (["/data/**"], "/data/a/out.jsonl", "/jobs/j", "lies in the input"),
        (["/data/**/*.jsonl"], "/out.jsonl", "/data/jobs/j", "work_dir: /data/jobs/j lies in"),
        (["/data/*/*.jsonl"], "/out.jsonl", "/data/j", "work_dir: /data/j lies in"),
    ],
)
def test_an_output_that_the_input_leads_to_is_refused(inputs, export_path, job_dir, reported):
    sources = ["/data/in.jsonl", "/data/sub/further/in.jsonl"]
    with pytest.raises(ConfigError, match="Nothing was changed") as caught:
        check(inputs, sources, export_path, job_dir)
    assert reported in str(caught.value)


@pytest.mark.parametrize(
    ("inputs", "export_path", "job_dir"),
    [
        (["/data/in.jsonl", "/datasets"], "/data/out.jsonl", "/data/j"),
        (["/data/*.jsonl"], "/data/clean/out.jsonl", "/data/j"),
        (["/data/*/*.jsonl"], "/data/out.jsonl", "/data/a/jobs/j"),
        (["/data/*/in.jsonl"], "/data/a/out.jsonl", "/data/j"),
        (["/data/**/*.jsonl"], "/data/a/out.txt", "/jobs/j"),
        (["/data/**/*.jsonl"], "/data/.hidden/out.jsonl", "/jobs/j"),
        (["/data/*"], "/data/.out.jsonl", "/data/j"),
    ],
)
def test_an_output_that_the_input_does_not_lead_to_is_fine(inputs, export_path, job_dir):
    check(inputs, ["/data/in.jsonl"], export_path, job_dir)


def test_the_folders_of_an_input_are_those_on_the_way_to_its_files():
    named = [Input(given="d/*/*.jsonl", path="/data/*/*.jsonl", is_pattern=True)]
    found = find_folders(named, ["/data/sub/a.jsonl"], resolve)
    assert found == {"/data": "/data", "/data/sub": "/data/sub"}

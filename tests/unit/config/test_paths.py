import dataclasses

import pytest

from data_juicer.config.config import load_config, load_recipe
from data_juicer.config.paths import PathContext, expand
from data_juicer.config.place import place
from data_juicer.config.sources.plain import InvalidValueError
from data_juicer.errors import ConfigError

AROUND = PathContext(
    environ={"HOME": "/home/me", "DATA": "/data"},
    expand_user=lambda path: path.replace("~", "/home/me", 1) if path[1:2] in {"", "/"} else path,
)
PLACES = [
    ("dataset_path", lambda path: {"dataset_path": path}),
    ("dataset_path[1]", lambda path: {"dataset_path": ["a", path]}),
    ("dataset.configs[0].path", lambda path: {"dataset": {"configs": [{"path": path}]}}),
    ("custom_operator_paths", lambda path: {"custom_operator_paths": path}),
    ("export_path", lambda path: {"export_path": path}),
    ("work_dir", lambda path: {"work_dir": path}),
    ("event_log_dir", lambda path: {"event_log_dir": path}),
    ("checkpoint_dir", lambda path: {"checkpoint_dir": path}),
    (
        "process[0].flagged_words_filter.flagged_words_dir",
        lambda path: {"process": [{"flagged_words_filter": {"flagged_words_dir": path}}]},
    ),
]
"""Every place of a recipe where a path can be, and a recipe with a path in it."""


def values(config) -> str:
    return str(
        dataclasses.asdict(dataclasses.replace(config, arguments=(), process=())) | {"p": config.process}
    )


@pytest.mark.parametrize(
    ("path", "expanded"),
    [
        ("~", "/home/me"),
        ("~/x", "/home/me/x"),
        ("$HOME/x", "/home/me/x"),
        ("${DATA}/x-$DATA", "/data/x-/data"),
        ("${NONE:-o}/x", "o/x"),
        ("${DATA:-o}/x", "/data/x"),
        ("x${NONE:-}", "x"),
        ("a$$b", "a$b"),
        ("a$${b", "a${b"),
        ("a$1", "a$1"),
        ("./~x", "./~x"),
        ("file:///data/a%20b", "/data/a b"),
        ("C://x", "C://x"),
        ("a/b", "a/b"),
    ],
)
def test_a_path_is_read_as_a_shell_would(path: str, expanded: str) -> None:
    assert expand(path, AROUND) == expanded


@pytest.mark.parametrize(
    ("path", "reported"),
    [
        ("$NONE/x", "the variable NONE is not set"),
        ("${NONE}/x", "the variable NONE is not set"),
        ("${NONE:?no}/x", "expected .{NAME} or .{NAME:-default}"),
        ("${}/x", "expected .{NAME}"),
        ("~nobody/x", "there is no such user"),
        ("HDFS://x", "no store serves hdfs://"),
        ("file://host/x", "no store serves file://"),
    ],
)
def test_a_path_that_means_nothing_here_is_refused_by_name(path: str, reported: str) -> None:
    with pytest.raises(InvalidValueError, match=reported):
        expand(path, AROUND)


@pytest.mark.parametrize(("key", "recipe"), PLACES, ids=[key for key, _ in PLACES])
def test_every_path_of_a_recipe_is_expanded_or_refused_alike(key, recipe) -> None:
    base = {} if key.startswith("dataset") else {"dataset_path": "in"}
    load = lambda path: load_recipe({**base, **recipe(path)}, {}, {"HOME": "/home/me"})  # noqa: E731
    assert "'/home/me/x.jsonl'" in values(load("$HOME/x.jsonl"))
    assert "$HOME" not in values(load("$HOME/x.jsonl"))
    assert "~" not in values(load("~/x.jsonl"))
    with pytest.raises(
        ConfigError, match=rf"^recipe: {key.replace('[', chr(92) + '[')}: .*no store serves hdfs://"
    ):
        load("hdfs://bucket/x.jsonl")


@pytest.mark.parametrize(
    "key",
    ["dataset_path", "custom_operator_paths", "export_path", "work_dir", "event_log_dir", "checkpoint_dir"],
)
def test_a_flag_and_a_variable_are_expanded_too(key: str) -> None:
    words = [] if key == "dataset_path" else ["--dataset_path", "in"]
    environ = {"HOME": "/home/me"}
    assert "'/home/me/x.jsonl'" in values(load_config([*words, f"--{key}", "$HOME/x.jsonl"], environ))
    variable = {f"DJ_{key.upper()}": "$HOME/x.jsonl"}
    dataset = {} if key == "dataset_path" else {"dataset_path": "in"}
    assert "'/home/me/x.jsonl'" in values(load_recipe(dataset, {}, environ | variable))


def placed(**settings):
    return place(load_recipe({"dataset_path": "in", **settings}, {}, {}), "J")


def test_the_id_and_the_work_directory_are_filled_in_everywhere() -> None:
    config = placed(
        work_dir="out",
        export_path="{work_dir}/{job_id}.jsonl",
        event_log_dir="{work_dir}/logs",
        checkpoint_dir="/ckpt/{job_id}",
        custom_operator_paths="{work_dir}/ops.py",
        dataset_path="{work_dir}/in-{job_id}",
    )
    assert config.export_path == "out/J.jsonl"
    assert config.event_log_dir == "out/logs"
    assert config.checkpoint_dir == "/ckpt", "jobs have a folder of their name in it"
    assert config.custom_operator_paths == ("out/ops.py",)
    assert config.dataset_path == ("out/in-J",)


@pytest.mark.parametrize(
    ("settings", "work_dir", "export_path"),
    [
        ({"work_dir": "out/{job_id}", "export_path": "{work_dir}/x.jsonl"}, "out", "out/J/x.jsonl"),
        ({"work_dir": "{job_id}/", "export_path": "x.jsonl"}, ".", "x.jsonl"),
        ({"export_path": "out/{job_id}/sub/x.jsonl"}, "out", "out/J/sub/x.jsonl"),
        ({"export_path": "out/{job_id}.jsonl"}, "out", "out/J.jsonl"),
    ],
)
def test_a_job_has_one_folder_of_its_name(settings, work_dir, export_path) -> None:
    config = placed(**settings)
    assert (config.work_dir, config.export_path) == (work_dir, export_path)


@pytest.mark.parametrize(
    ("settings", "reported"),
    [
        ({"work_dir": "{work_dir}/x"}, "work_dir: {work_dir} is the work directory itself"),
        ({"export_path": "{work_dir}/x.jsonl"}, "export_path: {work_dir} is not known"),
        ({"work_dir": "out/{job_id}/x"}, "can only be its last part, as in out/{job_id}"),
        ({"checkpoint_dir": "c/run-{job_id}"}, "can only be its last part"),
    ],
)
def test_placeholders_without_a_meaning_are_refused(settings, reported) -> None:
    with pytest.raises(ConfigError) as caught:
        placed(**settings)
    assert reported in str(caught.value)


@pytest.mark.parametrize(
    ("given", "stands_for"),
    [
        ("s3://bucket/a/b.jsonl", "s3://bucket/a/b.jsonl"),
        ("S3://bucket//a/*.jsonl/", "s3://bucket/a/*.jsonl"),
        ("gs://bucket/$DATA/x", "gs://bucket//data/x".replace("//data", "/data")),
        ("az://container/x", "az://container/x"),
        ("memory://bucket", "memory://bucket"),
    ],
)
def test_a_location_of_an_object_store_has_one_spelling(given: str, stands_for: str) -> None:
    assert expand(given, AROUND) == stands_for


@pytest.mark.parametrize(
    ("given", "reported"),
    [
        ("s3://key:planted@bucket/x", "credentials and ports have no place in a location"),
        ("s3:///x", "is not the name of a bucket"),
        ("s3://bucket/../x", "mean nothing in an object store"),
        ("hdfs://x/y", "no store serves hdfs://"),
    ],
)
def test_a_location_that_no_object_store_has_is_refused_without_what_may_be_secret(
    given: str, reported: str
) -> None:
    with pytest.raises(InvalidValueError, match=reported) as refusal:
        expand(given, AROUND)
    assert "planted" not in str(refusal.value)

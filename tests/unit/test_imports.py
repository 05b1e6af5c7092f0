"""The import rules of docs/architecture.md and of pure modules, by reading sources; imports for types alone count too."""

import ast
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "data_juicer"
LEVELS = (
    {
        "errors",
        "clock",
        "foreign_code",
        "installed",
        "portable",
        "printable",
        "redaction",
        "version",
        "safe_path",
    },
    {"kernels", "storage"},
    {"rows"},
    {"ops", "formats", "utils"},
    {"config", "store"},
    {"job"},
    {"events", "plan"},
    {"monitor"},
    {"engine"},
    {"observers"},
    {"backends"},
    {"core"},
    {"api"},
    {"cli", "web"},
)
"""From the lowest; a folder imports those of its own level and below."""
RANKS = {name: rank for rank, names in enumerate(LEVELS) for name in names}
OUTSIDE = {"__init__", "__main__", "testing"}
"""Not in the order: entry points, and what tests and plugins are given."""

ALWAYS_PURE = {
    "errors",
    "config.fingerprint",
    "config.sources.legacy",
    "config.schema",
    "events.codec",
    "events.text",
    "events.types",
    "events.view",
    "job.ids",
    "job.layout",
    "monitor.progress",
    "plan.keys",
    "plan.partitions",
    "plan.policy",
    "plan.resume.points",
    "plan.retention",
    "engine.protocol.backend",
    "engine.worker.row_isolation",
    "engine.protocol.messages",
    "engine.worker.apply_operator",
    "engine.scheduling.failures.retry",
    "engine.scheduling.scheduler",
    "engine.scheduling.history",
    "store.ledger",
    "store.manifest",
}
"""Those that STYLE.md marks with `=`; every module that calls itself pure in its docstring joins them."""
DEEDS = {
    "asyncio", "fcntl", "glob", "multiprocessing", "pathlib", "ray", "secrets", "shutil", "signal",
    "socket", "subprocess", "tempfile", "threading", "time", "urllib.request",
}  # fmt: skip
PATH_WORDS = {"basename", "commonpath", "dirname", "isabs", "join", "normpath", "split", "splitext", "sep"}
"""What of os.path computes with names alone."""
OS_WORDS = {"PathLike", "fspath", "path", "sep"}
EXCEPTIONS = {
    "config.schema": {"os.cpu_count", "os.sched_getaffinity"},  # the default of np
}
"""What pure modules do all the same, each with its reason. A new line here needs one too."""


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_name(path): ast.parse(path.read_text()) for path in sorted(PACKAGE.rglob("*.py"))}


def imports(tree: ast.Module) -> Iterator[str]:
    """Full names of imported modules, and of what is imported from them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_imports(tree: ast.Module) -> set[str]:
    """The folders, or modules at the top, of our package that are imported."""
    names = (name.split(".") for name in imports(tree))
    return {parts[1] for parts in names if parts[0] == "data_juicer" and len(parts) > 1}


def is_pure(name: str) -> bool:
    words = (ast.get_docstring(MODULES[name]) or "").split()
    return name in ALWAYS_PURE or "Pure." in words or "Pure;" in words


def impure_words(tree: ast.Module) -> set[str]:
    """What a module does besides computing: modules it imports, and words of os, open and datetime that it uses."""
    found = {
        name for name in imports(tree) if any(name == deed or name.startswith(f"{deed}.") for deed in DEEDS)
    }
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id="os"), attr=word) if word not in OS_WORDS:
                found.add(f"os.{word}")
            case ast.Attribute(value=ast.Attribute(value=ast.Name(id="os"), attr="path"), attr=word):
                found |= set() if word in PATH_WORDS else {f"os.path.{word}"}
            case ast.Attribute(value=ast.Name(id="random"), attr=word) if word != "Random":
                found.add(f"random.{word}")
            case ast.Attribute(value=ast.Name(id="datetime"), attr=("now" | "today" | "utcnow") as word):
                found.add(f"datetime.{word}")
            case ast.Call(func=ast.Name(id=("open" | "print" | "input") as word)):
                found.add(word)
            case _:
                pass
    return found


@pytest.mark.parametrize(
    "name", [name for name in MODULES if name.split(".", maxsplit=1)[0] not in OUTSIDE | {""}]
)
def test_a_module_imports_nothing_above_its_folder(name: str) -> None:
    rank = RANKS[name.split(".", maxsplit=1)[0]]
    assert {other for other in own_imports(MODULES[name]) if RANKS.get(other, len(LEVELS)) > rank} == set()


@pytest.mark.parametrize("name", sorted(filter(is_pure, MODULES)))
def test_a_pure_module_computes_and_does_nothing_else(name: str) -> None:
    assert impure_words(MODULES[name]) == EXCEPTIONS.get(name, set())


def test_every_pure_module_of_the_style_guide_is_there() -> None:
    assert ALWAYS_PURE - MODULES.keys() == set()


def test_ray_is_imported_in_its_backend_alone() -> None:
    users = {
        name for name, tree in MODULES.items() if any(word.split(".")[0] == "ray" for word in imports(tree))
    }
    assert users == {
        f"backends.ray.{name}" for name in ("backend", "cluster", "agent_handle", "storage_probe")
    }


def time_words(tree: ast.Module) -> set[str]:
    """What of the module time is used."""
    named = {word.partition(".")[2] for word in imports(tree) if word.startswith("time.")}
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "time"
    }
    return named | used


def test_object_stores_are_known_in_their_package_alone() -> None:
    """They are imported when a location asks for them: `storage/__init__.py` does that."""
    clients = ("obstore", "boto3", "botocore")
    users = {
        name for name, tree in MODULES.items() if any(word.split(".")[0] in clients for word in imports(tree))
    }
    assert {name.rpartition(".")[0] for name in users} == {"storage.cloud"}
    code = (
        "import sys, data_juicer.cli.process, data_juicer.engine.run, data_juicer.engine.worker.worker; "
        "sys.exit(any(name in sys.modules for name in ('obstore', 'boto3', 'data_juicer.storage.cloud.object_store')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_time_is_read_in_one_place() -> None:
    """Measuring how long work takes in a worker, and waiting, are no reading."""
    users = {
        name for name, tree in MODULES.items() if time_words(tree) - {"perf_counter", "process_time", "sleep"}
    }
    assert users == {"clock"}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import time", {"time"}),
        ("from subprocess import run", {"subprocess.run"}),
        ("import os\nos.path.join('a', os.sep)", set()),
        ("import os\nos.path.exists('a')", {"os.path.exists"}),
        ("import os\nos.environ['A']", {"os.environ"}),
        ("import random\nrandom.Random(7)", set()),
        ("import random\nrandom.random()", {"random.random"}),
        ("open('a')", {"open"}),
        ("from datetime import datetime\ndatetime.now()", {"datetime.now"}),
    ],
)
def test_impure_words_are_found(source: str, found: set[str]) -> None:
    assert impure_words(ast.parse(source)) == found


BESIDE_EACH_OTHER = (("ops", "formats"), ("kernels", "storage"), ("config", "store"), ("events", "plan"))
"""Folders of one level that do not know each other."""
MODULES_MAX = 12
"""In one folder, `__init__` aside; a folder that would hold more holds packages."""
CATALOGUES = {f"ops/{kind}" for kind in ("mapper", "filter")}
"""Folders with one module an operator."""


@pytest.mark.parametrize(("one", "other"), BESIDE_EACH_OTHER)
def test_folders_of_one_level_do_not_know_each_other(one: str, other: str) -> None:
    known = {
        (name, used)
        for name, tree in MODULES.items()
        for mine, used in ((one, other), (other, one))
        if name.split(".")[0] == mine and used in own_imports(tree)
    }
    assert known == set()


def test_a_folder_holds_at_most_a_dozen_modules() -> None:
    modules = (path for path in PACKAGE.rglob("*.py") if path.stem != "__init__")
    counts = Counter(str(path.parent.relative_to(PACKAGE)) for path in modules)
    full = {folder for folder, count in counts.items() if count > MODULES_MAX and folder not in CATALOGUES}
    assert full == set()


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {name: known_modules(tree) - {name} for name, tree in MODULES.items()}
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join((*path, name))
        if name not in done:
            for other in graph[name]:
                visit(other, (*path, name))
            done.add(name)

    for name in graph:
        visit(name, ())


def known_modules(tree: ast.Module) -> set[str]:
    """The modules of the package that are imported, for types alone too."""
    names = (name.removeprefix("data_juicer.") for name in imports(tree) if name.startswith("data_juicer."))
    return {
        found for name in names for found in (name, name.rpartition(".")[0]) if found and found in MODULES
    }


def test_a_worker_loads_asyncio_only_when_an_operator_needs_it() -> None:
    """With ssl, which it imports, it is a tenth of what a worker loads at its start."""
    code = "import sys, data_juicer.engine.worker.worker; sys.exit('asyncio' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


THROUGH_THE_STORE = {"rows", "formats", "store", "job", "plan", "events", "engine"}
"""Floors that reach files through a store alone. Those above also read recipes, /proc and streams of this machine."""
PROCESS_WORDS = {"getpid", "getcwd", "curdir", "urandom", "environ"}
"""What of os is no file."""
SEEN_FROM_HERE = {"os.path.abspath", "os.path.expanduser", "os.path.relpath"}
"""What computes with names, as they are seen from the current folder or by this user."""


@pytest.mark.parametrize("name", [name for name in MODULES if name.split(".")[0] in THROUGH_THE_STORE])
def test_files_are_reached_through_the_store(name: str) -> None:
    touched = {
        word
        for word in impure_words(MODULES[name])
        if word == "open" or (word.startswith("os.") and word.removeprefix("os.") not in PROCESS_WORDS)
    }
    assert touched - SEEN_FROM_HERE == set()


def test_the_decisions_of_a_run_know_nothing_of_who_carries_them_out() -> None:
    allowed = ("engine.scheduling", "engine.protocol")
    known = {
        (name, other)
        for name, tree in MODULES.items()
        if name.startswith("engine.scheduling.")
        for other in known_modules(tree)
        if other.startswith("engine.") and not other.startswith(allowed)
    }
    assert known == set()

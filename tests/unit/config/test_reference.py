"""What is shown of the settings: the reference, the demo recipe, --help."""

import pathlib
import subprocess
import sys

import yaml

from data_juicer.cli.process import HELP_FILE, render_help
from data_juicer.config.config import load_config
from data_juicer.config.operators import check_operators
from data_juicer.config.reference import render_reference
from data_juicer.config.schema import DEFAULTS, SPECS
from data_juicer.config.sources.yaml_text import parse_yaml

ROOT = pathlib.Path(__file__).parents[3]
REFERENCE = ROOT / "configs/config_all.yaml"
DEMO = ROOT / "configs/demo/checkpoint_config_example.yaml"


def test_the_reference_is_current():
    assert REFERENCE.read_text() == render_reference()


def test_the_reference_loads_and_says_the_defaults():
    values = load_config(["--config", str(REFERENCE)], {}).flat()
    computed = {"export_type", "work_dir", "intermediate_storage.compression", "np"}
    changed = {key for key, value in values.items() if value != DEFAULTS[key]}
    assert changed == computed | {"dataset_path", "process"}


def test_the_reference_lists_every_setting():
    lines = parse_yaml(REFERENCE.read_bytes(), "reference").lines
    assert set(SPECS) - set(lines) == {"np"}
    assert "\n# np: 4\n" in REFERENCE.read_text()


def test_the_demo_recipe_loads_with_its_operators():
    config = load_config(["--config", str(DEMO)], {})
    operators = check_operators(config)
    assert len(operators) == len(config.process) >= 8
    assert config.notices == ()


def test_the_demo_recipe_means_the_same_to_another_reader_of_yaml():
    for path in (DEMO, REFERENCE):
        assert parse_yaml(path.read_bytes(), "x").value == yaml.safe_load(path.read_text())


def test_help_shows_every_setting_in_80_columns():
    text = render_help()
    assert max(map(len, text.splitlines())) <= 80
    assert all(f"--{key} " in text for key in SPECS)


def test_the_help_that_is_printed_is_current():
    """To make it again: python -m data_juicer.cli.reference."""
    assert pathlib.Path(HELP_FILE).read_text().split() == render_help().split()


def test_help_and_loading_import_nothing_heavy():
    program = (
        "import sys; from data_juicer.cli.process import render_help\nfrom data_juicer.config import config\n"
        "render_help(); config.load_config(['--dataset_path', 'x', '--process', '[a]'], {})\n"
        "heavy = {'numpy', 'pyarrow', 'polars', 'loguru', 'rich', 'jsonargparse', 'ftfy'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

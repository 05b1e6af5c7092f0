"""The notebook of docs/ runs from its first cell to its last, in a kernel of its own."""

import os
import sys
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parents[2] / "docs" / "notebooks" / "job.ipynb"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the libraries that start the kernel
def test_the_notebook_runs_interrupts_resumes_and_plots(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import nbformat
    from nbclient import NotebookClient

    monkeypatch.setenv("PATH", os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]]))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = NotebookClient(notebook, timeout=200, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    reported = "".join(output.get("text", "") for output in outputs)
    assert "are committed and safe. To go on: data_juicer.run(" in reported
    shown = [output["data"] for output in outputs if "data" in output]
    assert any("image/png" in data for data in shown)
    assert any("<pre>job noted" in data.get("text/html", "") for data in shown)
    assert any("words_num_filter" in data.get("text/html", "") for data in shown)

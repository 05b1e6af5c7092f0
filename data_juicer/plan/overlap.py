"""Outputs that lie among the inputs: the next run would read them as rows. Pure."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterable, Sequence

from data_juicer.errors import ConfigError
from data_juicer.formats.base import SourceFile


def refuse_overlap(
    inputs: Iterable[str], sources: Sequence[SourceFile], export_path: str, job_dir: str
) -> None:
    """Paths are absolute, `inputs` as the recipe names them.

    Raises: ConfigError: the export would replace a source, or export or job are where the input is looked for.
    """
    if any(source.path == export_path for source in sources):
        raise ConfigError(
            f"export_path: {export_path} is an input of this job. Nothing was changed; export to another file."
        )
    for given in inputs:
        path = os.path.abspath(os.path.expanduser(given))
        for name, output in (("export_path", export_path), ("work_dir", job_dir)):
            if output.startswith(path.rstrip("/") + "/") or fnmatch.fnmatchcase(output, path):
                raise ConfigError(
                    f"{name}: {output} lies in the input {given}, so that the next run would read it as rows. "
                    "Nothing was changed; put it elsewhere."
                )

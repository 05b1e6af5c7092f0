"""Modules that are imported when they are used; nothing is ever installed."""

from __future__ import annotations

import importlib
import importlib.util
import types
from collections.abc import Callable, Iterable
from typing import Any, Final

from data_juicer.errors import ConfigError

_PACKAGES: Final = {
    "PIL": "pillow",
    "av": "av",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-contrib-python-headless",
    "git": "gitpython",
    "sklearn": "scikit-learn",
    "yaml": "PyYAML",
}
"""Names of packages that differ from those of their modules."""


class MissingModuleError(ConfigError, ModuleNotFoundError):
    """A module that an operator uses is not installed, for which no row is to blame."""


class LazyLoader(types.ModuleType):
    """Stands for a module, which is imported with its first attribute.

    DataJuicer's installs a package that is missing; here the operator that needs it cannot be used, and its rows are not
    blamed for it.
    """

    def __init__(
        self,
        module_name: str,
        package_name: str | None = None,
        package_url: str | None = None,
        auto_install: bool = True,
        post_import: Callable[[Any], Any] | None = None,
    ) -> None:
        """`package_url` and `auto_install` are DataJuicer's, and have no effect."""
        super().__init__(module_name)
        del package_url, auto_install
        self._module_name = module_name
        self._package_name = package_name or self.get_package_name(module_name.partition(".")[0])
        self._post_import = post_import
        self._module: Any = None

    @classmethod
    def get_package_name(cls, module_name: str) -> str:
        return _PACKAGES.get(module_name, module_name)

    @classmethod
    def check_packages(cls, package_specs: Iterable[str], pip_args: Any = None) -> None:
        """Raises: MissingModuleError: one of the packages is not installed."""
        del pip_args
        for spec in package_specs:
            name = spec.rpartition("/")[2].removesuffix(".git").partition("@")[0].partition("[")[0]
            name = name.partition("=")[0].partition(">")[0].partition("<")[0].strip()
            module = next((module for module, package in _PACKAGES.items() if package == name), name)
            if importlib.util.find_spec(module.replace("-", "_")) is None:
                raise MissingModuleError(_missing(module, spec))

    def __getattr__(self, item: str) -> Any:
        if item.startswith("__") and item.endswith("__"):
            raise AttributeError(item)  # inspect and pickle ask for these of every object
        loaded = self._loaded()
        if not hasattr(loaded, item):
            name = f"{self._module_name}.{item}"
            if hasattr(loaded, "__path__") and importlib.util.find_spec(name) is not None:
                return importlib.import_module(name)
        return getattr(loaded, item)

    def __dir__(self) -> Iterable[str]:
        return dir(self._loaded())

    def _loaded(self) -> Any:
        if self._module is None:
            try:
                self._module = importlib.import_module(self._module_name)
            except ModuleNotFoundError as error:
                raise MissingModuleError(_missing(self._module_name, self._package_name)) from error
            if self._post_import is not None:
                self._post_import(self._module)
        return self._module


def _missing(module: str, package: str) -> str:
    return f"the module {module} is not installed. To install it: pip install '{package}'"

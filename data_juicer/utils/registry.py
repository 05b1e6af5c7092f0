"""Classes by name, as DataJuicer's decorators register them."""

from __future__ import annotations

from typing import Any, TypeVar

AnyClass = TypeVar("AnyClass", bound=type)


class Registry:
    """Classes by the name that they were registered with."""

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.modules: dict[str, type] = {}

    def register_module(
        self, module_name: str | None = None, module_cls: type | None = None, force: bool = False
    ) -> Any:
        """Register a class under a name (its own by default): as a decorator, or at once with `module_cls`.

        `force` is DataJuicer's; a class that is registered again always replaces the one before.
        """
        del force
        if module_cls is not None:
            return self._register(module_name, module_cls)

        def decorate(cls: AnyClass) -> AnyClass:
            self._register(module_name, cls)
            return cls

        return decorate

    def get(self, module_key: str) -> type | None:
        return self.modules.get(module_key)

    def list(self) -> list[str]:
        return list(self.modules)

    def _register(self, name: str | None, cls: type) -> type:
        name = name or cls.__name__
        self.modules[name] = cls
        cls._name = name  # type: ignore[attr-defined]
        return cls

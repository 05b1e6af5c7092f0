"""Parameters of operators: which there are, whether values fit, and which of them decide the result.

An operator's own parameters are those of its `__init__`, checked against its annotations. Beside them every operator
takes the ones of DataJuicer's base class, of which there are two kinds: names of fields, which decide the result, and
resources, which cannot.
"""

from __future__ import annotations

import difflib
import inspect
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final, get_type_hints

import msgspec

from data_juicer.errors import ConfigError

FIELD_KEYS: Final[Mapping[str, Any]] = {
    "text_key": "text",
    "image_key": "images",
    "image_bytes_key": "image_bytes",
    "audio_key": "audios",
    "video_key": "videos",
    "query_key": "query",
    "response_key": "response",
    "history_key": "history",
    "system_key": "system",
    "instruction_key": "instruction",
    "prompt_key": "prompt",
    "index_key": None,
}
"""Names of fields that an operator reads, with their defaults. Set as attributes of the operator."""

RESOURCES: Final[Mapping[str, str]] = {
    "batch_size": "intermediate_storage.arrow_batch_size says it; operators give each row the same whatever its batch",
    "num_proc": "processes are counted for the job (np)",
    "cpu_required": "scheduling",
    "gpu_required": "scheduling",
    "mem_required": "scheduling",
    "num_cpus": "scheduling",
    "num_gpus": "scheduling",
    "memory": "scheduling",
    "accelerator": "where a model runs",
    "turbo": "speed",
    "batch_mode": "operators are given rows or batches as they are written for",
    "adaptive_batching": "batches have the size that intermediate_storage.arrow_batch_size says",
    "input_columns": "planning; what an operator reads is asked of it",
    "output_columns": "planning; what an operator writes is seen",
    "tmp_file_name": "temporary files have names of the job's own",
    "auto_op_parallelism": "scheduling",
    "ray_execution_mode": "scheduling",
    "runtime_env": "how a worker is started",
    "work_dir": "the job's own directory is used",
    "skip_op_error": "bad rows are dead letters; fault_tolerance.on_bad_row says what they cost",
    "stats_export_path": "stats are exported with keep_stats_in_res_ds",
}
"""Parameters that cannot change a result: accepted from every recipe, and why they have no effect here."""


def own_parameters(cls: type) -> dict[str, inspect.Parameter]:
    """The parameters that the `__init__` of a class names, base classes included as far as it passes `**kwargs` on."""
    found: dict[str, inspect.Parameter] = {}
    for owner in cls.__mro__:
        init = vars(owner).get("__init__")
        if owner is object or init is None:
            continue
        signature = list(inspect.signature(init).parameters.values())[1:]
        for parameter in signature:
            if parameter.kind in {parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY}:
                found.setdefault(parameter.name, parameter)
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in signature):
            break
    return found


def attribute_parameters(cls: type) -> dict[str, Any]:
    """Parameters that are attributes of the operator, with their defaults: field keys and what the class shares."""
    shared = {name: getattr(cls, name) for name in getattr(cls, "shared_parameters", ())}
    fields = {name: getattr(cls, name, default) for name, default in FIELD_KEYS.items()}
    return {**fields, **shared}


def check(name: str, cls: type, given: Mapping[str, Any]) -> dict[str, Any]:
    """The given parameters as values of their annotated types, resources left out.

    Raises: ConfigError: a parameter is unknown, or a value does not fit its type.
    """
    own, attributes = own_parameters(cls), attribute_parameters(cls)
    own_types = _types(cls) if own else {}
    checked: dict[str, Any] = {}
    for key, value in given.items():
        if key in own:
            checked[key] = _converted(name, key, value, own_types.get(key, Any), own[key].default)
        elif key in attributes:
            kind = str | None if attributes[key] is None else type(attributes[key])
            checked[key] = _converted(name, key, value, kind, attributes[key])
        elif key not in RESOURCES:
            raise ConfigError(unknown(f"operator {name}: parameter", key, own, attributes))
    missing = [
        key for key, parameter in own.items() if parameter.default is parameter.empty and key not in checked
    ]
    if missing:
        raise ConfigError(f"operator {name}: parameter {missing[0]!r} is required")
    return checked


def refuse_empty_range(name: str, cls: type, checked: Mapping[str, Any]) -> None:
    """Raises: ConfigError: a lower bound is above the upper one, so that an operator could keep no row."""
    values = {**_defaults(cls), **checked}
    if values.get("reversed_range"):
        return
    for low_key in [key for key in values if key.startswith(("min_", "lower_"))]:
        word, _, rest = low_key.partition("_")
        high_key = f"{'max' if word == 'min' else 'upper'}_{rest}"
        low, high = values[low_key], values.get(high_key)
        if _is_number(low) and _is_number(high) and low > high and {low_key, high_key} & checked.keys():
            raise ConfigError(
                f"operator {name}: {low_key} = {low} is above {high_key} = {high}: no row could be kept"
            )


def _defaults(cls: type) -> dict[str, Any]:
    return {key: parameter.default for key, parameter in own_parameters(cls).items()}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def blamed(name: str, message: str, given: Mapping[str, Any], cause: str | None = None) -> str:
    """What an operator's `__init__` raised, in one line, with its name and the parameter that it speaks of.

    Args:
        given: the parameters of the recipe's entry.
        cause: the one that is to blame, where that is known and the message does not name any.
    """
    text = " ".join(message.split())
    named = [key for key in given if key in text]
    values = [key for key, value in given.items() if isinstance(value, str) and value and value in text]
    blame = next(
        iter([*named, *values, *([cause] if cause in given else []), *(given if len(given) == 1 else ())]),
        None,
    )
    where = "" if blame is None or blame in named else f"{blame} = {given[blame]!r}: "
    return text if text.startswith(f"operator {name}: ") else f"operator {name}: {where}{text}"


def unknown(what: str, name: str, allowed: Iterable[str], also: Iterable[str] = ()) -> str:
    """The sentence about an unknown name: the nearest one and what is allowed; `also` is allowed but not listed."""
    allowed = sorted(allowed)
    near = difflib.get_close_matches(name, [*allowed, *also, *RESOURCES], n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    listed = f" Allowed: {', '.join(allowed)}." if allowed else " It has none of its own."
    return f"{what} {name!r} is unknown{hint}{listed}"


def _types(cls: type) -> dict[str, Any]:
    """Annotated types by name; none where an annotation names what cannot be found at run time."""
    try:
        return get_type_hints(inspect.getattr_static(cls, "__init__"), include_extras=True)
    except (NameError, TypeError, AttributeError):
        return {}


def _converted(name: str, key: str, value: Any, kind: Any, default: Any) -> Any:
    if value is None and default is None:
        return None
    try:
        return msgspec.convert(value, kind, strict=True)
    except msgspec.ValidationError as error:
        if isinstance(value, float) and value.is_integer():  # recipes write 2e5 for a number of characters
            return _converted(name, key, int(value), kind, default)
        raise ConfigError(f"operator {name}: {key} = {value!r}: {error}") from None
    except TypeError:  # a type of the operator's own that msgspec cannot check
        return value


def canonical(cls: type, checked: Mapping[str, Any]) -> bytes:
    """The parameters that decide the result as JSON, defaults filled in: the same for an explicit and an omitted default.

    A field key other than `text_key` is named only where it is not the default, so that new ones change no key.
    """
    own = own_parameters(cls)
    kinds = _types(cls) if own else {}
    decided = {
        key: _default(parameter.default, kinds.get(key, Any))
        for key, parameter in own.items()
        if parameter.default is not parameter.empty
    }
    attributes = attribute_parameters(cls)
    in_no_key = getattr(cls, "parameters_in_no_key", ())
    kept = {
        key: value
        for key, value in attributes.items()
        if key == "text_key" or (key not in FIELD_KEYS and key not in in_no_key)
    }
    named = {
        key: value
        for key, value in checked.items()
        if key in own or (value != attributes.get(key) and key not in in_no_key)
    }
    return json.dumps({**decided, **kept, **named}, sort_keys=True, default=repr, ensure_ascii=False).encode()


def _default(value: Any, kind: Any) -> Any:
    """A default in the form that the same value of a recipe is given, such as 1.0 for 1."""
    try:
        return msgspec.convert(value, kind, strict=True)
    except (msgspec.ValidationError, TypeError):
        return value

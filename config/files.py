"""Reading the YAML files of this folder: one strict way, and one error that names the file and the place in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import yaml

FOLDER = Path(__file__).resolve().parent

try:
    from yaml import CSafeLoader as _SafeLoader
except ImportError:  # a PyYAML built without libyaml
    from yaml import SafeLoader as _SafeLoader  # type: ignore[assignment]


class ConfigError(Exception):
    """A configuration file that must not be used. The message names the file, the place and what is wrong."""

    def __init__(self, path: Path, place: str, sentence: str) -> None:
        self.path, self.place, self.sentence = path, place, sentence
        super().__init__(f"{path.name}: {place}: {sentence}" if place else f"{path.name}: {sentence}")


class _StrictLoader(_SafeLoader):
    """Safe YAML that refuses a key written twice: the second would silently win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                line = key_node.start_mark.line + 1
                raise yaml.constructor.ConstructorError(None, None, f"line {line}: {key!r} is written twice")
            seen.add(key)
        return cast(dict[Any, Any], super().construct_mapping(node, deep=deep))


def read_yaml(path: Path) -> Any:
    """What the file says. Raises `ConfigError` where it is missing, no YAML, or has a key twice."""
    try:
        with path.open(encoding="utf-8") as file:
            return yaml.load(file, Loader=_StrictLoader)  # noqa: S506  a subclass of the safe loader
    except FileNotFoundError:
        raise ConfigError(path, "", "the file is missing") from None
    except yaml.YAMLError as error:
        raise ConfigError(path, "", str(error)) from error


def only_keys(path: Path, place: str, row: Any, *, required: set[str], optional: set[str] | None = None) -> None:
    """`row` is a mapping with all of `required` and nothing besides `optional`; else `ConfigError`."""
    if not isinstance(row, Mapping):
        raise ConfigError(path, place, f"expected a mapping, found {type(row).__name__}")
    if missing := required - row.keys():
        raise ConfigError(path, place, f"missing: {', '.join(sorted(missing))}")
    if unknown := row.keys() - required - (optional or set()):
        raise ConfigError(path, place, f"unknown: {', '.join(sorted(map(str, unknown)))}")


def text(path: Path, place: str, value: Any) -> str:
    """`value` as text that is not empty. A code must stand in quotes in YAML, or it becomes a number."""
    if not isinstance(value, str) or not value.strip():
        raise ConfigError(path, place, f"expected text, found {value!r}")
    return value

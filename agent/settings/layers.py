"""Where settings come from, one layer after the other, and who set what.

Later wins: $STATE_DIRECTORY, callbox.toml, conf.d/*.toml, --config FILE, credentials, environment.
Tables are merged key by key; a list replaces the one before it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from pydantic_settings import BaseSettings, EnvSettingsSource

from agent.settings.models import Settings
from agent.settings.names import Location, names_setting

ENV_PREFIX = "CALLBOX_"
ENVIRONMENT = "environment"
_Reader = Callable[[Path], dict[str, Any]]


@dataclass(frozen=True)
class Layer:
    """One source of settings: what it is called in a fault, and its values as a tree."""

    name: str
    values: dict[str, Any]

    def key(self, path: Location) -> str:
        """A key as whoever wrote this layer knows it: `mqtt.port`, or `CALLBOX_MQTT__PORT`."""
        if self.name == ENVIRONMENT:
            return ENV_PREFIX + "__".join(map(str, path)).upper()
        return "".join(
            f"[{part}]" if isinstance(part, int) else f".{part}" for part in path
        ).lstrip(".")


@dataclass
class Merged:
    """All layers as one tree, with the layer that set each part of it."""

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[Location, Layer] = field(default_factory=dict)

    def add(self, layer: Layer) -> None:
        _merge(self.values, layer.values, layer, (), self)

    def origin(self, path: Location) -> Layer | None:
        """Who set `path`, or the nearest thing around it."""
        return next(
            (self.origins[path[:n]] for n in range(len(path), 0, -1) if path[:n] in self.origins),
            None,
        )


class _TextSource(EnvSettingsSource):
    """pydantic-settings' reading of names with `__` in them, on a mapping of ours. Unreadable JSON
    stays text.
    """

    def __init__(self, model: type[BaseSettings], texts: Mapping[str, str]) -> None:
        super().__init__(model, env_prefix="", env_nested_delimiter="__")
        self.env_vars = texts

    def decode_complex_value(self, field_name: str, field: Any, value: Any) -> Any:
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError:
            # the model says what it should have been, and where
            return value


def read_layers(
    config: Path | None,
    environ: Mapping[str, str],
    root: Path | None,
    model: type[BaseSettings] = Settings,
) -> tuple[list[Layer], list[str]]:
    """Every layer of `model` that is there, in order, and a sentence for each that cannot be read.

    `root` is the directory of the device's files; None where there is `config` alone.
    """
    layers: list[Layer] = []
    faults: list[str] = []
    if directory := environ.get("STATE_DIRECTORY", "").partition(":")[0]:
        layers.append(Layer("$STATE_DIRECTORY", {"state_directory": directory}))
    files: list[tuple[_Reader, Path]] = []
    for find in (_files(config, root), _credentials(environ, model)):
        try:
            files.extend(find)
        except OSError as error:
            faults.append(f"{error.filename}: cannot be read: {error.strerror}")
    for read, file in files:
        try:
            layers.append(Layer(str(file), read(file)))
        except ValueError as error:
            faults.append(str(error))
    names = {
        name.removeprefix(ENV_PREFIX).lower(): text
        for name, text in environ.items()
        if name.startswith(ENV_PREFIX)
    }
    layers.append(Layer(ENVIRONMENT, _tree(model, names)))
    return layers, faults


def read_toml(file: Path) -> dict[str, Any]:
    """The file's table. Raises ValueError, one sentence that names the file, and the line where one
    is to blame.
    """
    text = _read_text(file)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        end = f"line {text.count(chr(10), 0, len(text.rstrip())) + 1}, the end of the file"
        raise ValueError(
            f"{file}: is not TOML: {str(error).replace('end of document', end)}"
        ) from error


def _read_credential(model: type[BaseSettings], file: Path) -> dict[str, Any]:
    return _tree(model, {file.name: _read_text(file).rstrip("\r\n")})


def _read_text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(f"{file}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{file}: is not UTF-8 text (byte {error.start})") from error


def is_there(file: Path) -> bool:
    """False only where there is nothing: what cannot be looked at is there, and reading it tells
    what is wrong.
    """
    try:
        file.stat()
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return True


def _entries(directory: Path) -> list[Path]:
    try:
        return sorted(directory.iterdir())
    except FileNotFoundError:
        return []


def _files(config: Path | None, root: Path | None) -> Iterator[tuple[_Reader, Path]]:
    if root is not None:
        if is_there(root / "callbox.toml"):
            yield read_toml, root / "callbox.toml"
        entries = _entries(root / "conf.d")
        yield from ((read_toml, file) for file in entries if file.suffix == ".toml")
    if config is not None:
        yield read_toml, config


def _credentials(
    environ: Mapping[str, str], model: type[BaseSettings]
) -> Iterator[tuple[_Reader, Path]]:
    if directory := environ.get("CREDENTIALS_DIRECTORY"):
        for file in _entries(Path(directory)):
            # Others may lie here too, such as a TLS key that a setting points to.
            if file.name.partition("__")[0] in model.model_fields:
                yield partial(_read_credential, model), file


def _tree(model: type[BaseSettings], texts: Mapping[str, str]) -> dict[str, Any]:
    """The tree of flat names. pydantic-settings passes over names it does not know; here they stay,
    to be judged.
    """
    values: dict[str, Any] = _TextSource(model, texts)()
    for name, text in texts.items():
        path = name.split("__")
        if not names_setting(path, model):
            *parents, last = path
            table = values
            for parent in parents:
                if not isinstance(table.get(parent), dict):
                    table[parent] = {}
                table = table[parent]
            table[last] = text
    return values


def _merge(
    target: dict[str, Any], source: Mapping[str, Any], layer: Layer, path: Location, merged: Merged
) -> None:
    for key, value in source.items():
        here = (*path, key)
        merged.origins[here] = layer
        if isinstance(value, dict):
            if not isinstance(target.get(key), dict):
                target[key] = {}
            _merge(target[key], value, layer, here, merged)
        else:
            target[key] = value

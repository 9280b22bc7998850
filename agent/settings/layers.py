"""Where settings come from, one layer after the other, and who set what.

Later wins: $STATE_DIRECTORY, callbox.toml, conf.d/*.toml, --config FILE, credentials, environment.
Tables are merged key by key; a list replaces the one before it. A credential or an environment
variable reaches into a list of tables by an entry's name or number: `output__door__code`,
`notify__0__token`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from agent.settings.models import Settings
from agent.settings.names import Location, names_setting
from agent.settings.text_file import read_text

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
    faults: list[str] = field(default_factory=list)

    def add(self, layer: Layer) -> None:
        _merge(self.values, layer.values, layer, (), self)

    def origin(self, path: Location) -> Layer | None:
        """Who set `path`, or the nearest thing around it."""
        return next(
            (self.origins[path[:n]] for n in range(len(path), 0, -1) if path[:n] in self.origins),
            None,
        )


def read_layers(
    config: Path | None,
    environ: Mapping[str, str],
    root: Path | None,
    model: type[BaseModel] = Settings,
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
    text = read_text(file)
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError(f"{file}: is nested too deeply") from None
    except tomllib.TOMLDecodeError as error:
        end = f"line {text.count(chr(10), 0, len(text.rstrip())) + 1}, the end of the file"
        raise ValueError(
            f"{file}: is not TOML: {str(error).replace('end of document', end)}"
        ) from error


def _read_credential(model: type[BaseModel], name: str, file: Path) -> dict[str, Any]:
    return _tree(model, {name: read_text(file).rstrip("\r\n")})


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
    environ: Mapping[str, str], model: type[BaseModel]
) -> Iterator[tuple[_Reader, Path]]:
    if directory := environ.get("CREDENTIALS_DIRECTORY"):
        for name, file in _credential_files(Path(directory)):
            # Others may lie here too, such as a TLS key that a setting points to.
            if name.partition("__")[0] in model.model_fields:
                yield partial(_read_credential, model, name), file


def _credential_files(directory: Path) -> Iterator[tuple[str, Path]]:
    """`mqtt__password` as systemd hands it over, and `mqtt/password` as the unit finds it."""
    for entry in _entries(directory):
        if entry.is_dir():
            yield from ((f"{entry.name}__{each.name}", each) for each in _entries(entry))
        else:
            yield entry.name, entry


def _tree(model: type[BaseModel], texts: Mapping[str, str]) -> dict[str, Any]:
    """The tree of flat names. pydantic-settings passes over names it does not know; here they stay,
    to be judged.
    """
    if not texts:
        return {}
    # with all of pydantic-settings: most who start a command have none
    from agent.settings.text_source import TextSource

    values: dict[str, Any] = TextSource(model, texts)()
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
            if isinstance(entries := target.get(key), list):
                target[key] = _merge_entries(entries, value, layer, here, merged)
                continue
            if not isinstance(target.get(key), dict):
                target[key] = {}
            _merge(target[key], value, layer, here, merged)
        else:
            target[key] = value


def _merge_entries(
    entries: list[Any], source: Mapping[str, Any], layer: Layer, path: Location, merged: Merged
) -> list[Any]:
    """`source` has parts of entries by their names or numbers; the lists of other layers stay as
    they are.
    """
    entries = list(entries)
    for key, value in source.items():
        number = _entry_number(entries, key)
        if number is None or not isinstance(value, dict):
            fault = f"{layer.name}: {layer.key((*path, key))}: there is no such entry in the list"
            merged.faults.append(fault)
            continue
        entries[number] = dict(entries[number])
        _merge(entries[number], value, layer, (*path, number), merged)
    return entries


def _entry_number(entries: list[Any], key: str) -> int | None:
    """Of the table with that name, in lower case as the environment has it, or that number."""
    tables = [(n, each) for n, each in enumerate(entries) if isinstance(each, dict)]
    named = (n for n, each in tables if str(each.get("name", "")).lower() == key.lower())
    numbered = (n for n, _ in tables if str(n) == key)
    return next(named, next(numbered, None))

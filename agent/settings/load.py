"""Settings and policy, read and judged as a whole."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from datetime import tzinfo
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from agent.core.policy.rules import Policy, Rule, Rules
from agent.errors import ConfigurationError
from agent.options import Section, check_path, named_file
from agent.service.system_zone import local_timezone
from agent.settings.faults import describe
from agent.settings.layers import Layer, Merged, is_there, read_layers, read_toml
from agent.settings.models import CONFIG_ROOT, LayeredSettings, Settings
from agent.settings.names import Location
from agent.settings.pull_checks import faults_of_consumers

Tree = TypeVar("Tree", bound=LayeredSettings)


class PolicyFile(Section):
    """policy.toml: [[rule]] tables."""

    rule: Rules = ()


def load_settings(
    config: Path | None = None,
    *,
    environ: Mapping[str, str] = os.environ,
    root: Path = CONFIG_ROOT,
    every_file: bool = False,
) -> Settings:
    """All layers as one tree. A file without which a part alone does not work, such as the page's
    certificate, is looked for with `every_file`.

    Raises ConfigurationError with every fault there is, those of the rules included, so that nobody
    mends one to meet the next.
    """

    def of_rules(values: Mapping[str, Any]) -> list[str]:
        return _faults_of_rules(values.get("policy"), root)

    return load_tree(Settings, config, environ, root=root, every_file=every_file, also=of_rules)


def load_tree(
    model: type[Tree],
    config: Path | None,
    environ: Mapping[str, str],
    *,
    root: Path | None = None,
    every_file: bool = False,
    also: Callable[[Mapping[str, Any]], list[str]] = lambda _: [],
) -> Tree:
    """All layers of `model` as one tree: see `load_settings`, and `read_layers` for `root`. `also`
    is asked, where there is a fault, for those of what the values name.
    """
    layers, faults = read_layers(config, environ, root, model)
    merged = Merged()
    for layer in layers:
        merged.add(layer)
    faults += merged.faults
    try:
        settings = model(**merged.values)
    except ValidationError as error:
        faults.extend(describe(error, merged, model) + also(merged.values))
        # the cause quotes secrets
        raise ConfigurationError(faults) from None
    faults.extend(_missing_files(settings, merged, every=every_file))
    if faults:
        raise ConfigurationError(faults + also(merged.values))
    return settings


def load_policy(
    settings: Settings, *, timezone: tzinfo | None = None, root: Path = CONFIG_ROOT
) -> Policy:
    """The rules that the settings name, in the device's time zone. Raises ConfigurationError: file,
    rule and field.

    Where no file is named and `root` has no policy.toml, there are no rules: every call is
    rejected.
    """
    named = settings.policy.file if settings.policy.names_file else None
    rules = settings.policy.rule or _read_rules(named, root)
    if faults := [*faults_of_consumers(settings, rules)]:
        raise ConfigurationError(faults)
    return Policy(
        rules,
        timezone=timezone or local_timezone(),
        max_duration=settings.call.max_duration,
    )


def _faults_of_rules(policy: object, root: Path) -> list[str]:
    """What is wrong with the file of rules, told by settings that are no good themselves."""
    section = policy if isinstance(policy, dict) else {}
    file = section.get("file")
    if "rule" in section or not isinstance(file, str | None):
        return []
    try:
        named = check_path(Path(file)) if file is not None else None
    except ValueError:
        return []  # told already
    try:
        _read_rules(named, root)
    except ConfigurationError as error:
        return error.faults
    return []


def _read_rules(named: Path | None, root: Path) -> tuple[Rule, ...]:
    file = named or root / "policy.toml"
    if named is None and not is_there(file):
        return ()
    try:
        values = read_toml(file)
    except ValueError as error:
        raise ConfigurationError([str(error)]) from error
    merged = Merged()
    merged.add(Layer(str(file), values))
    try:
        return PolicyFile(**values).rule
    except ValidationError as error:
        raise ConfigurationError(describe(error, merged, PolicyFile)) from None


def _missing_files(settings: BaseModel, merged: Merged, *, every: bool) -> Iterator[str]:
    """Files that the settings name and that cannot be read. A section that is not enabled reads
    none.
    """
    for path, file, required in _named_files(settings):
        layer = merged.origin(path)
        if layer is not None and (every or required) and not os.access(file, os.R_OK):
            yield f"{layer.name}: {layer.key(path)}: '{file}' cannot be read"


def _named_files(section: BaseModel, above: Location = ()) -> Iterator[tuple[Location, Path, bool]]:
    """Key, path and whether the device does not start without it."""
    if not getattr(section, "enabled", True):
        return
    for name, field in type(section).model_fields.items():
        value, required = getattr(section, name), named_file(field)
        if isinstance(value, BaseModel):
            yield from _named_files(value, (*above, name))
        elif required is not None and value is not None:
            yield (*above, name), value, required

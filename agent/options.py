"""What a section of the settings is made of; each stands beside what it sets.

A setting is one field: name, form, default, unit and reason. One that is marked `LIVE` is applied
by a reload; any other waits for a restart.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from agent.core.policy.duration_fields import Duration

__all__ = [
    "LIVE",
    "TABLES",
    "AnyPath",
    "Duration",
    "Host",
    "OptionalPath",
    "OptionalSecret",
    "OptionalText",
    "ReadableFile",
    "Real",
    "RequiredFile",
    "Section",
    "Whole",
    "are_tables",
    "check_host",
    "check_path",
    "conflict",
    "is_live",
    "is_loopback",
    "named_file",
    "none_if_empty",
]

# names of containers and of Windows machines have an underscore
_HOST = re.compile(r"[^\W_][\w.-]*")


class _Mark:
    """Metadata of a field, in its `Annotated`."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


LIVE = _Mark("LIVE")
"""A reload applies it: to the next call, or the next line of the log."""

REQUIRED_FILE = _Mark("REQUIRED_FILE")
"""A file without which the device does not start."""

READABLE_FILE = _Mark("READABLE_FILE")
"""A file without which a part of the device does not work."""


TABLES = _Mark("TABLES")
"""A list of sections, each written as a table of its own: `[[notify]]`."""


def _no_boolean(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError(f"{str(value).lower()} should be a number")  # noqa: TRY004 - what pydantic collects
    return value


def check_path(path: Path) -> Path:
    """Anything that an operating system can open."""
    if not str(path).isprintable():
        raise ValueError(f"{str(path)!r} is not a path")
    return path


def check_host(host: str) -> str:
    """A name or an address, not a URL. What may hold a password is not quoted."""
    if "@" in host:
        raise ValueError("a host with '@' in it: username and password are keys of their own")
    if "/" in host:
        raise ValueError(
            "a URL is not the name or address of a host: port and tls are keys of their own"
        )
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        pass
    else:
        return host
    if ":" in host:
        raise ValueError("a host with a port in it: port is a key of its own")
    try:
        # as it will be looked up: a part of the name may be empty, or too long
        host.encode("idna")
    except UnicodeError:
        usable = False
    else:
        usable = bool(_HOST.fullmatch(host)) and not re.fullmatch(r"[0-9.]+", host)
    if not usable:
        raise ValueError(f"{host!r} is not the name or address of a host")
    return host


def none_if_empty(value: object) -> object:
    """`""` is how a TOML file says that a value is not given."""
    return None if value == "" else value


Whole = Annotated[int, BeforeValidator(_no_boolean)]
Real = Annotated[float, BeforeValidator(_no_boolean)]
Host = Annotated[str, AfterValidator(check_host)]
AnyPath = Annotated[Path, AfterValidator(check_path)]
OptionalPath = Annotated[AnyPath | None, BeforeValidator(none_if_empty)]
RequiredFile = Annotated[OptionalPath, REQUIRED_FILE]
ReadableFile = Annotated[OptionalPath, READABLE_FILE]
OptionalText = Annotated[str | None, BeforeValidator(none_if_empty)]
OptionalSecret = Annotated[SecretStr | None, BeforeValidator(none_if_empty)]


class Section(BaseModel):
    """A table of the settings. Its docstring is what the sample says above it."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def is_live(field: FieldInfo) -> bool:
    """Whether a reload applies the setting."""
    return _marked(field, LIVE)


def are_tables(field: FieldInfo) -> bool:
    """Whether the setting is a list of tables."""
    return _marked(field, TABLES)


def named_file(field: FieldInfo) -> bool | None:
    """Whether the setting names a file, and the device does not start without it; None where it
    names none.
    """
    if _marked(field, REQUIRED_FILE):
        return True
    return False if _marked(field, READABLE_FILE) else None


def _marked(field: FieldInfo, mark: _Mark) -> bool:
    return mark in field.metadata


def conflict(key: str, text: str) -> PydanticCustomError:
    """Two settings that do not go together: `key` is the one to name, `text` says why, values
    included.
    """
    return PydanticCustomError("conflict", "{text}", {"key": key, "text": text})


def is_loopback(host: str) -> bool:
    """Whether a name or an address is this machine alone."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

"""What a Home Assistant finds when it starts: somebody has set it up already, with an owner, a
long-lived token and a broker.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_USER, _REFRESH = "0" * 31 + "1", "0" * 31 + "2"
_BORN = "2026-01-01T00:00:00+00:00"
_YEARS = 315360000
_STEPS = ["user", "core_config", "analytics", "integration"]
_YAML = """\
logger:
  default: warning
  logs:
    homeassistant.components.mqtt: info
    haffmpeg: critical
{levels}homeassistant:
  name: Test
  latitude: 52.0
  longitude: 5.0
  elevation: 0
  unit_system: metric
  time_zone: UTC
  currency: EUR
  country: NL
"""


@dataclass(frozen=True, slots=True)
class Setup:
    """What differs from test to test.

    `user` is name and password at the broker; `custom` are folders of integrations, `labs` pairs of
    domain and preview feature, `yaml` more lines of configuration.yaml, `entries` config entries of
    integrations, and `debug` names of loggers.
    """

    mqtt_port: int
    user: tuple[str, str] | None = None
    custom: Sequence[Path] = ()
    labs: Sequence[tuple[str, str]] = ()
    yaml: str = ""
    entries: Sequence[dict[str, Any]] = ()
    debug: Sequence[str] = field(default=())


def write_setup(folder: Path, setup: Setup, port: int, *, stored_address: bool) -> str:
    """Fill `folder`; returns the token. `port` is that of the page. `stored_address`: that is read
    from the storage, as newer versions do; in YAML there it would be a trial of five minutes.
    """
    shutil.rmtree(folder, ignore_errors=True)
    storage = folder / ".storage"
    storage.mkdir(parents=True)
    http = f"http:\n  server_host: 127.0.0.1\n  server_port: {port}\n"
    if stored_address:
        _store(storage, "http", _address(port), version=3)
        http = ""
    levels = "".join(f"    {name}: debug\n" for name in setup.debug)
    (folder / "configuration.yaml").write_text(http + _YAML.format(levels=levels) + setup.yaml)
    for each in setup.custom:
        target = folder / "custom_components" / each.name
        shutil.copytree(each, target, ignore=shutil.ignore_patterns("__pycache__"))
    key = secrets.token_hex(64)
    _store(storage, "auth", _owner(key))
    _store(storage, "onboarding", {"done": _STEPS}, version=4)
    features = [{"domain": domain, "preview_feature": name} for domain, name in setup.labs]
    _store(storage, "core.labs", {"preview_feature_status": features})
    entries = [_entry(each) for each in (_broker(setup), *setup.entries)]
    _store(storage, "core.config_entries", {"entries": entries}, minor=5)
    now = int(time.time())
    return _token({"iss": _REFRESH, "iat": now - 60, "exp": now + _YEARS}, key)


def _store(
    storage: Path, key: str, data: dict[str, Any], *, version: int = 1, minor: int = 1
) -> None:
    content = {"version": version, "minor_version": minor, "key": key, "data": data}
    (storage / key).write_text(json.dumps(content))


def _address(port: int) -> dict[str, Any]:
    stable = {
        "server_host": ["127.0.0.1"],
        "server_port": port,
        "cors_allowed_origins": [],
        "login_attempts_threshold": -1,
        "ip_ban_enabled": False,
        "ssl_profile": "intermediate_v6",
        "use_x_frame_options": True,
        "created_at": _BORN,
        "error": None,
        "error_message": None,
    }
    return {"pending": None, "yaml_migration_done": True, "stable": stable}


def _owner(key: str) -> dict[str, Any]:
    user = {
        "id": _USER,
        "group_ids": ["system-admin"],
        "is_owner": True,
        "is_active": True,
        "name": "Test",
        "system_generated": False,
        "local_only": False,
    }
    token = {
        "id": _REFRESH,
        "user_id": _USER,
        "client_id": None,
        "client_name": "tests",
        "client_icon": None,
        "token_type": "long_lived_access_token",
        "access_token_expiration": float(_YEARS),
        "created_at": _BORN,
        "version": None,
        "credential_id": None,
        "expire_at": None,
        "jwt_key": key,
        "last_used_at": None,
        "last_used_ip": None,
        "token": secrets.token_hex(64),
    }
    groups = [{"id": name, "name": name} for name in ("system-admin", "system-users")]
    groups.append({"id": "system-read-only", "name": "system-read-only"})
    return {"users": [user], "groups": groups, "credentials": [], "refresh_tokens": [token]}


def _broker(setup: Setup) -> dict[str, Any]:
    data = {"broker": "127.0.0.1", "port": setup.mqtt_port, "protocol": "5"}
    if setup.user is not None:
        data |= {"username": setup.user[0], "password": setup.user[1]}
    return {"domain": "mqtt", "title": "broker", "version": 2, "minor_version": 1, "data": data}


def _entry(given: dict[str, Any]) -> dict[str, Any]:
    return {
        "created_at": _BORN,
        "modified_at": _BORN,
        "disabled_by": None,
        "discovery_keys": {},
        "entry_id": secrets.token_hex(13),
        "minor_version": 1,
        "options": {},
        "pref_disable_new_entities": False,
        "pref_disable_polling": False,
        "source": "user",
        "subentries": [],
        "unique_id": None,
        "version": 1,
        **given,
    }


def _token(claims: dict[str, Any], key: str) -> str:
    def part(value: bytes) -> str:
        return base64.urlsafe_b64encode(value).rstrip(b"=").decode()

    header = {"alg": "HS256", "typ": "JWT"}
    signed = ".".join(part(json.dumps(each).encode()) for each in (header, claims))
    return f"{signed}.{part(hmac.digest(key.encode(), signed.encode(), hashlib.sha256))}"

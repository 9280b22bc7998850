"""`callbox check`: what is wrong with settings, policy and what they name."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from agent.errors import ConfigurationError
from agent.service.private_directory import faults_of_owner
from agent.service.status_client import ask, candidates
from agent.service.system_zone import local_timezone
from agent.settings import Settings, advise, load_policy, load_settings


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """One sentence for each thing. With one of `faults` the device does not start (`run` says the
    same, and exits with 78). What is `unusable` now, or not there, is tried again while the device
    is on line without the part that needs it. `warnings` are of what is hardly meant.
    """

    faults: list[str] = field(default_factory=list)
    unusable: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def judge(config: Path | None) -> CheckOutcome:
    """What a start would meet. No camera, card or pin is opened."""
    try:
        settings = load_settings(config)
        warnings = advise(settings, load_policy(settings))
    except ConfigurationError as error:
        return CheckOutcome(faults=error.faults)
    # root asks for the service's user, whose directory it may be
    owners = faults_of_owner(settings.state_directory) if os.geteuid() else []
    if zone_fault := local_timezone().fault:
        warnings.append(f"{zone_fault}; rules with days or hours go by UTC")
    unusable = [*_missing_files(config), *_useless_files(settings), *taken_ports(settings)]
    kind, _, path = settings.video.source.partition(":")
    if kind == "file":
        # with all that it needs to read one: no other check waits for that
        from agent.media.file.clip_check import judge_clip

        clip = judge_clip(Path(path), settings.video.framerate)
        unusable += [f"video.source: {clip.fault}"] if clip.fault else []
        warnings += [f"video.source: {each}" for each in clip.warnings]
    return CheckOutcome(owners, unusable, warnings)


def _missing_files(config: Path | None) -> list[str]:
    """Without which a part of the device does not work."""
    try:
        load_settings(config, every_file=True)
    except ConfigurationError as error:
        return error.faults
    return []


def _useless_files(settings: Settings) -> Iterator[str]:
    """What is there, and is not what it should be."""
    directory = settings.state_directory
    above = next((each for each in (directory, *directory.parents) if each.exists()), directory)
    if not above.is_dir():
        yield f"state_directory: {above} is no directory; records are kept in memory only"
    for key, section in (("web", settings.web), ("pull", settings.pull)):
        client_ca = settings.web.client_ca_file if key == "web" else None
        named = [each for each in (section.cert_file, section.key_file, client_ca) if each]
        if not section.enabled or not section.cert_file:
            continue
        # told already where one cannot be read
        if all(os.access(each, os.R_OK) for each in named):
            from agent.web.certificates import CertificateFiles

            try:
                CertificateFiles(section.cert_file, section.key_file, client_ca).read()
            except OSError as error:
                yield f"{key}.cert_file: {error.strerror}"


def taken_ports(settings: Settings) -> Iterator[str]:
    """Ports that another program has. One that the device itself serves is its own."""
    for part, key, section in (("page", "web", settings.web), ("pull", "pull", settings.pull)):
        if not section.enabled or _serves(part, settings.uid):
            continue
        try:
            _bind(section.host, section.port)
        except OSError as error:
            where = f"{section.host}, port {section.port}"
            yield f"{key}.port: {where} cannot be had: {error.strerror}"


def _serves(part: str, uid: str) -> bool:
    """Whether the running device has the port of this part."""
    for path in candidates():
        try:
            status = ask(path)
        except (OSError, ValueError):
            continue
        if status["uid"] == uid:
            return part not in status.get("faults", {})
    return False


def _bind(host: str, port: int) -> None:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)

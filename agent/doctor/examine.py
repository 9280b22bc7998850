"""The examination: one check after the other, each with a deadline, none able to end the others."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from agent.doctor import devices, network, system_check
from agent.doctor.broker_check import check_broker
from agent.doctor.broker_rules import check_broker_rules
from agent.doctor.camera_report import report_camera
from agent.doctor.configuration_check import judge
from agent.doctor.daemon_check import find_daemon, once, report_daemon
from agent.doctor.findings import DoctorReport, Finding, Verdict
from agent.doctor.measure import Progress, measure_camera
from agent.doctor.pull_check import check_pull
from agent.doctor.records import check_records
from agent.doctor.sound_check import check_echo
from agent.errors import CallboxError, ConfigurationError, MediaError
from agent.media.base.video_source import VideoOptions
from agent.media.source_choice import open_video_source
from agent.media.video_hub import VideoHub
from agent.settings import Settings, load_policy, load_settings
from agent.settings.home_features import advise_home

logger = logging.getLogger(__name__)

# seconds; importing picamera2 alone takes several on a Zero 2 W
_CHECK_TIMEOUT = 30.0


@dataclass(frozen=True, slots=True)
class Plan:
    """`camera`: open it and measure for about `seconds`; `sound`: play and listen."""

    config: Path | None = None
    camera: bool = False
    seconds: float = 20.0
    sound: bool = False


async def examine(plan: Plan, progress: Progress = lambda _step: None) -> DoctorReport:
    """Look at everything. What cannot be looked at is a finding, too."""
    progress("looking at this machine")
    findings = [*await _in_thread("clock", system_check.check_clock)]
    try:
        settings = load_settings(plan.config)
        load_policy(settings)
    except ConfigurationError as error:
        findings += [
            Finding("settings", Verdict.FAILED, fault, "See `callbox check`.")
            for fault in error.faults
        ]
        settings = None
    else:
        findings.append(Finding("settings", Verdict.OK, "they can be read, and so can the policy"))
        findings += await _in_thread("settings", lambda: [*_faults_of_parts(plan.config)])
    findings += await _in_thread("permissions", lambda: [*system_check.check_devices()])
    findings += await _in_thread("heat", system_check.check_temperature)
    if settings is not None:
        findings += [each async for each in _with_settings(settings, plan, progress)]
    made_at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return DoctorReport(made_at, await asyncio.to_thread(system_check.system), tuple(findings))


async def _with_settings(
    settings: Settings, plan: Plan, progress: Progress
) -> AsyncIterator[Finding]:
    options = VideoOptions.of(settings.video, settings.camera, settings.uid)
    progress("looking for cameras and sound")
    for each in await _in_thread(
        "records", lambda: check_records(settings.state_directory, settings.uid)
    ):
        yield each
    for each in await _in_thread("cameras", lambda: [*devices.check_cameras(settings, options)]):
        yield each
    for each in await _in_thread("encoder", lambda: devices.check_encoder(settings)):
        yield each
    for each in await _in_thread("sound", lambda: devices.check_sound(settings)):
        yield each
    if plan.sound:
        progress("playing a chirp and listening")
        for each in await _in_thread("echo", lambda: [*check_echo(settings.audio)]):
            yield each
    for line in advise_home(settings):
        yield Finding("home assistant", Verdict.WARNING, line)
    async for each in _around_the_broker(settings, progress):
        yield each
    progress("asking the ICE servers")
    async for each in network.check_ice_servers(settings):
        yield each
    for each in await _in_thread("pull", lambda: [*check_pull(settings)]):
        yield each
    if plan.camera:
        for each in await _measured(settings, plan.seconds, progress):
            yield each
    else:
        yield Finding(
            "camera",
            Verdict.SKIPPED,
            "not opened",
            "`callbox doctor --camera` opens it, and measures.",
        )


async def _around_the_broker(settings: Settings, progress: Progress) -> AsyncIterator[Finding]:
    """What the running daemon says, and what we see ourselves: its settings may be older ones."""
    progress("asking the daemon")
    status = await asyncio.to_thread(find_daemon, settings.uid)
    here = status is not None and status["uid"] == settings.uid
    told = [*report_daemon(status)]
    progress("connecting to the broker")
    seen = [each async for each in check_broker(settings, daemon_is_here=here)]
    for each in (*told, *once(seen, told)):
        yield each
    if not any(each.area == "broker" and each.verdict is Verdict.FAILED for each in seen):
        progress("trying the broker's rules")
        async for each in check_broker_rules(settings, daemon_is_here=here):
            yield each


async def _measured(settings: Settings, seconds: float, progress: Progress) -> list[Finding]:
    options = VideoOptions.of(settings.video, settings.camera, settings.uid)
    hub = VideoHub(open_video_source(settings.video.source, options), options)
    try:
        measured = await measure_camera(hub, options, seconds, progress)
    except (MediaError, TimeoutError) as error:
        reason = str(error) or "no picture came"
        advice = (
            "A running callbox has it while somebody calls, and shortly after."
            if _is_taken(reason)
            else ""
        )
        return [Finding("camera", Verdict.FAILED, reason, advice)]
    finally:
        await hub.close()
    passed_through = "passed through" in measured.encoder or measured.encoder == "in the camera"
    return [*report_camera(measured, options, passed_through=passed_through)]


def _is_taken(reason: str) -> bool:
    return "busy" in reason.lower() or "another program" in reason


def _faults_of_parts(config: Path | None) -> Iterable[Finding]:
    """What keeps a part of the device from working, and not the device."""
    judged = judge(config)
    for fault in judged.faults:
        yield Finding("settings", Verdict.FAILED, fault, "The device does not start with it.")
    for each in judged.unusable:
        yield Finding("settings", Verdict.FAILED, each, "The device takes calls without it.")


async def _in_thread(area: str, check: Callable[[], Finding | Iterable[Finding]]) -> list[Finding]:
    """What `check` finds; it blocks."""
    try:
        async with asyncio.timeout(_CHECK_TIMEOUT):
            found = await asyncio.to_thread(check)
    except TimeoutError:
        return [
            Finding(area, Verdict.FAILED, f"looking at it takes more than {_CHECK_TIMEOUT:.0f} s")
        ]
    except (CallboxError, OSError) as error:
        return [Finding(area, Verdict.FAILED, str(error))]
    except Exception as error:
        # a driver's edge: one check that breaks must not hide what the others find
        logger.exception("the check of %s broke", area)
        return [
            Finding(
                area,
                Verdict.FAILED,
                f"the check itself broke: {str(error) or type(error).__name__}",
            )
        ]
    return [found] if isinstance(found, Finding) else [*found]

"""The service under a real systemd: ready, called, reloaded, hung, crashed and stopped.

What took how long is printed (pytest -s), not judged: a busy machine must not fail what works.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.systemd.device import PASSWORD, UNIT, Device
from tests.waiting import PATIENCE

pytestmark = [pytest.mark.systemd]

FAULTY = Path(__file__).with_name("faulty.py")
# seconds, in place of the unit's 20
WATCHDOG = 4.0
IDLE_SHARE = 0.003  # of a core


@pytest.fixture
def running(device: Device) -> Device:
    """Ready and idle, whatever the test before it left behind."""
    device.start()
    device.machine.wait(lambda: not device.status()["calls"], "the device is idle")
    return device


def test_verify_has_nothing_to_say(device: Device) -> None:
    assert device.machine.run("systemd-analyze", "verify", UNIT) == ""


def test_exposure_is_at_most_1_3(device: Device) -> None:
    text = device.machine.run("systemd-analyze", "security", "--no-pager", "--threshold=13", UNIT)
    assert "Overall exposure level" in text


def test_start_to_ready(device: Device) -> None:
    device.machine.run("systemctl", "stop", UNIT)
    device.start()
    properties = device.machine.show(
        UNIT, "StatusText", "ExecMainStartTimestampMonotonic", "ActiveEnterTimestampMonotonic"
    )
    took = int(properties["ActiveEnterTimestampMonotonic"]) - int(
        properties["ExecMainStartTimestampMonotonic"]
    )
    print(f"\n{device.machine.suite}: start to READY {took / 1e6:.2f} s")
    assert properties["StatusText"] == "idle; broker 127.0.0.1:1883"


def test_user_groups_and_directories(running: Device) -> None:
    machine, pid = running.machine, running.main_pid
    status = machine.run("cat", f"/proc/{pid}/status")
    user = machine.run("id", "--user", "callbox").strip()
    groups = {
        machine.run("getent", "group", name).split(":")[2] for name in ("video", "audio", "callbox")
    }
    fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    assert fields["Uid"].split() == [user] * 4
    assert set(fields["Groups"].split()) == groups
    assert int(fields["CapBnd"], 16) == 0
    assert fields["NoNewPrivs"].strip() == "1"
    assert (
        machine.run("stat", "--format=%U:%G %a", "/var/lib/callbox").strip()
        == "callbox:callbox 700"
    )
    assert (
        machine.run("stat", "--format=%U:%G %a", "/run/callbox/status.sock").strip()
        == "callbox:callbox 660"
    )
    assert (
        machine.run("stat", "--format=%U:%G %a", "/etc/callbox/credentials").strip()
        == "root:root 700"
    )


def test_what_the_daemon_can_write_is_never_run(running: Device) -> None:
    inside = ["nsenter", f"--target={running.main_pid}", "--mount", "--"]
    for folder in ("/var/lib/callbox", "/run/callbox", "/tmp", "/var/tmp", "/dev/shm"):
        program = f"{folder}/program"
        running.machine.run(*inside, "install", "--mode=0755", "/usr/bin/true", program)
        for command in ([program], ["/lib64/ld-linux-x86-64.so.2", program]):
            assert running.machine.start(*inside, *command).returncode != 0, folder
        running.machine.run(*inside, "rm", program)


def test_only_group_members_may_ask_for_the_status(running: Device) -> None:
    refused = running.machine.start(
        "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "callbox", "status"
    )
    assert refused.returncode == 6
    assert "Permission denied" in refused.stdout


def test_password_of_the_page_is_a_credential(device: Device) -> None:
    """In no file that the daemon's user can read."""
    machine, secret = device.machine, "/etc/callbox/credentials/web/password"
    page = "/etc/callbox/conf.d/20-page.toml"
    machine.run("systemctl", "stop", UNIT)
    machine.write(page, '[web]\nenabled = true\nhost = "127.0.0.1"\nport = 8099\n')
    machine.write(secret, PASSWORD, "0600")
    try:
        device.start()
        machine.wait(lambda: answer(device, "") == "401", "the page asks for a password")
        assert answer(device, "a wrong password") == "401"
        assert answer(device, PASSWORD) == "200"
        assert PASSWORD not in json.dumps(device.machine.journal("--unit", UNIT))
    finally:
        machine.run("systemctl", "stop", UNIT)
        machine.run("rm", page, secret)
        device.start()


def answer(device: Device, password: str) -> str:
    """The status of the page for a browser that says this password."""
    program = (
        "import base64, http.client, sys\n"
        "word = base64.b64encode(b'x:' + sys.argv[1].encode()).decode()\n"
        "page = http.client.HTTPConnection('127.0.0.1', 8099, timeout=60)\n"
        "page.request('GET', '/', headers={'Authorization': 'Basic ' + word})\n"
        "print(page.getresponse().status)\n"
    )
    return device.machine.start("python3", "-c", program, password).stdout.strip()


def test_call_with_media_through_the_sandbox(running: Device) -> None:
    call = running.call(300)
    status = running.wait_in_call()
    shown = running.show("StatusText")
    output = running.hang_up(call)
    record = json.loads(output.strip().splitlines()[-1])
    assert record["video"]["framesReceived"] > 4
    assert record["audio"]["packetsReceived"] > 4
    assert status["calls"][0]["remote_uid"] == "front-desk"
    assert shown.startswith("in a call with front-desk, 640x360 at ")
    running.machine.wait(lambda: not running.status()["calls"], "the call is over")
    assert running.show("StatusText").startswith("idle")


def test_journal_tells_the_story_of_a_call(running: Device) -> None:
    call = running.call(300)
    conversation = running.wait_in_call()["calls"][0]["conversation"]
    running.hang_up(call)
    running.machine.wait(
        lambda: bool(
            running.messages(f"CALLBOX_CONVERSATION={conversation}", "CALLBOX_REASON=user_hangup")
        ),
        "the end is in the journal",
    )
    story = running.machine.journal(f"CALLBOX_CONVERSATION={conversation}")
    assert {entry["CALLBOX_REMOTE_UID"] for entry in story} == {"front-desk"}
    assert {entry["PRIORITY"] for entry in story} == {"6"}
    assert {entry["SYSLOG_IDENTIFIER"] for entry in story} == {"callbox"}
    # the steps are told at level debug
    (end,) = [entry for entry in story if entry.get("CALLBOX_REASON") == "user_hangup"]
    figures = r"closed: user_hangup by remote after [\d.]+ s: sent .* fps \d+ kbit/s"
    assert re.search(figures, end["MESSAGE"])


def test_journal_holds_no_secret_and_no_session_description(running: Device) -> None:
    call = running.call(300)
    running.wait_in_call()
    running.hang_up(call)
    everything = json.dumps(running.machine.journal("--unit", UNIT))
    assert PASSWORD not in everything
    assert "ice-pwd" not in everything
    assert "fingerprint" not in everything


def test_reload_good_and_bad(running: Device) -> None:
    machine, pid = running.machine, running.main_pid
    good = machine.run("cat", "/etc/callbox/policy.toml")
    machine.write(
        "/etc/callbox/policy.toml", good + '[[rule]]\nname = "others"\naction = "reject"\n'
    )
    machine.run("systemctl", "reload", UNIT)
    machine.wait(
        lambda: "policy reloaded, 2 rules" in running.messages(), "the new rules are in force"
    )
    machine.write("/etc/callbox/policy.toml", good.replace("accept", "acept"))
    machine.run("systemctl", "reload", UNIT)
    machine.wait(
        lambda: any("'acept'" in message for message in running.messages("PRIORITY=3")),
        "the fault is said",
    )
    machine.write("/etc/callbox/policy.toml", good)
    assert running.active
    assert running.main_pid == pid
    call = running.call(1)
    call.communicate(timeout=2 * PATIENCE)
    assert call.returncode == 0, "the old rules did not stay"
    machine.run("systemctl", "reload", UNIT)


def test_reload_during_a_call_does_not_end_it(running: Device) -> None:
    call = running.call(300)
    before = running.wait_in_call()["calls"][0]["conversation"]
    running.machine.run("systemctl", "reload", UNIT)
    assert running.status()["calls"][0]["conversation"] == before
    running.hang_up(call)


@pytest.fixture
def watched(running: Device) -> Iterator[Device]:
    """With a shorter watchdog, and faults that can be brought on by signals."""
    drop_in = f"/run/systemd/system/{UNIT}.d/faulty.conf"
    command = "/usr/lib/callbox/bin/python3 /run/faulty.py run"
    running.machine.write("/run/faulty.py", FAULTY.read_text())
    running.machine.write(
        drop_in, f"[Service]\nWatchdogSec={WATCHDOG}s\nExecStart=\nExecStart={command}\n"
    )
    running.machine.run("systemctl", "daemon-reload")
    running.machine.run("systemctl", "restart", UNIT)
    yield running
    running.machine.run("rm", drop_in)
    running.machine.run("systemctl", "daemon-reload")
    running.machine.run("systemctl", "restart", UNIT)


@pytest.mark.parametrize("fault", ["STOP", "USR1"], ids=["stopped process", "blocked loop"])
@pytest.mark.parametrize("in_call", [False, True], ids=["idle", "in a call"])
def test_hang_is_ended_by_the_watchdog(watched: Device, fault: str, in_call: bool) -> None:
    before = watched.restarts
    call = watched.call(60) if in_call else None
    if in_call:
        watched.wait_in_call()
    pid = f"_PID={watched.main_pid}"
    watched.kill(fault)
    took = watched.wait_restarted(before, PATIENCE)
    if call is not None:
        watched.machine.end(call)
    print(
        f"\n{watched.machine.suite}: back {took:.2f} s after a hang, with a watchdog of "
        f"{WATCHDOG:g} s"
    )
    if fault == "STOP" and watched.machine.systemd_version < 254:
        # it does not wake a stopped process before SIGABRT, so nothing can be said
        return
    traceback = watched.messages("_TRANSPORT=stdout", pid)
    assert "Fatal Python error: Aborted" in traceback
    assert sum("(most recent call first)" in line for line in traceback) >= 2, (
        "not every thread is shown"
    )


def test_wedged_encoder_is_ended_by_the_watchdog(watched: Device) -> None:
    before = watched.restarts
    call = watched.call(60)
    watched.wait_in_call()
    pid = f"_PID={watched.main_pid}"
    watched.kill("USR2")
    took = watched.wait_restarted(before, PATIENCE)
    watched.machine.end(call)
    print(f"\n{watched.machine.suite}: back {took:.2f} s after the encoder fell silent")
    complaints = watched.messages("CALLBOX_EVENT=ailment", pid)
    assert len(complaints) == 1
    assert complaints[0].startswith("the camera g")
    assert "Fatal Python error: Aborted" in watched.messages("_TRANSPORT=stdout", pid)


def test_crash_is_back_at_once(running: Device) -> None:
    running.machine.run("systemctl", "restart", UNIT)
    before = running.restarts
    running.kill("KILL")
    took = running.wait_restarted(before, PATIENCE)
    print(f"\n{running.machine.suite}: back {took:.2f} s after a crash")


def test_idle_takes_little(running: Device) -> None:
    def ticks() -> int:
        fields = (
            running.machine.run("cat", f"/proc/{running.main_pid}/stat").rsplit(")", 1)[1].split()
        )
        return int(fields[11]) + int(fields[12])

    def share_of_a_core() -> float:
        before, since = ticks(), time.monotonic()
        time.sleep(5)
        return (ticks() - before) / os.sysconf("SC_CLK_TCK") / (time.monotonic() - since)

    running.machine.run("systemctl", "restart", UNIT)
    # What the start itself takes is not counted, however long it takes.
    share = next((found for _ in range(10) if (found := share_of_a_core()) < IDLE_SHARE), None)
    rollup = running.machine.run("cat", f"/proc/{running.main_pid}/smaps_rollup").splitlines()
    memory = {line.split(":")[0]: int(line.split()[1]) / 1024 for line in rollup[1:]}
    sizes = f"{memory['Rss']:.0f} MB resident, {memory['Anonymous']:.0f} MB of it its own"
    assert share is not None, "it is never idle"
    print(f"\n{running.machine.suite}: idle with {share:.2%} of a core, {sizes}")
    assert memory["Anonymous"] < 60


def test_state_is_kept_across_a_restart(running: Device) -> None:
    running.machine.write("/var/lib/callbox/kept", "1")
    running.machine.run("systemctl", "restart", UNIT)
    assert running.machine.run("cat", "/var/lib/callbox/kept") == "1"


def test_stop_in_a_call_hangs_up(running: Device) -> None:
    call = running.call(300)
    running.wait_in_call()
    running.machine.run("systemctl", "stop", UNIT)
    output, _ = call.communicate(timeout=2 * PATIENCE)
    record = json.loads(output.strip().splitlines()[-1])
    assert record["reason"] == "shutdown"
    assert record["closedBy"] == "remote"
    properties = running.machine.show(UNIT, "Result", "ExecMainStatus", "ActiveState")
    assert properties == {"Result": "success", "ExecMainStatus": "0", "ActiveState": "inactive"}
    gone = running.machine.start("callbox", "status")
    assert gone.returncode == 6
    assert "no daemon answers" in gone.stdout


def test_start_without_a_broker_says_what_is_missing(device: Device) -> None:
    device.machine.run("systemctl", "stop", UNIT, "mosquitto")
    try:
        device.start()
        wanted = "waiting for the broker 127.0.0.1:1883 (Connection refused)"
        device.machine.wait(lambda: device.show("StatusText") == wanted, "the reason is told")
    finally:
        device.machine.run("systemctl", "start", "mosquitto")
    device.machine.wait(
        lambda: device.show("StatusText").startswith("idle"), "the broker was found"
    )


def test_start_without_a_camera_says_what_is_missing(device: Device) -> None:
    extra = "/etc/callbox/conf.d/20-camera.toml"
    device.machine.write(extra, '[video]\nsource = "v4l2:/dev/video9"\n')
    device.machine.run("systemctl", "restart", UNIT)
    assert "waiting for a camera (/dev/video9" in device.show("StatusText")
    device.machine.run("rm", extra)
    device.machine.run("systemctl", "restart", UNIT)
    assert device.show("StatusText").startswith("idle")

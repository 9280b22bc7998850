from __future__ import annotations

import json

from agent.doctor.findings import TRIED, DoctorReport, Finding, Verdict

FINDINGS = (
    Finding("clock", Verdict.OK, "it is on time"),
    Finding(
        "broker", Verdict.FAILED, "connection refused " * 20, "Is it running?", {"seconds": 1.5}
    ),
    Finding("camera", Verdict.SKIPPED, "not opened"),
)


def test_a_report_for_people_says_what_to_do_and_what_was_never_tried() -> None:
    text = DoctorReport("2026-11-22T12:00:00Z", {"board": "Raspberry Pi 4"}, FINDINGS).to_text()
    assert "Raspberry Pi 4" in text
    assert "-> Is it running?" in text
    assert "tried none of this on a Raspberry Pi" in text
    assert text.endswith("1 failed, 0 to know about, 1 work.")
    assert max(map(len, text.splitlines())) <= 100


def test_a_report_for_programs_holds_the_same() -> None:
    body = json.loads(DoctorReport("2026-11-22T12:00:00Z", {}, FINDINGS).to_json())
    assert (body["ok"], body["tried_on_hardware"], body["note"]) == (False, [], TRIED)
    assert [each["verdict"] for each in body["findings"]] == ["ok", "failed", "skipped"]
    assert body["findings"][1]["figures"] == {"seconds": 1.5}


def test_nothing_failed_where_nothing_did() -> None:
    report = DoctorReport("", {}, FINDINGS[::2])
    assert not report.failed
    assert json.loads(report.to_json())["ok"]
    assert report.to_text().endswith("Everything that was looked at works.")


def test_report_keeps_the_name_of_a_long_topic_apart_from_what_is_said_of_it() -> None:
    area = "messages to callbox/v1/door-1/settings"
    finding = Finding(area, Verdict.FAILED, "the broker refuses it", "Do this.")
    text = DoctorReport("2026-01-01T00:00:00Z", {}, (finding,)).to_text()
    assert f"{area} the broker refuses it\n{' ' * 22}-> Do this." in text

"""The rules as Prometheus's own tool reads them, and when each alert fires."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from agent.fleet.prometheus_rules import ALERT_RULES, RECORDING_RULES, rules_file
from tests.papers import block, read_yaml
from tests.parts import require_part

COMMITTED = Path(__file__).parent.parent.parent / "config" / "fleet" / "prometheus-rules.yml"
# of one minute each
LENGTH = 120
QUIET = {
    'up{job="callbox"}': f"1x{LENGTH}",
    "callbox_collector_store_failures_total": f"0x{LENGTH}",
    "callbox_collector_lag_seconds": f"0.1x{LENGTH}",
    'callbox_devices{state="online"}': f"95x{LENGTH}",
    'callbox_devices{state="offline"}': f"5x{LENGTH}",
    'callbox_calls_total{version="1", result="connected"}': f"0+10x{LENGTH}",
    'callbox_calls_total{version="1", result="failed"}': f"0+1x{LENGTH}",
    'callbox_calls_total{version="1", result="superseded"}': f"0+50x{LENGTH}",
    'callbox_calls_dropped_total{version="1"}': f"0+0.2x{LENGTH}",
    'callbox_time_to_first_frame_seconds_bucket{version="1", le="1.0"}': f"0+10x{LENGTH}",
    'callbox_time_to_first_frame_seconds_bucket{version="1", le="5.0"}': f"0+10x{LENGTH}",
    'callbox_time_to_first_frame_seconds_bucket{version="1", le="+Inf"}': f"0+10x{LENGTH}",
    'callbox_device_hours_total{version="1"}': f"0+100x{LENGTH}",
    'callbox_device_crashes_total{version="1"}': f"0+0.1x{LENGTH}",
    "callbox_outbox_waiting": f"800x{LENGTH}",
    "callbox_collector_rejected_total": f"0+20x{LENGTH}",
}
# what must change for each alert
TROUBLE = {
    "CallboxCollectorDown": {'up{job="callbox"}': f"0x{LENGTH}"},
    "CallboxNothingStored": {"callbox_collector_store_failures_total": f"0+4x{LENGTH}"},
    "CallboxCollectorBehind": {"callbox_collector_lag_seconds": f"3x{LENGTH}"},
    "CallboxDevicesOffline": {'callbox_devices{state="offline"}': f"15x{LENGTH}"},
    "CallboxCallsFail": {'callbox_calls_total{version="1", result="failed"}': f"0+2x{LENGTH}"},
    "CallboxCallsDrop": {'callbox_calls_dropped_total{version="1"}': f"0+1x{LENGTH}"},
    "CallboxPictureSlow": {
        'callbox_time_to_first_frame_seconds_bucket{version="1", le="1.0"}': f"0+5x{LENGTH}"
    },
    "CallboxCrashes": {'callbox_device_crashes_total{version="1"}': f"0+1x{LENGTH}"},
    "CallboxOutboxGrows": {"callbox_outbox_waiting": f"800+5x{LENGTH}"},
    "CallboxRejects": {"callbox_collector_rejected_total": f"0+100x{LENGTH}"},
}
FEW_CALLS = {
    'callbox_calls_total{version="1", result="connected"}': f"0+0.1x{LENGTH}",
    'callbox_calls_total{version="1", result="failed"}': f"0+0.2x{LENGTH}",
    'callbox_calls_dropped_total{version="1"}': f"0+0.1x{LENGTH}",
}


@pytest.fixture(scope="module")
def promtool() -> str:
    return require_part("promtool", "prometheus")


def run_tests(promtool: str, folder: Path, fired: dict[str, bool], **changed: str) -> str:
    """promtool's judgement of which alerts fire after two hours of QUIET with these changes."""
    rules = {each.alert: each for each in ALERT_RULES}
    (folder / "rules.yml").write_text(rules_file())
    series = [{"series": name, "values": each} for name, each in (QUIET | changed).items()]
    tests = [
        {
            "eval_time": f"{LENGTH}m",
            "alertname": name,
            "exp_alerts": [expected(rules[name])] if fires else [],
        }
        for name, fires in fired.items()
    ]
    suite: dict[str, Any] = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": "1m",
        "tests": [{"interval": "1m", "input_series": series, "alert_rule_test": tests}],
    }
    # JSON is YAML
    (folder / "tests.yml").write_text(json.dumps(suite))
    found = subprocess.run(
        [promtool, "test", "rules", "tests.yml"], cwd=folder, capture_output=True, text=True
    )
    return "" if found.returncode == 0 else found.stdout + found.stderr


def expected(rule: Any) -> dict[str, Any]:
    labels = {"severity": rule.severity}
    if rule.alert == "CallboxCollectorDown":
        labels["job"] = "callbox"
    if "{{ $labels.version }}" in rule.summary:
        labels["version"] = "1"
    summary = rule.summary.replace("{{ $labels.version }}", "1")
    return {"exp_labels": labels, "exp_annotations": {"summary": summary, "todo": rule.todo}}


def test_rules_file_is_what_the_module_says() -> None:
    assert COMMITTED.read_text() == rules_file(), "run make generate"


def test_rules_each_alert_has_a_case() -> None:
    assert set(TROUBLE) == {each.alert for each in ALERT_RULES}


def test_rules_names_are_those_of_one_room() -> None:
    names = [each.record for each in RECORDING_RULES]
    assert all(name.startswith("callbox:") for name in names)
    assert len(set(names)) == len(names)


@pytest.mark.broker
def test_configuration_of_the_paper_passes_promtool(promtool: str, tmp_path: Path) -> None:
    text = block("docs/fleet.md", "yaml", "rule_files:")
    (tmp_path / "prometheus.yml").write_text(text)
    shutil.copy(COMMITTED, tmp_path)
    told = subprocess.run(
        [promtool, "check", "config", "prometheus.yml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert told.returncode == 0, told.stdout + told.stderr
    assert COMMITTED.name in told.stdout
    (job,) = read_yaml(text)["scrape_configs"]
    assert any(f'job="{job["job_name"]}"' in each.expr for each in ALERT_RULES)


@pytest.mark.broker
def test_rules_pass_promtool(promtool: str) -> None:
    subprocess.run([promtool, "check", "rules", str(COMMITTED)], check=True, capture_output=True)


@pytest.mark.broker
def test_alerts_are_silent_in_quiet_times(promtool: str, tmp_path: Path) -> None:
    assert run_tests(promtool, tmp_path, dict.fromkeys(TROUBLE, False)) == ""


@pytest.mark.broker
@pytest.mark.parametrize("alert", TROUBLE)
def test_alert_alone_fires_in_its_trouble(promtool: str, tmp_path: Path, alert: str) -> None:
    fired = {name: name == alert for name in TROUBLE}
    assert run_tests(promtool, tmp_path, fired, **TROUBLE[alert]) == ""


@pytest.mark.broker
def test_alerts_judge_no_share_of_a_few_calls(promtool: str, tmp_path: Path) -> None:
    assert run_tests(promtool, tmp_path, dict.fromkeys(TROUBLE, False), **FEW_CALLS) == ""


@pytest.mark.broker
def test_alert_fires_where_nothing_is_scraped(promtool: str, tmp_path: Path) -> None:
    gone = {'up{job="callbox"}': f"_x{LENGTH}"}
    assert run_tests(promtool, tmp_path, {"CallboxCollectorDown": True}, **gone) == ""

"""The annotated samples (tests/test_config_files.py holds the committed ones to them)."""

from __future__ import annotations

from pathlib import Path

from agent.options import is_live
from agent.settings.models import Settings
from agent.settings.names import field_at
from agent.settings.sample import sample_config, sample_policy, write_samples


def test_sample_tells_what_a_reload_applies() -> None:
    applied = set()
    section: tuple[str, ...] = ()
    prose = ""
    for line in sample_config().splitlines():
        if line.startswith(("[", "#[[")):
            section, prose = tuple(line.strip("#[]").split(".")), ""
        elif line.startswith("# "):
            prose += line[1:]
        elif line.startswith("#") and " = " in line:
            path = (*section, line[1:].partition(" = ")[0])
            field = field_at(path)
            assert field is not None, path
            assert ("Applied by a reload." in prose) is is_live(field), path
            applied |= {path} if is_live(field) else set()
            prose = ""
    assert {("log", "level"), ("commands",), ("call", "max_duration")} <= applied


def test_sample_has_every_top_level_setting() -> None:
    text = sample_config()
    for name in Settings.model_fields:
        assert f"#{name} = " in text or f"[{name}]" in text


def test_write_samples_writes_both(tmp_path: Path) -> None:
    write_samples(tmp_path)
    assert (tmp_path / "callbox.toml").read_text() == sample_config()
    assert (tmp_path / "policy.toml").read_text() == sample_policy()


def test_sample_breaks_what_it_says_of_a_section_into_lines_of_its_own() -> None:
    prose = [line for line in sample_config().splitlines() if line.startswith("# ")]
    assert [line for line in prose if line.startswith("#  ")] == []

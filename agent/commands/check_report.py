"""`callbox check`: what it prints."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

from agent.commands.exit_codes import Exit
from agent.doctor.configuration_check import judge


def show(config: Path | None, *, as_json: bool) -> Exit:
    """Judge settings and policy, print what is wrong with them, and return the exit code."""
    judged = judge(config)
    if as_json:
        print(json.dumps({"ok": not judged.faults, **asdict(judged)}, indent=2))
    else:
        for warning in judged.warnings:
            print(f"callbox: warning: {warning}", file=sys.stderr)
        for unusable in judged.unusable:
            print(f"callbox: not usable now: {unusable}", file=sys.stderr)
        for fault in judged.faults:
            print(f"callbox: {fault}", file=sys.stderr)
        if not judged.faults:
            print("The settings and the policy are fine.")
    return Exit.BAD_CONFIGURATION if judged.faults else Exit.OK

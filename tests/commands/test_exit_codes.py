"""What the commands exit with."""

from __future__ import annotations

import re

from agent.commands.call_command import call
from agent.commands.exit_codes import Exit
from agent.commands.manual import manual


def test_exit_codes_are_in_the_manual() -> None:
    section = manual().partition(".SH EXIT STATUS\n")[2].partition("\n.SH ")[0]
    told = {int(code) for code in re.findall(r"^\.B (\d+)$", section, re.MULTILINE)}
    assert told >= {each.value for each in Exit}


def test_exit_codes_of_a_call_are_in_its_help() -> None:
    text = " ".join((call.__doc__ or "").split())
    for code, words in ((3, "rejected"), (7, "nobody"), (8, "the broker does not let us call")):
        assert f"{code} {words}" in text

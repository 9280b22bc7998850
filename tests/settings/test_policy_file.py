"""Where the rules come from, and what is wrong with them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from agent.core.call.decision import Action
from agent.core.call.events import Invitation
from agent.core.policy.rate_limiter import CallHistory
from agent.settings import load_policy
from tests.settings.conftest import RULE, Machine


def test_without_a_policy_there_are_no_rules(machine: Machine) -> None:
    assert load_policy(machine.load(), root=machine.root).rules == ()


def test_the_default_policy_file_is_read_where_there_is_one(machine: Machine) -> None:
    machine.write("policy.toml", RULE.format(""))
    assert [rule.action for rule in load_policy(machine.load(), root=machine.root).rules] == [
        Action.ACCEPT
    ]


def test_a_policy_file_that_is_named_must_be_there(machine: Machine) -> None:
    machine.write("callbox.toml", f'[policy]\nfile = "{machine.root}/mine.toml"')
    assert machine.policy_faults() == [
        f"{machine.root}/mine.toml: cannot be read: No such file or directory"
    ]
    machine.write("mine.toml", RULE.format(""))
    assert len(load_policy(machine.load(), root=machine.root).rules) == 1


def test_faults_of_settings_and_of_rules_are_told_at_once(machine: Machine) -> None:
    settings, rules = (
        machine.write("callbox.toml", "bogus = 1"),
        machine.write("policy.toml", "rule = 5"),
    )
    expected = [f"{settings}: bogus: unknown key", f"{rules}: rule: (a number) should be a list"]
    assert machine.faults() == expected
    settings.write_text(f'bogus = 1\n[policy]\nfile = "{machine.root}/no.toml"')
    assert machine.faults() == [
        expected[0],
        f"{machine.root}/no.toml: cannot be read: No such file or directory",
    ]
    settings.write_text(f"bogus = 1\n{RULE.format('policy.')}")
    assert machine.faults() == expected[:1]


def test_rules_inline_take_the_place_of_the_file(machine: Machine) -> None:
    machine.write("policy.toml", "not even TOML")
    machine.write("callbox.toml", RULE.format("policy."))
    assert [rule.name for rule in load_policy(machine.load(), root=machine.root).rules] == [
        "everybody"
    ]


def test_the_limit_on_every_call_reaches_the_policy(machine: Machine) -> None:
    machine.write("callbox.toml", RULE.format("policy.") + '[call]\nmax_duration = "5m"')
    policy = load_policy(machine.load(), root=machine.root)
    invitation = Invitation("c-1", "a", "p-1", "v=0", 30.0)
    at = datetime(2026, 11, 22, tzinfo=UTC)
    assert policy.decide(invitation, at=at, history=CallHistory()).max_duration == 300.0


def test_faults_of_rules_name_file_rule_and_field(machine: Machine) -> None:
    file = machine.write(
        "policy.toml",
        '[[rule]]\nname = "day"\naction = "accept"\nreason = "x"\n'
        '[[rule]]\nname = "night"\naction = "ring"\nhours = "25:00-06:00"\ndays = ["fre"]\n'
        '[[rule]]\naction = "never"\ncallers = ["a", "b c"]\nhuors = "07:00-08:00"\n',
    )
    assert machine.policy_faults() == [
        f"{file}: rule 1 (\"day\"): reason: 'x' is only for reject and busy",
        f"{file}: rule 2 (\"night\"): days: 'fre' is not a day (mon ... sun), a range such as "
        f"mon-fri, or daily",
        f"{file}: rule 2 (\"night\"): hours: '25:00-06:00' is not HH:MM-HH:MM",
        f"{file}: rule 3: name: is required",
        f"{file}: rule 3: callers[1]: 'b c' matches no uid: "
        "those are letters, digits and '_.-'; '*' is any, '?' is one",
        f"{file}: rule 3: action: 'never' should be 'accept', 'reject', 'ring' or 'busy'",
        f"{file}: rule 3: huors: unknown key, did you mean hours?",
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("rule = 5", "rule: (a number) should be a list"),
        ("rule = [5]", "rule 1: (a number) should be a table"),
        ("[[rules]]", "rules: unknown key, did you mean rule?"),
        ("[[rule", "is not TOML: "),
        (RULE.format("") * 2, 'rule: rule 2 ("everybody"): name: is already the name of rule 1'),
    ],
)
def test_a_policy_file_that_cannot_be_used(machine: Machine, text: str, complaint: str) -> None:
    file = machine.write("policy.toml", text)
    (fault,) = machine.policy_faults()
    assert fault.startswith(f"{file}: {complaint}")

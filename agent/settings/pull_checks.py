"""Who pulls, beside who is rung and who may open: what cannot be, and what is hardly meant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from agent.core.call.decision import Action
from agent.core.policy.rules import Policy, Rule
from agent.options import is_loopback
from agent.settings.models import Settings


def faults_of_consumers(settings: Settings, rules: Sequence[Rule]) -> Iterator[str]:
    """A consumer that has the name of somebody else: its token would be enough to answer the door,
    or to open it.
    """
    if not settings.pull.enabled:
        return
    rung = {*settings.ring.targets, *(uid for each in settings.ring.list for uid in each.targets)}
    for number, consumer in enumerate(settings.pull.consumer, 1):
        what = f'pull.consumer {number} ("{consumer.name}"): name'
        if consumer.name == settings.uid:
            yield f"{what}: is the device's own uid"
        if consumer.name in rung:
            yield f"{what}: is rung (ring.targets); a consumer needs a name of its own"
        opening = next((each for each in _admitting(rules, consumer.name) if each.open), None)
        if opening is not None:
            yield (
                f'{what}: may open a door by the rule "{opening.name}"; put a rule without open '
                f"for it before that one"
            )


def advice_on_pulling(settings: Settings, policy: Policy) -> Iterator[str]:
    """One sentence for each thing worth a second look."""
    pull = settings.pull
    if not pull.enabled:
        return
    if not pull.consumer:
        yield "pull.enabled is true, and there is no [[pull.consumer]]: nobody may pull"
    for consumer in pull.consumer:
        if not any(
            each.action is Action.ACCEPT for each in _admitting(policy.rules, consumer.name)
        ):
            yield (
                f'pull.consumer "{consumer.name}": no rule of the policy accepts a caller of that '
                f"name, so it is rejected"
            )
    if pull.insecure and not is_loopback(pull.host) and not pull.cert_file:
        yield (
            f"pull.insecure is true: tokens cross the network to {pull.host}, port {pull.port}, in "
            f"the clear, and whoever reads one may look"
        )
    if pull.max > settings.max_viewers:
        yield f"pull.max is {pull.max}, and max_viewers lets {settings.max_viewers} look at once"


def _admitting(rules: Sequence[Rule], name: str) -> Iterator[Rule]:
    """The rules that may let `name` in, up to the first that decides about it at any time."""
    for rule in rules:
        if not any(fnmatchcase(name, pattern) for pattern in rule.callers):
            continue
        if rule.action in (Action.ACCEPT, Action.RING):
            yield rule
        if rule.days is None and rule.hours is None and rule.rate is None:
            return

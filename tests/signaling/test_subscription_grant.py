"""Whether the broker has consented to a subscription."""

from __future__ import annotations

import pytest

from agent.errors import NotConnected, SignalingError
from agent.signaling.subscription_grant import SubscriptionGrant


async def test_grant_is_there_once_all_filters_are_granted() -> None:
    grant = SubscriptionGrant(("a", "b"))
    grant.answered("a", None)
    with pytest.raises(NotConnected):
        await grant.wait(0.001)
    grant.answered("b", None)
    await grant.wait(1)
    grant.disconnected()
    with pytest.raises(NotConnected):
        await grant.wait(0.001)


async def test_grant_that_was_refused_is_an_error() -> None:
    grant = SubscriptionGrant(("a", "b"))
    grant.answered("a", "the broker refuses a")
    grant.answered("b", None)
    with pytest.raises(SignalingError, match="refuses a"):
        await grant.wait(1)

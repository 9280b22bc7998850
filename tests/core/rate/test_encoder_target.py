"""The target that the encoder is told."""

from __future__ import annotations

import pytest

from agent.core.rate.bitrate_limits import BitrateLimits
from agent.core.rate.encoder_target import EncoderTarget

LIMITS = BitrateLimits(1_000_000, 200_000, 3_000_000)


@pytest.mark.parametrize(
    ("estimate", "told"),
    [
        (960_000, None),
        (940_000, 940_000),
        (1_070_000, None),
        (1_090_000, 1_090_000),
        (3_000_000, 3_000_000),
    ],
)
def test_encoder_target_takes_steps_that_are_worth_one(estimate: float, told: int | None) -> None:
    target = EncoderTarget(LIMITS)
    assert target.follow(10.0, estimate, "growth") == told
    assert target.bitrate == (told or LIMITS.bitrate)
    assert target.why == ("growth" if told else "start")


def test_encoder_target_goes_to_a_bound_however_near() -> None:
    target = EncoderTarget(LIMITS)
    target.follow(10.0, 205_000, "loss")
    assert target.follow(11.0, 200_000, "loss") == 200_000


@pytest.mark.parametrize(("estimate", "early", "late"), [(500_000, 10.2, 10.3), (2e6, 10.9, 11.0)])
def test_encoder_target_steps_are_apart(estimate: float, early: float, late: float) -> None:
    target = EncoderTarget(LIMITS)
    target.follow(10.0, 800_000, "loss")
    assert target.follow(early, estimate, "x") is None
    assert target.follow(late, estimate, "x") == estimate


def test_encoder_target_is_limited_until_the_rate_before_is_reached_again() -> None:
    target = EncoderTarget(LIMITS)
    target.limit()
    target.follow(10.0, 500_000, "loss")
    target.limit()
    assert (target.limited_from, target.quality_limitation_reason) == (1_000_000, "bandwidth")
    target.follow(12.0, 900_000, "growth")
    assert target.limited_from == 1_000_000
    target.follow(14.0, 1_000_000, "growth")
    reasons = {target.quality_limitation_reason, EncoderTarget(LIMITS).quality_limitation_reason}
    assert reasons == {"none"}


def test_encoder_target_in_force_is_that_of_then() -> None:
    target = EncoderTarget(LIMITS)
    target.follow(10.0, 500_000, "loss")
    assert (target.in_force(9.9), target.in_force(10.0)) == (1_000_000, 500_000)
    assert target.is_step_up(541_000)
    assert not target.is_step_up(539_000)


def test_encoder_target_step_up_is_due_at_once_where_the_last_one_had_no_reason() -> None:
    target = EncoderTarget(LIMITS)
    before = target.bitrate
    assert target.follow(1.0, LIMITS.min_bitrate, "REMB") is not None
    assert target.follow(1.1, before, "growth") is None
    target.release()
    assert target.follow(1.1, before, "outage over") == before

"""Which sentence tells why there is no picture, and what a user has to do about it."""

from __future__ import annotations

# the codes that have a sentence of their own (`exceptions` in the translations)
SENTENCES = frozenset(
    {
        "answered_elsewhere",
        "busy",
        "expired",
        "ice_failed",
        "ice_timeout",
        "invite_timeout",
        "low_power",
        "max_duration",
        "max_viewers",
        "media_timeout",
        "must_ring",
        "no_answer",
        "no_broker",
        "no_common_codec",
        "no_user_media",
        "not_allowed",
        "offline",
        "out_of_resources",
        "privacy_mode",
        "rate_limited",
        "rejected",
        "replaced",
        "shutdown",
        "signature",
        "talk_failed",
        "too_many_screens",
        "unusable_sdp",
        "user_hangup",
    }
)
# the same said in other words
SAME = {
    "declined": "rejected",
    "user_busy": "busy",
    "nonce": "signature",
    "unusable_description": "unusable_sdp",
    "crash_recovered": "shutdown",
}
# what a user must do something about: the issue that tells what
ISSUES = {
    "not_allowed": "not_allowed",
    "no_answer": "no_answer",
    "signature": "signature",
    "max_viewers": "max_viewers",
}


def sentence_of(code: str) -> str:
    """The key of the sentence for a code of the device, or of this integration."""
    code = SAME.get(code, code)
    return code if code in SENTENCES else "other"


def issue_of(code: str) -> str | None:
    """The key of the issue that `code` calls for."""
    return ISSUES.get(SAME.get(code, code))

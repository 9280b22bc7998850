"""Our own session description, as it goes out."""

from __future__ import annotations

import re

from agent.webrtc.description.remote_description import END_OF_CANDIDATES, session_end


def publish(sdp: str, *, profile_level_id: str | None, trickling: bool) -> str:
    """Our own description as it goes out: with the level that we really send, and open to later
    candidates.
    """
    lines = [
        line for line in sdp.splitlines() if not (trickling and line.startswith(END_OF_CANDIDATES))
    ]
    if profile_level_id is not None:
        lines = [_with_level(line, profile_level_id) for line in lines]
    if trickling:
        lines.insert(session_end(lines), "a=ice-options:trickle")
    return "\r\n".join(lines) + "\r\n"


def declares_profile(sdp: str, profile_level_id: str) -> bool:
    """Whether an entry of it has this profile, at whatever level; what is Constrained Baseline is
    Baseline too.
    """
    profile = profile_level_id[:4].lower()
    constrained = profile.startswith("42") and int(profile[2:], 16) & 0x40  # constraint_set1_flag
    return f"profile-level-id={'42' if constrained else profile}" in sdp.lower()


def _with_level(line: str, profile_level_id: str) -> str:
    """Entries of the same profile get our level (RFC 6184 8.1)."""
    profile = re.escape(profile_level_id[:4])
    if not line.startswith("a=fmtp:"):
        return line
    return re.sub(
        rf"profile-level-id={profile}[0-9a-f]{{2}}",
        f"profile-level-id={profile_level_id}",
        line,
        flags=re.I,
    )

"""How a device names itself where its uid cannot stand as it is."""

from __future__ import annotations

import hashlib


def slug(uid: str) -> str:
    """As the device's own discovery message says it: a dot is not allowed there, and no two uids
    have one slug.
    """
    if "." not in uid:
        return uid
    return f"{uid.replace('.', '_')}-{hashlib.sha256(uid.encode()).hexdigest()[:6]}"

"""Whether the broker takes our will. One that forbids its topic refuses the whole CONNECT, in the
same words as a wrong password: so one that is refused is tried once more without.
"""

from __future__ import annotations

import math

from agent.signaling.broker import Will

REFUSED = "the broker refuses it as our will: nobody is told `offline` when this device is cut off"
# Reason codes of CONNACK by which a broker may mean the will: unspecified, implementation,
# permission, topic name.
_MEANT = frozenset({128, 131, 135, 144})
# CONNECTs in a row to which the broker hangs up without an answer
_HANG_UPS = 2
# seconds until it is offered again, on a new connection
RETRY = 600.0


class WillTrial:
    """Belongs to the network thread, but for `fault`. Times in seconds, on a clock that does not
    jump.

    A broker that hangs up has not said why, and one behind a proxy does so while it starts: where
    it takes us without a will it is asked once more with it, before we stay without.
    """

    def __init__(self, will: Will | None) -> None:
        self._will = will
        self._offered = False
        self._without = False
        self._hang_ups = 0
        # it was taken without, behind hang-ups
        self._doubted = False
        self._not_before = -math.inf
        # why there is none at the broker; the event loop reads it
        self.fault: str | None = None

    @property
    def topic(self) -> str:
        return self._will.topic if self._will is not None else ""

    @property
    def will(self) -> Will | None:
        """What the broker is to say of us."""
        return self._will

    def for_next(self, now: float) -> Will | None:
        """What the next CONNECT carries."""
        self._offered = not self._without and now >= self._not_before
        return self._will if self._offered else None

    def accepted(self, now: float) -> bool:
        """The broker has taken the CONNECT. False where the connection is to be left at once, and
        another one made.
        """
        if self._will is None:
            return True
        if not self._offered and self._hang_ups and not self._doubted:
            self._doubted, self._without = True, False
            return False
        if self._without:
            self._not_before = now + RETRY
        self._without, self._doubted, self._hang_ups = False, False, 0
        self.fault = None if self._offered else REFUSED
        return True

    def refused(self, code: int | None) -> bool:
        """The CONNECT was refused with this reason code; None: the broker hung up. True where it is
        to be tried at once without a will.
        """
        if self._will is None:
            return False
        if not self._offered:
            # it was not for the will
            self._without, self._doubted, self._hang_ups = False, False, 0
            self._not_before = -math.inf
            return False
        self._hang_ups = self._hang_ups + 1 if code is None else 0
        self._without = code in _MEANT or self._hang_ups >= _HANG_UPS or self._doubted
        return self._without

"""The words of a call under one name: `from agent.core.call import events as ev`, then `ev.Closed`.

Inputs go in (`inputs.py`); effects (`effects.py`) and notices to the application (`notices.py`)
come out; all are frozen values, and carry those of `values.py`. Who needs only one or two of them
imports from the module where they stand.
"""

from agent.core.call.door_signals import *  # noqa: F403
from agent.core.call.effects import *  # noqa: F403
from agent.core.call.inputs import *  # noqa: F403
from agent.core.call.notices import *  # noqa: F403
from agent.core.call.values import *  # noqa: F403

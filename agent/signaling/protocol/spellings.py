"""How inviters write the ids of their conversations: an answer keeps the form that it answers."""

from __future__ import annotations

from collections import OrderedDict

from agent.signaling.protocol.encoding import conversation_key

# conversations; beyond that the oldest is answered in small letters
MEMORY = 512


class Spellings:
    """Of those conversations whose id was not written in small letters."""

    def __init__(self) -> None:
        self._by_key: OrderedDict[str, str] = OrderedDict()

    def note(self, conversation: str) -> None:
        """An invitation has named it so. The first form stays, whatever others write later."""
        key = conversation_key(conversation)
        if key != conversation and key not in self._by_key:
            self._by_key[key] = conversation
            if len(self._by_key) > MEMORY:
                self._by_key.popitem(last=False)

    def of(self, key: str) -> str:
        """The form in which to write the conversation of this key."""
        return self._by_key.get(key, key)

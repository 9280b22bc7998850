"""What a user has to do, shown among Home Assistant's repairs until a call gets through."""

from __future__ import annotations

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from .const import DOMAIN
from .reasons import ISSUES

# beside those that an answer calls for: the device's status cannot be read
NO_STATUS = "no_status"


@callback
def raise_issue(hass: HomeAssistant, entry_id: str, key: str, **placeholders: str) -> None:
    """`key` names its words in the translations. To say it again changes nothing."""
    ir.async_create_issue(
        hass,
        DOMAIN,
        f"{key}_{entry_id}",
        is_fixable=False,
        severity=ir.IssueSeverity.WARNING,
        translation_key=key,
        translation_placeholders=placeholders,
    )


@callback
def clear(hass: HomeAssistant, entry_id: str, *keys: str) -> None:
    for key in keys:
        ir.async_delete_issue(hass, DOMAIN, f"{key}_{entry_id}")


@callback
def clear_all(hass: HomeAssistant, entry_id: str) -> None:
    clear(hass, entry_id, NO_STATUS, *ISSUES.values())

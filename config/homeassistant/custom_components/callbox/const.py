"""Names and times that several modules share."""

DOMAIN = "callbox"
CONF_PREFIX = "prefix"
CONF_UID = "uid"
DEFAULT_PREFIX = "callbox/v1"
# our uid where the broker asks for no user name; else it is that name, which the broker proves
ANONYMOUS = "homeassistant"
UID_PATTERN = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"

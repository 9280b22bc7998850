"""Home Assistant's templates (Jinja), by which it reads what the device publishes, and writes
commands.

What a message leaves out has a default in each: otherwise every message would be a warning in Home
Assistant's log. `this` is the entity as it stands.
"""

from __future__ import annotations

# seconds by Home Assistant's clock: a ring that waited in the device's outbox rings nowhere
RING_IS_FRESH = 60
# one that was missed is news for a day
MISSED_IS_NEWS = 86_400
# seconds: as long as a night
SILENCE = 28_800

STATUS = "{{ value_json.state }}"
STATE = STATUS
BY_THE_RULES = "by the rules"


def event(kind: str, latest: int, *fields: str) -> str:
    """An event of the device as one of an entity: of those that are told twice, or come too late,
    nothing. They come in the order of their times, so a repetition is not later than the last one.
    """
    told = ", ".join(f"'{name}': value_json.{name} | default(none)" for name in fields)
    age = "(now() - as_datetime(value_json.timestamp)).total_seconds()"
    return (
        "{% if value_json.timestamp > this.attributes.timestamp | default('') and "
        f"-{RING_IS_FRESH} < {age} < {latest} %}}"
        f"{{{{ {{'event_type': '{kind}', {told}}} | to_json }}}}{{% endif %}}"
    )


# of the calls, whoever called or took one; views do not count
LAST_CALLER = (
    "{{ value_json.remoteUid if value_json.purpose is not defined and "
    "(value_json.direction == 'incoming' or value_json.callStatus | default('') == 'ACCEPTED') "
    "else this.state | replace('unavailable', 'None') }}"
)


def open_command(door: str, *, code: bool) -> str:
    """A release with its time, as one that comes late opens nothing. For locking there is no
    command: an empty payload, which opens nothing either.
    """
    secret = ", 'code': code" if code else ""
    return (
        f"{{{{ {{'output': '{door}', 'issuedAt': utcnow().isoformat(){secret}}} | to_json "
        "if value == 'open' }}"
    )


def door_attributes(door: str) -> str:
    """What became of the last try; events of other outputs leave it as it is."""
    names = ("action", "by", "code", "timestamp")
    fields = ", ".join(f"'{name}': x.{name} | default(none)" for name in names)
    return (
        f"{{% set x = value_json if value_json.output | default('') == '{door}' else "
        f"this.attributes %}}{{{{ {{{fields}}} | to_json }}}}"
    )


PRIVACY = "{{ value_json.privacy | default(false) }}"
SILENCED = "{{ value_json.silencedUntil | default(none) is not none }}"
OVERRIDE = (
    f"{{{{ (value_json.override | default({{}}, true)).action | default('{BY_THE_RULES}') }}}}"
)
SET_OVERRIDE = f"{{{{ {{'override': none if value == '{BY_THE_RULES}' else value}} | to_json }}}}"
SAY = "{{ {'message': value} | to_json }}"
CONTACT = "{{ value_json.contact | default('None') }}"


def volume(end: str) -> str:
    return f"{{{{ value_json.{end} | default('None') }}}}"


def set_volume(end: str) -> str:
    return f"{{{{ {{'{end}': value | int}} | to_json }}}}"


TEMPERATURE = "{{ value_json.temperatureCelsius | default('None') }}"
WIFI = "{{ (value_json.wifi | default({})).rssiDbm | default('None') }}"
UNDERVOLTAGE = "{{ value_json.undervoltage | default('None') }}"
PROBLEM = "{{ value_json.faults | default([]) | length > 0 }}"
FAULTS = "{{ {'faults': value_json.faults | default([])} | to_json }}"

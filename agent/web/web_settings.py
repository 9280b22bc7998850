"""The settings of the page that the device serves."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from agent.options import (
    Host,
    OptionalSecret,
    ReadableFile,
    Section,
    conflict,
    is_loopback,
    none_if_empty,
)
from agent.signaling.protocol.topics import is_uid
from agent.web.origins import check_origin

# characters; at a try a second in all, out of reach
SHORTEST_PASSWORD = 12


def _uid(uid: str) -> str:
    if not is_uid(uid):
        raise ValueError(f"{uid!r} is not a uid")
    return uid


class ServedSettings(Section):
    """What every page needs that is served: by the device, by the fleet's collector."""

    enabled: bool = Field(default=False, description="Whether to serve the page.")
    host: Host = Field(default="127.0.0.1", description="The address to serve it at.")
    port: int = Field(default=8080, ge=1, le=65535, description="TCP port.")
    cert_file: ReadableFile = Field(
        default=None, description="PEM file of the page's certificate: serves https."
    )
    key_file: ReadableFile = Field(default=None, description="PEM file of its private key.")
    password: OptionalSecret = Field(
        default=None,
        description="Lets a browser or a program in (Basic), under any name: 12 characters or "
        "more. Better kept in the credential web__password.",
    )
    origins: tuple[Annotated[str, AfterValidator(check_origin)], ...] = Field(
        default=(),
        max_length=16,
        description="How browsers reach the page through a proxy of yours (nginx, Caddy), such as "
        '["https://door.example.org"]. A proxy on this machine also tells, in X-Forwarded-For, '
        "who tries passwords.",
    )

    @property
    def keys(self) -> tuple[str, ...]:
        """Settings of which one lets people in where the address is no loopback one."""
        return ("password",)

    @model_validator(mode="after")
    def _open_to_none(self) -> Self:
        if (self.cert_file is None) != (self.key_file is None):
            raise conflict("cert_file", "cert_file and key_file are needed together")
        if self.password and len(self.password.get_secret_value()) < SHORTEST_PASSWORD:
            raise conflict("password", f"has fewer than {SHORTEST_PASSWORD} characters")
        if not self.enabled or is_loopback(self.host):
            return self
        needed = []
        if not self.cert_file:
            needed.append("cert_file and key_file")
        if not any(getattr(self, each) for each in self.keys):
            needed.append(" or ".join(self.keys))
        if needed:
            raise conflict(
                "host",
                f"'{self.host}' is not a loopback address, so it needs {' and '.join(needed)}",
            )
        return self


class WebSettings(ServedSettings):
    """The caller's page, served by the device itself. Off by default: a broker's own web server can
    show it as well.
    """

    host: Host = Field(
        default="127.0.0.1",
        description="The address to serve it at. Any but a loopback one needs cert_file, and a "
        "password or "
        "client_ca_file: browsers give a microphone only to secure pages, and a door is not "
        "for everybody.",
    )
    client_ca_file: ReadableFile = Field(
        default=None, description="PEM file of the authorities whose certificates let a browser in."
    )
    uid: Annotated[Annotated[str, AfterValidator(_uid)] | None, BeforeValidator(none_if_empty)] = (
        Field(
            default=None,
            description="Whose name the page's users have, at the broker as well, unless they log "
            "in. Where the device itself logs in to the broker, nobody gets there without a name.",
        )
    )
    token: OptionalSecret = Field(
        default=None,
        description="The broker's password for that name; whoever may open the page can read it. "
        "Better kept in the credential web__token.",
    )

    @property
    def keys(self) -> tuple[str, ...]:
        """As in `ServedSettings`."""
        return ("password", "client_ca_file")

    @model_validator(mode="after")
    def _names_fit(self) -> Self:
        if self.client_ca_file and not self.cert_file:
            raise conflict(
                "client_ca_file", f"'{self.client_ca_file}' needs cert_file and key_file beside it"
            )
        if self.token and not self.uid:
            raise conflict("token", "is given without uid, whose it would be")
        return self

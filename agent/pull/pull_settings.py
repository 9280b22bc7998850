"""The settings of who may pull the picture by HTTP."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from agent.options import TABLES, Host, ReadableFile, Section, Whole, conflict, is_loopback
from agent.signaling.protocol.topics import is_uid
from agent.web.origins import check_origin

# characters; at eight tries a second, out of reach
SHORTEST_TOKEN = 16
LONGEST_TOKEN = 256


def _check_name(name: str) -> str:
    if not is_uid(name):
        raise ValueError(f"{name!r} is not a uid")
    return name


def _check_token(token: SecretStr) -> SecretStr:
    text = token.get_secret_value()
    if not SHORTEST_TOKEN <= len(text) <= LONGEST_TOKEN:
        raise ValueError(f"should have {SHORTEST_TOKEN} to {LONGEST_TOKEN} characters")
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("should be of printable ASCII without blanks, as it stands in headers")
    return token


class PullConsumer(Section):
    """One program that may pull: go2rtc, Frigate, mediamtx, a WHEP player. The policy judges it as
    the caller of its name, so a rule has to let it in.
    """

    name: Annotated[str, AfterValidator(_check_name)] = Field(
        examples=["frigate"],
        description="The caller that it is to the policy and in events. A name of its own: none "
        "that is rung, and none that may open a door.",
    )
    token: Annotated[SecretStr, AfterValidator(_check_token)] = Field(
        examples=["GzT8v1mC0yQbR5nW"],
        description="What lets it in: 16 characters or more, as `Authorization: Bearer`, as the "
        "password of a URL, or as ?token= where a client has no headers. Better kept in the "
        "credential pull__consumer__0__token (pull__consumer__1__token for the second).",
    )


class PullSettings(Section):
    """The picture for go2rtc, Frigate, mediamtx and WHEP players, by HTTP beside MQTT. Each of them
    is a caller that only looks: it takes no line, and it is one who talks while it sends sound. Off
    by default.
    """

    enabled: bool = Field(default=False, description="Whether anybody may pull.")
    host: Host = Field(
        default="127.0.0.1",
        description="The address to listen at. Any but a loopback one needs cert_file and "
        "key_file, or insecure = true.",
    )
    port: int = Field(
        default=8090,
        ge=1,
        le=65535,
        description="TCP port: /whep and /whep/UID for WHEP, /api/ws?src=UID for go2rtc.",
    )
    cert_file: ReadableFile = Field(
        default=None, description="PEM file of the certificate: serves https and wss."
    )
    key_file: ReadableFile = Field(default=None, description="PEM file of its private key.")
    insecure: bool = Field(
        default=False,
        description="Whether tokens and descriptions may cross the network in the clear. The "
        "picture itself is encrypted all the same, and goes to whoever has a token.",
    )
    origins: tuple[Annotated[str, AfterValidator(check_origin)], ...] = Field(
        default=(),
        max_length=16,
        description='Web pages that may pull from a browser (CORS), such as ["https://nvr.home"].',
    )
    max: Whole = Field(
        default=4,
        ge=1,
        le=16,
        description="Consumers at the same time; max_viewers counts them as well.",
    )
    consumer: Annotated[tuple[PullConsumer, ...], TABLES] = Field(
        default=(), max_length=16, description="Who may pull; written as [[pull.consumer]]."
    )

    @model_validator(mode="after")
    def _open_to_few(self) -> Self:
        if (self.cert_file is None) != (self.key_file is None):
            raise conflict("cert_file", "cert_file and key_file are needed together")
        if self.enabled and not (is_loopback(self.host) or self.cert_file or self.insecure):
            raise conflict(
                "host",
                f"'{self.host}' is not a loopback address, so it needs cert_file and key_file, or "
                f"insecure = true",
            )
        for key in ("name", "token"):
            values = [getattr(each, key) for each in self.consumer]
            if len(set(values)) != len(values):
                raise conflict("consumer", f"two of them have the same {key}")
        return self

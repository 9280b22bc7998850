"""Where a page is served, and to whom."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from agent.errors import ConfigurationError
from agent.options import is_loopback
from agent.web.certificates import CertificateFiles, RenewingContext


@dataclass(frozen=True, slots=True)
class WebOptions:
    """Where the page is served and to whom. The files are PEM; with `client_ca` a browser needs a
    certificate of it. `origins` are those of proxies in front of it.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    certificate: Path | None = None
    key: Path | None = None
    client_ca: Path | None = None
    password: str | None = field(default=None, repr=False)
    origins: tuple[str, ...] = ()

    @property
    def scheme(self) -> str:
        return "https" if self.certificate else "http"

    @property
    def url(self) -> str:
        """What to open in a browser."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}/"

    @property
    def is_loopback(self) -> bool:
        return is_loopback(self.host)

    def tls(self) -> RenewingContext | None:
        """Raises OSError, whose `strerror` names the file."""
        if self.certificate is None:
            return None
        return RenewingContext.of(CertificateFiles(self.certificate, self.key, self.client_ca))

    def check(self) -> None:
        """Raises ConfigurationError for an address that must not be served."""
        if not self.is_loopback and not (self.certificate and (self.password or self.client_ca)):
            raise ConfigurationError(
                [
                    f"web.host: {self.host!r} is not loopback, so it needs cert_file, and "
                    f"password or client_ca_file"
                ]
            )

"""The page's certificate, read anew when its files change: a renewed one needs no restart."""

from __future__ import annotations

import logging
import os
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """PEM files; with `client_ca` a browser needs a certificate of it."""

    certificate: Path
    key: Path | None = None
    client_ca: Path | None = None

    def read(self) -> ssl.SSLContext:
        """Raises OSError or ssl.SSLError."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certificate, self.key)
        if self.client_ca is not None:
            context.load_verify_locations(self.client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
            # A home-made authority often lacks the extensions that Python 3.13 asks for.
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return context

    def marks(self) -> tuple[tuple[int, int, int], ...]:
        """What changes when a file does. Raises OSError."""
        files = (self.certificate, self.key, self.client_ca)
        states = [os.stat(file) for file in files if file is not None]
        return tuple((each.st_mtime_ns, each.st_size, each.st_ino) for each in states)


class RenewingContext(ssl.SSLContext):
    """For a server: each connection gets what the files held when it came.

    Files that cannot be read, or do not belong together, leave the last good ones in use; that is
    logged once.
    """

    _files: CertificateFiles
    _marks: tuple[tuple[int, int, int], ...]
    _latest: ssl.SSLContext
    _is_told: bool = False

    @classmethod
    def of(cls, files: CertificateFiles) -> RenewingContext:
        """Reads the files. Raises OSError or ssl.SSLError."""
        context = cls(ssl.PROTOCOL_TLS_SERVER)
        context._files = files
        context._marks = files.marks()
        context._latest = files.read()
        return context

    def wrap_bio(self, *arguments: Any, **options: Any) -> ssl.SSLObject:
        self._renew()
        return self._latest.wrap_bio(*arguments, **options)

    def _renew(self) -> None:
        try:
            marks = self._files.marks()
            if marks == self._marks:
                return
            self._latest = self._files.read()
        except OSError as error:
            if not self._is_told:
                self._is_told = True
                reason = error.strerror or str(error)
                logger.warning("the page's certificate cannot be read, the old stays: %s", reason)
        else:
            self._marks, self._is_told = marks, False
            logger.info("the page's certificate was read anew")

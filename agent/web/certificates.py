"""The page's certificate, read anew when its files change: a renewed one needs no restart."""

from __future__ import annotations

import errno
import logging
import os
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.tls import trust_alike

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """PEM files; with `client_ca` a browser needs a certificate of it."""

    certificate: Path
    key: Path | None = None
    client_ca: Path | None = None

    def read(self) -> ssl.SSLContext:
        """Raises OSError, whose `strerror` names the file."""
        self.marks()
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            context.load_cert_chain(self.certificate, self.key)
        except ssl.SSLError as error:
            pair = f"'{self.certificate}' and '{self.key or self.certificate}'"
            what = "are no certificate and its private key, in PEM"
            raise _fault(error, f"{pair} {what}: {error.strerror}") from error
        if self.client_ca is not None:
            try:
                context.load_verify_locations(self.client_ca)
            except ssl.SSLError as error:
                what = "has no certificate in it, in PEM"
                raise _fault(error, f"'{self.client_ca}' {what}: {error.strerror}") from error
            context.verify_mode = ssl.CERT_REQUIRED
            trust_alike(context)
        return context

    def marks(self) -> tuple[tuple[int, int, int], ...]:
        """What changes when a file does. Raises OSError likewise."""
        states = []
        for file in (self.certificate, self.key, self.client_ca):
            try:
                if file is not None:
                    with open(file, "rb") as opened:
                        states.append(os.fstat(opened.fileno()))
            except OSError as error:
                raise _fault(error, f"'{file}' cannot be read: {error.strerror}") from error
        return tuple((each.st_mtime_ns, each.st_size, each.st_ino) for each in states)


def _fault(error: OSError, text: str) -> OSError:
    return OSError(error.errno or errno.EINVAL, text)


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
        """Reads the files. Raises OSError, whose `strerror` names the file."""
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

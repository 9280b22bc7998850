"""A renewed certificate counts from the next connection on."""

from __future__ import annotations

import os
import re
import shutil
import ssl
from pathlib import Path

import pytest

from agent.web.certificates import CertificateFiles, RenewingContext
from tests.signaling.mqtt.certificates import Authority


def served(context: ssl.SSLContext) -> bytes:
    """The certificate that a client is shown, in DER; nothing goes over a network."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    near = client.wrap_bio(to_client, to_server)
    far = context.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(6):
        for side in (near, far):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    shown = near.getpeercert(binary_form=True)
    assert shown is not None
    return shown


def replace(files: CertificateFiles, new: tuple[str, str]) -> None:
    assert files.key is not None
    for source, target in zip(new, (files.certificate, files.key), strict=True):
        fresh = target.with_suffix(".new")
        shutil.copyfile(source, fresh)
        os.replace(fresh, target)


@pytest.fixture
def files(tmp_path: Path) -> CertificateFiles:
    authority = Authority(tmp_path)
    certificate, key = authority.issue("127.0.0.1")
    copies = tmp_path / "c.pem", tmp_path / "k.pem"
    shutil.copyfile(certificate, copies[0])
    shutil.copyfile(key, copies[1])
    return CertificateFiles(*copies)


def test_certificate_that_was_renewed_is_served(files: CertificateFiles, tmp_path: Path) -> None:
    context = RenewingContext.of(files)
    before = served(context)
    (tmp_path / "other").mkdir()
    replace(files, Authority(tmp_path / "other").issue("127.0.0.1"))
    assert served(context) != before


def test_certificate_without_its_key_leaves_the_old_one_and_is_told_once(
    files: CertificateFiles, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    context = RenewingContext.of(files)
    before = served(context)
    (tmp_path / "other").mkdir()
    certificate, key = Authority(tmp_path / "other").issue("127.0.0.1")
    shutil.copyfile(certificate, files.certificate)
    assert served(context) == before
    assert served(context) == before
    assert len(caplog.records) == 1
    assert files.key is not None
    shutil.copyfile(key, files.key)
    assert served(context) != before


def test_certificate_that_is_missing_at_the_start_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        RenewingContext.of(CertificateFiles(tmp_path / "none.pem"))


def test_files_that_are_no_certificate_are_named(tmp_path: Path) -> None:
    certificate, key = (Path(each) for each in Authority(tmp_path).issue("door-1"))
    text = tmp_path / "text"
    text.write_text("hello")
    for files, words in (
        (CertificateFiles(tmp_path / "none", key), f"'{tmp_path}/none' cannot be read: No such"),
        (CertificateFiles(tmp_path, key), f"'{tmp_path}' cannot be read: Is a directory"),
        (CertificateFiles(certificate, text), f"'{certificate}' and '{text}' are no certificate"),
        (CertificateFiles(certificate, key, text), f"'{text}' has no certificate in it"),
    ):
        with pytest.raises(OSError, match=re.escape(words)):
            RenewingContext.of(files)

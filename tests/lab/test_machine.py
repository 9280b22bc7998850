"""The lab itself: what goes in, what comes out, and that nothing stays."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.lab.machine import Lab, LabError

pytestmark = pytest.mark.lab(outside=True)


def kernels_of(folder: Path) -> list[str]:
    """The processes whose command line names the lab's folder."""
    found = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = each.read_text(errors="replace")
        except OSError:
            continue
        if f"uml_dir={folder}/" in command:
            found.append(command)
    return found


def test_lab_gives_output_status_and_files(lab_kernel: Path, tmp_path: Path) -> None:
    script = (
        f"pwd; echo $WORD; echo broken >&2; echo file >/run/lab/file; touch {tmp_path}/x; exit 3"
    )
    with Lab(
        lab_kernel, ["sh", "-c", script], working_folder=tmp_path, environment={"WORD": "a'b c"}
    ) as lab:
        lab.wait_for("a'b c")
        assert lab.wait() == 3
        assert lab.output == f"{tmp_path}\na'b c\nbroken\n"
        assert (lab.folder / "file").read_text() == "file\n"
    assert not list(tmp_path.iterdir())
    assert not lab.folder.exists()


def test_lab_hour_passes_while_nothing_computes(lab_kernel: Path) -> None:
    began = time.monotonic()
    with Lab(lab_kernel, ["sh", "-c", "date +%s; sleep 3600; date +%s"]) as lab:
        assert lab.wait() == 0
        start, end = (int(line) for line in lab.output.split())
    assert 3600 <= end - start <= 3601
    assert time.monotonic() - began < 3600


def test_lab_closed_early_leaves_no_process_and_no_file(lab_kernel: Path) -> None:
    lab = Lab(lab_kernel, ["sh", "-c", "echo there; read forever </dev/tty1"], travel=False)
    lab.wait_for("there")
    assert kernels_of(lab.folder)
    lab.close()
    lab.close()
    assert not lab.folder.exists()
    assert not kernels_of(lab.folder)


def test_lab_that_takes_too_long_says_so(lab_kernel: Path) -> None:
    endless = ["sh", "-c", "echo there; read forever </dev/tty1"]
    with Lab(lab_kernel, endless, travel=False, timeout=8.0) as lab:
        with pytest.raises(LabError, match="took too long"):
            lab.wait()
        with pytest.raises(LabError, match="never wrote 'gone'"):
            lab.wait_for("gone")


def test_lab_without_its_kernel_tells_the_last_words(tmp_path: Path) -> None:
    kernel = tmp_path / "kernel"
    kernel.write_text("#!/bin/sh\necho no memory >&2\nexit 1\n")
    kernel.chmod(0o755)
    with Lab(kernel, ["true"]) as lab, pytest.raises(LabError, match="ended with 1: no memory"):
        lab.wait()

"""Which kernel the lab takes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.lab import kernel
from tests.lab.kernel import find_kernel, missing_options, required_options


def make_kernel(path: Path, options: frozenset[str]) -> Path:
    """A program that tells its options as a kernel does."""
    told = "\n".join(f"echo {option}=y" for option in options)
    path.write_text(f"#!/bin/sh\n{told}\n")
    path.chmod(0o755)
    return path


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAB_CACHE", str(tmp_path))
    monkeypatch.delenv("LAB_KERNEL", raising=False)
    monkeypatch.setattr(kernel, "runs", lambda kernel: "broken" not in kernel.name)
    return tmp_path


def test_missing_options_names_what_a_kernel_lacks(tmp_path: Path) -> None:
    least = make_kernel(tmp_path / "least", required_options() - {"CONFIG_GPIO_SIM"})
    assert missing_options(least) == ["CONFIG_GPIO_SIM"]
    assert missing_options(tmp_path / "none") == sorted(required_options())


def test_find_kernel_takes_the_newest_that_fits_and_runs(cache: Path) -> None:
    assert find_kernel() is None
    older, newer = (make_kernel(cache / f"linux-{n}", required_options()) for n in (1, 2))
    make_kernel(cache / "linux-3", frozenset({"CONFIG_NET"}))
    make_kernel(cache / "linux-broken", required_options())
    os.utime(older, (1, 1))
    os.utime(newer, (2, 2))
    assert find_kernel() == newer


def test_find_kernel_that_is_named_is_taken_or_none(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_kernel(cache / "linux-1", required_options())
    named = make_kernel(cache / "mine", required_options())
    monkeypatch.setenv("LAB_KERNEL", str(named))
    assert find_kernel() == named
    named.unlink()
    assert find_kernel() is None

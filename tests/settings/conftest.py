"""A machine with settings of a test's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.errors import ConfigurationError
from agent.settings import Settings, load_policy, load_settings

RULE = '[[{}rule]]\nname = "everybody"\naction = "accept"\n'
"""A rule that accepts everybody: for policy.toml with "", inline with "policy."."""


class Machine:
    """A configuration directory and an environment of a test's own."""

    def __init__(self, directory: Path) -> None:
        self.root = directory / "etc"
        self.credentials = directory / "credentials"
        for each in (self.root / "conf.d", self.credentials):
            each.mkdir(parents=True)
        self.environ: dict[str, str] = {}

    def write(self, name: str, text: str) -> Path:
        (self.root / name).write_text(text)
        return self.root / name

    def credential(self, name: str, text: str) -> Path:
        (self.credentials / name).write_text(text)
        self.environ["CREDENTIALS_DIRECTORY"] = str(self.credentials)
        return self.credentials / name

    def load(self, config: Path | None = None, **environ: str) -> Settings:
        return load_settings(config, environ={**self.environ, **environ}, root=self.root)

    def faults(self, config: Path | None = None, **environ: str) -> list[str]:
        with pytest.raises(ConfigurationError) as caught:
            self.load(config, **environ)
        assert str(caught.value) == "\n".join(caught.value.faults)
        return caught.value.faults

    def policy_faults(self) -> list[str]:
        with pytest.raises(ConfigurationError) as caught:
            load_policy(self.load(), root=self.root)
        return caught.value.faults


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)

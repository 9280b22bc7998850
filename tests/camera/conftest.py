"""Shows the tests of `inside` as tests of this run: they are run together in the chroot, the first
time one is due.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.camera import chroot
from tests.parts import missing

_OUTCOMES: pytest.StashKey[dict[str, chroot.Outcome]] = pytest.StashKey()
_REASON: pytest.StashKey[str] = pytest.StashKey()
# seconds: the first time, a whole system is installed
_TIMEOUT = 1800


class InsideError(Exception):
    """A test failed inside; its text is the report from there."""


class ChrootModule(pytest.File):
    """A file of `inside`, of which this process reads no more than the names of the tests."""

    def collect(self) -> Iterator[pytest.Item]:
        for node in ast.parse(self.path.read_text()).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith(
                "test_"
            ):
                item = ChrootTest.from_parent(self, name=node.name)
                item.add_marker(pytest.mark.camera)
                item.add_marker(pytest.mark.timeout(_TIMEOUT))
                yield item


class ChrootTest(pytest.Item):
    def runtest(self) -> None:
        outcome = self._outcomes().get(self.nodeid)
        if outcome is None:
            raise InsideError("it did not run in the chroot")
        if outcome.result == "skipped":
            missing(outcome.text.strip())
        if outcome.result == "failed":
            raise InsideError(outcome.text)

    def repr_failure(
        self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None
    ) -> str:
        return str(excinfo.value)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f"{self.path.stem}: {self.name}"

    def _outcomes(self) -> dict[str, chroot.Outcome]:
        stash = self.session.stash
        if _REASON in stash:
            missing(stash[_REASON])
        if _OUTCOMES not in stash:
            chosen = [each.nodeid for each in self.session.items if isinstance(each, ChrootTest)]
            try:
                stash[_OUTCOMES] = chroot.run_inside(chroot.ready_chroot(), chosen)
            except chroot.ChrootError as error:
                stash[_REASON] = str(error)
                missing(str(error))
        return stash[_OUTCOMES]


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if chroot.INSIDE or file_path.parent.name != "inside" or not file_path.match("inside_*.py"):
        return None
    return ChrootModule.from_parent(parent, path=file_path)

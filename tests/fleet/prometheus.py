"""Prometheus and VictoriaMetrics of a test's own: Debian's, on loopback ports."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

from tests.free_ports import free_port
from tests.parts import require_part
from tests.waiting import START_TIMEOUT, until_listening


class QueryServer:
    """Answers PromQL at `port`. `flush` is a path that makes what was scraped be found, where that
    takes a while.
    """

    def __init__(self, port: int, flush: str | None = None) -> None:
        self._root = f"http://127.0.0.1:{port}"
        self._flush = flush

    def query(self, expr: str, at: float | None = None) -> list[dict[str, Any]]:
        """The series of an instant query, now or `at` a moment of Unix time. Raises RuntimeError
        with the server's words.
        """
        wanted = {"query": expr} | ({} if at is None else {"time": f"{at:.3f}"})
        url = f"{self._root}/api/v1/query?{urllib.parse.urlencode(wanted)}"
        try:
            with urllib.request.urlopen(url, timeout=START_TIMEOUT) as answer:
                found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        except urllib.error.HTTPError as error:
            if error.code == HTTPStatus.SERVICE_UNAVAILABLE:
                # it still starts
                return []
            raise RuntimeError(f"{expr}: {error.read().decode()}") from error
        return found

    def until(self, expr: str) -> list[dict[str, Any]]:
        """Wait until it has series."""
        deadline = time.monotonic() + START_TIMEOUT
        while not (found := self.query(expr)) and time.monotonic() < deadline:
            time.sleep(0.2)
        assert found, expr
        return found

    def scraped_at(self) -> float:
        """The moment of a scrape that was answered, no earlier than the last one that is known.

        At any other moment a gauge may be gone: a target that is late by more than the interval is
        marked as absent until the next scrape.
        """
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            if self._flush is not None:
                with urllib.request.urlopen(self._root + self._flush, timeout=START_TIMEOUT):
                    pass
            for last in self.query("timestamp(up)"):
                at = float(last["value"][1])
                if self.query("up == 1", at):
                    return at
            time.sleep(0.2)
        raise AssertionError("no scrape was answered")


@contextmanager
def prometheus(folder: Path, target: int, rules: Path | None = None) -> Iterator[QueryServer]:
    """Scrapes 127.0.0.1:`target` every second."""
    config = _scrapes(folder, target)
    if rules is not None:
        text = json.loads(config.read_text())
        text |= {"rule_files": [str(rules)], "global": {"evaluation_interval": "1s"}}
        config.write_text(json.dumps(text))
    port = free_port()
    with _running(
        folder,
        port,
        require_part("prometheus"),
        f"--config.file={config}",
        f"--storage.tsdb.path={folder}/prometheus",
        f"--web.listen-address=127.0.0.1:{port}",
    ) as server:
        yield server


@contextmanager
def victoria_metrics(folder: Path, target: int) -> Iterator[QueryServer]:
    """The same."""
    config = _scrapes(folder, target)
    port = free_port()
    with _running(
        folder,
        port,
        require_part("victoria-metrics"),
        f"-promscrape.config={config}",
        f"-storageDataPath={folder}/victoria",
        f"-httpListenAddr=127.0.0.1:{port}",
        # what was scraped this moment counts
        "-search.latencyOffset=0s",
        flush="/internal/force_flush",
    ) as server:
        yield server


def _scrapes(folder: Path, target: int) -> Path:
    file = folder / "scrape.yml"
    scrapes = {
        "job_name": "callbox",
        "scrape_interval": "1s",
        "static_configs": [{"targets": [f"127.0.0.1:{target}"]}],
    }
    # JSON is YAML
    file.write_text(json.dumps({"scrape_configs": [scrapes]}))
    return file


@contextmanager
def _running(
    folder: Path, port: int, *command: str, flush: str | None = None
) -> Iterator[QueryServer]:
    with (folder / "server.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    try:
        until_listening(process, port)
        yield QueryServer(port, flush)
    finally:
        process.terminate()
        process.wait(START_TIMEOUT)

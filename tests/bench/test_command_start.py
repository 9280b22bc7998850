"""What a command costs, over a plain Python."""

from __future__ import annotations

from tests.bench.command_start import COMMANDS, PLAIN, cpu_seconds_of, figures_of


def test_figures_are_over_a_plain_python_of_the_same_run() -> None:
    plain, status = figures_of({PLAIN: [0.01, 0.02, 0.03], "status": [0.06, 0.08, 0.07]})
    assert (plain.value, plain.unit) == (20.0, "ms")
    assert status.unit == "times"
    assert round(status.value, 6) == 3.5
    assert status.details["ms"]["max"] == 80.0


def test_cpu_seconds_are_those_of_the_process() -> None:
    busy = "import time\nwhile time.process_time() < 0.2: pass"
    assert cpu_seconds_of(COMMANDS[PLAIN]) < cpu_seconds_of(("-c", busy))
    assert cpu_seconds_of(("-c", busy)) >= 0.2

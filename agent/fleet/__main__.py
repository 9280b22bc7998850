"""`python -m agent.fleet CONFIG` writes the annotated sample of collector.toml, and below `fleet/`
Grafana's dashboard and Prometheus's rules.
"""

from __future__ import annotations

import sys
from pathlib import Path

from agent.fleet.collector_settings import collector_sample
from agent.fleet.grafana_dashboard import dashboard_file
from agent.fleet.prometheus_rules import rules_file

GENERATED = {
    "collector.toml": collector_sample,
    "fleet/grafana-dashboard.json": dashboard_file,
    "fleet/prometheus-rules.yml": rules_file,
}


def write_generated(folder: Path) -> None:
    for name, text in GENERATED.items():
        file = folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m agent.fleet CONFIG")
    write_generated(Path(sys.argv[1]))

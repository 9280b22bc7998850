"""How Ansible reaches a container of machine.py: its commands run in the namespaces of the first
process, whose number is `ansible_host`. Ansible reads this file itself.
"""

from __future__ import annotations

import os
import shutil
import subprocess

from ansible.plugins.connection import ConnectionBase

DOCUMENTATION = """
name: container
short_description: nsenter into a container of the tests
options:
  host:
    description: the process number of the container's first process, seen from outside
    vars:
      - name: ansible_host
"""
ENVIRONMENT = (
    *("env", "-i", "HOME=/root", "LC_ALL=C.UTF-8"),
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
)


class Connection(ConnectionBase):  # type: ignore[misc]
    """As root, without a terminal."""

    transport = "container"

    def _connect(self) -> Connection:
        return self

    def exec_command(
        self, cmd: str, in_data: bytes | None = None, sudoable: bool = True
    ) -> tuple[int, bytes, bytes]:
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        inside = ["nsenter", f"--target={self.get_option('host')}", "--all", "--", *ENVIRONMENT]
        done = subprocess.run(
            [*inside, "/bin/sh", "-c", cmd], input=in_data or b"", capture_output=True, check=False
        )
        return done.returncode, done.stdout, done.stderr

    def put_file(self, in_path: str, out_path: str) -> None:
        shutil.copyfile(in_path, self._seen(out_path))

    def fetch_file(self, in_path: str, out_path: str) -> None:
        shutil.copyfile(self._seen(in_path), out_path)

    def close(self) -> None:
        """Nothing is held."""

    def _seen(self, path: str) -> str:
        return f"/proc/{self.get_option('host')}/root{os.path.normpath(path)}"

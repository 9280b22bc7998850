"""RabbitMQ with MQTT 5: Debian trixie's, from a root file system of its own."""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.free_ports import free_port
from tests.parts import missing, require_part
from tests.systemd.machine import root_filesystem
from tests.waiting import until_listening

# seconds: Erlang on a busy machine
START_TIMEOUT = 240
_RUN = """\
mount --make-rprivate /
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
mount --bind "$2" "$1/mnt"
exec chroot "$1" /usr/lib/rabbitmq/bin/rabbitmq-server
"""


@contextmanager
def rabbitmq(folder: Path) -> Iterator[int]:
    """Runs below `folder`, open to everybody on loopback. Yields the port of MQTT."""
    if os.getuid() != 0:
        missing("a root file system of its own needs root")
    require_part("mmdebstrap")
    root = root_filesystem("trixie", packages=("rabbitmq-server",))
    port, distribution = free_port(), free_port()
    cookie = folder / ".erlang.cookie"
    cookie.write_text(secrets.token_hex(10))
    cookie.chmod(0o400)
    (folder / "plugins").write_text("[rabbitmq_mqtt].\n")
    (folder / "rabbitmq.conf").write_text(
        f"mqtt.listeners.tcp.1 = 127.0.0.1:{port}\nmqtt.allow_anonymous = true\n"
        "anonymous_login_user = guest\nanonymous_login_pass = guest\n"
        f"listeners.tcp.1 = 127.0.0.1:{free_port()}\n"
    )
    environ = {
        "HOME": "/mnt",
        "PATH": "/usr/lib/rabbitmq/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "ERL_EPMD_PORT": str(free_port()),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODENAME": "fleet@localhost",
        "RABBITMQ_DIST_PORT": str(distribution),
        "RABBITMQ_MNESIA_BASE": "/mnt/data",
        "RABBITMQ_LOG_BASE": "/mnt/log",
        "RABBITMQ_ENABLED_PLUGINS_FILE": "/mnt/plugins",
        "RABBITMQ_CONFIG_FILE": "/mnt/rabbitmq.conf",
        "RABBITMQ_PID_FILE": "/mnt/pid",
    }
    # all of it ends with the first process, the name service included
    spaces = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-ec", _RUN, "sh")
    with (folder / "out").open("wb") as out:
        process = subprocess.Popen(
            [*spaces, str(root), str(folder)], env=environ, stdout=out, stderr=out
        )
    try:
        until_listening(process, port, START_TIMEOUT)
        yield port
    finally:
        process.kill()
        process.wait(30)

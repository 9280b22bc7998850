"""The lab: a Linux kernel of its own that runs one command on this machine's files, with real
kernel devices.

It starts in about two seconds, without root or virtualization. Whatever it writes is gone with it,
except in the folder that the command finds as /run/lab. Its clock stands still while anything
computes and jumps when everything waits (`travel`), so that an hour of sound takes the seconds that
its computing takes, and the load of the host changes no figure.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

INIT = Path(__file__).with_name("init.sh")
MEMORY = 512
"""MiB at most, taken as needed."""
TIMEOUT = 300.0
"""Seconds of the host's clock that a command may take."""
_END_TIMEOUT = 10.0
_CONSOLE_LINES = 30
# of the caller's shell, or of no use inside
_LEFT_OUT = {"TMPDIR", "OLDPWD", "PWD", "SHLVL", "_", "LAB_KERNEL"}


class LabError(RuntimeError):
    """The lab ended before its command had, or took too long; with the last words of its kernel."""


class Lab:
    """A lab that runs `command`, from the start until `close()`.

    `folder` on the host is /run/lab inside, for what goes in and out; it is gone after `close()`.
    """

    def __init__(
        self,
        kernel: Path,
        command: Sequence[str],
        *,
        working_folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
        travel: bool = True,
        timeout: float = TIMEOUT,
    ) -> None:
        self._stack = contextlib.ExitStack()
        self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="lab-")))
        self._deadline = time.monotonic() + timeout
        self._output = ""
        self._heard = threading.Condition()
        try:
            self._write_session(command, working_folder or Path.cwd(), environment or {})
            self._process, self._reader = self._start(kernel, travel=travel)
        except BaseException:
            self._stack.close()
            raise

    def __enter__(self) -> Lab:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def output(self) -> str:
        """What the command has written so far, to its output and its errors."""
        with self._heard:
            return self._output

    def wait_for(self, text: str) -> None:
        """Return once the command has written `text`. Raises LabError when it cannot any more."""
        with self._heard:
            while text not in self._output:
                left = self._deadline - time.monotonic()
                if left <= 0 or not self._reader.is_alive():
                    raise LabError(f"never wrote {text!r}: {self._output}\n{self.console()}")
                self._heard.wait(min(left, 1.0))

    def wait(self) -> int:
        """The exit status of the command. Raises LabError."""
        try:
            self._process.wait(max(0.0, self._deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise LabError(f"took too long: {self.output}\n{self.console()}") from None
        self._reader.join(_END_TIMEOUT)
        try:
            return int((self.folder / "status").read_text())
        except (OSError, ValueError):
            raise LabError(
                f"the kernel ended with {self._process.returncode}: {self.console()}"
            ) from None

    def console(self) -> str:
        """The last words of the kernel."""
        text = (self.folder / "console").read_text(errors="replace")
        return "\n".join(text.splitlines()[-_CONSOLE_LINES:])

    def close(self) -> None:
        """End it, whatever it does; leave no process and no file. Idempotent."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            # its processes are the kernel's children, in one group
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_END_TIMEOUT)
        self._reader.join(_END_TIMEOUT)
        self._stack.close()

    def _write_session(
        self, command: Sequence[str], working_folder: Path, environment: Mapping[str, str]
    ) -> None:
        variables = {name: each for name, each in os.environ.items() if name not in _LEFT_OUT}
        variables |= {"TMPDIR": "/run/tmp", **environment}
        exports = (
            f"export {name}={shlex.quote(value)}\n"
            for name, value in variables.items()
            if name.isidentifier()
        )
        (self.folder / "environment").write_text("".join(exports))
        (self.folder / "command").write_text(
            f"cd {shlex.quote(str(working_folder))} || exit\n{shlex.join(command)}\n"
        )
        shutil.copy(INIT, self.folder / "init")

    def _start(
        self, kernel: Path, *, travel: bool
    ) -> tuple[subprocess.Popen[bytes], threading.Thread]:
        # a terminal wants something to read from, on which nothing ever comes
        inside_in, our_out = os.pipe()
        our_in, inside_out = os.pipe()
        self._stack.callback(os.close, our_out)
        try:
            with (self.folder / "console").open("wb") as console:
                process = subprocess.Popen(
                    self._kernel_command(kernel, f"fd:{inside_in},fd:{inside_out}", travel=travel),
                    stdin=subprocess.DEVNULL,
                    stdout=console,
                    stderr=console,
                    pass_fds=(inside_in, inside_out),
                    env=_kernel_environment(),
                    start_new_session=True,
                )
        except BaseException:
            os.close(our_in)
            raise
        finally:
            os.close(inside_in)
            os.close(inside_out)
        reader = threading.Thread(target=self._read, args=(our_in,), name="lab-output")
        reader.start()
        return process, reader

    def _kernel_command(self, kernel: Path, console: str, *, travel: bool) -> list[str]:
        mount = "mount -t hostfs none /run/lab -o"
        # util-linux before 2.39 takes the bare path only
        start = (
            f"mount -t tmpfs run /run; mkdir /run/lab; "
            f"{mount} hostfs={self.folder} 2>/dev/null || {mount} {self.folder}; "
            f"exec sh /run/lab/init"
        )
        return [
            str(kernel),
            f"mem={MEMORY}M",
            f"uml_dir={self.folder}/",
            *("root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro", "loglevel=4"),
            *("con=null", "con0=null,fd:2", f"con1={console}"),
            *("snd_aloop.pcm_substreams=2", "dummy_hcd.is_super_speed=N"),
            *(("time-travel=inf-cpu",) if travel else ()),
            *("init=/bin/sh", "--", "-c", f'"{start}"'),
        ]

    def _read(self, descriptor: int) -> None:
        with open(descriptor, encoding="utf-8", errors="replace") as pipe:
            for line in pipe:
                with self._heard:
                    self._output += line
                    self._heard.notify_all()
        with self._heard:
            self._heard.notify_all()


def _kernel_environment() -> dict[str, str]:
    """Of the kernel's own program on the host."""
    # A process of the lab has unmapped what the host's kernel would look at.
    environment = {**os.environ, "GLIBC_TUNABLES": "glibc.pthread.rseq=0"}
    # The memory is a file there, in a folder that has the room and allows it to be executed.
    try:
        room = shutil.disk_usage("/dev/shm").free
    except OSError:
        room = 0
    if room <= MEMORY << 20:
        environment.setdefault("TMPDIR", "/tmp")
    return environment

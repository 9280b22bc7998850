"""The last visits with their pictures, for the page (`visits.json`, `visits/ID.jpg`)."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from agent.device.state_file import StateFile

logger = logging.getLogger(__name__)

MOST = 50
# seconds that a visit is kept
LONGEST_KEPT = 30 * 24 * 3600.0
_INDEX = "visits.json"
_PICTURE = re.compile(r"([A-Za-z0-9_-]{1,64})\.jpg")


class Visit(BaseModel):
    """One press of a button. `id` is that of its event `ring`, `at` its time in Unix seconds."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    id: str
    at: float
    button: str = ""
    targets: tuple[str, ...] = ()
    conversation: str | None = None
    suppressed: str | None = None
    answered_by: str | None = None
    opened_by: str | None = None
    missed: bool = False
    message: str | None = None
    picture: bool = False


_VISITS = TypeAdapter(list[Visit])


class Visits:
    """MOST of them, for 30 days, in a folder of the state directory that nobody else may read.

    Methods block, may be called from any thread, and never raise: a disk that does not take a visit
    costs the visit, and is logged.
    """

    def __init__(
        self, directory: Path, has_message: Callable[[str], bool] = lambda _name: True
    ) -> None:
        """`has_message`: whether what a visitor said is still there."""
        self._directory = directory
        self._has_message = has_message
        self._index = StateFile(directory / _INDEX)
        self._lock = threading.Lock()
        self._visits: list[Visit] | None = None

    def all(self) -> Sequence[Visit]:
        """The newest first."""
        with self._lock:
            return tuple(self._read())

    def add(self, visit: Visit, picture: bytes | None = None) -> None:
        """Keep a new one, and let go of what is too old or too much."""
        with self._lock:
            kept = [visit, *(each for each in self._read() if each.id != visit.id)]
            kept = [each for each in kept[:MOST] if visit.at - each.at <= LONGEST_KEPT]
            self._write(kept)
            self._keep_picture(visit.id, picture)
            self._sweep()

    def change(self, visit_id: str, **known: object) -> None:
        """What became of it: fields of `Visit`. One that is not kept any more stays so."""
        with self._lock:
            visits = self._read()
            for number, each in enumerate(visits):
                if each.id == visit_id:
                    changed = each.model_copy(update=known)
                    self._write([*visits[:number], changed, *visits[number + 1 :]])

    def keep_picture(self, visit_id: str, picture: bytes) -> None:
        """A JPEG that came after the visit."""
        with self._lock:
            if any(each.id == visit_id for each in self._read()):
                self._keep_picture(visit_id, picture)

    def document(self, path: str) -> tuple[bytes, str] | None:
        """What lies at a path of the page, and its media type; None for any other path."""
        if path == _INDEX:
            shown = [self._shown(each) for each in self.all()]
            return _VISITS.dump_json(shown, by_alias=True), "application/json"
        folder, _, name = path.partition("/")
        if folder != "visits" or not (match := _PICTURE.fullmatch(name)):
            return None
        try:
            # the name is one of ours: it has no separator in it
            return (self._directory / f"{match[1]}.jpg").read_bytes(), "image/jpeg"
        except OSError:
            return None

    def _shown(self, visit: Visit) -> Visit:
        """Without a message that has been deleted since."""
        if visit.message is None or self._has_message(visit.message):
            return visit
        return visit.model_copy(update={"message": None})

    def _keep_picture(self, visit_id: str, picture: bytes | None) -> None:
        if picture is None or not _PICTURE.fullmatch(f"{visit_id}.jpg"):
            return
        try:
            StateFile(self._directory / f"{visit_id}.jpg").write(picture)
        except OSError as error:
            logger.warning("the picture of a visit is not kept: %s", error)
            return
        visits = self._read()
        self._write(
            [
                each.model_copy(update={"picture": True}) if each.id == visit_id else each
                for each in visits
            ]
        )

    def _read(self) -> list[Visit]:
        if self._visits is None:
            try:
                self._visits = _VISITS.validate_json(self._index.read() or b"[]")
            except (OSError, ValidationError) as error:
                logger.warning("%s cannot be used; it begins anew (%s)", self._index, error)
                self._visits = []
        return self._visits

    def _write(self, visits: list[Visit]) -> None:
        self._visits = visits
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._index.write(_VISITS.dump_json(visits, by_alias=True))
        except OSError as error:
            logger.warning("a visit is not kept over a restart: %s", error)

    def _sweep(self) -> None:
        """Pictures of visits that are kept no more."""
        kept = {each.id for each in self._read()}
        try:
            for each in self._directory.glob("*.jpg"):
                if each.stem not in kept:
                    each.unlink(missing_ok=True)
        except OSError as error:
            logger.warning("old pictures of visits are left: %s", error)

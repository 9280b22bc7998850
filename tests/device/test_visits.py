"""The last visits and their pictures."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from agent.device.visits import LONGEST_KEPT, MOST, Visit, Visits

NOON = 1_764_417_600.0
JPEG = b"\xff\xd8 picture \xff\xd9"


def visit(number: int, at: float = NOON) -> Visit:
    return Visit(id=f"ring-{number}", at=at + number, button="front", targets=("alice",))


def test_visits_are_kept_newest_first_and_over_a_restart(tmp_path: Path) -> None:
    visits = Visits(tmp_path / "visits")
    assert visits.all() == ()
    visits.add(visit(1), JPEG)
    visits.add(visit(2))
    visits.change("ring-1", answered_by="alice", missed=False)
    visits.change("ring-9", answered_by="nobody")
    again = Visits(tmp_path / "visits")
    newest, oldest = again.all()
    assert (newest.id, newest.picture) == ("ring-2", False)
    assert (oldest.answered_by, oldest.picture, oldest.targets) == ("alice", True, ("alice",))
    for each in (tmp_path / "visits").iterdir():
        assert each.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "visits").stat().st_mode & 0o777 == 0o700


def test_a_visit_is_kept_once(tmp_path: Path) -> None:
    visits = Visits(tmp_path)
    visits.add(visit(1))
    visits.add(visit(1))
    assert len(visits.all()) == 1


def test_what_is_too_many_or_too_old_goes_with_its_picture(tmp_path: Path) -> None:
    visits = Visits(tmp_path)
    visits.add(visit(0, NOON - LONGEST_KEPT - 10), JPEG)
    for number in range(1, MOST + 3):
        visits.add(visit(number), JPEG)
    kept = [each.id for each in visits.all()]
    assert kept == [f"ring-{number}" for number in range(MOST + 2, 2, -1)]
    assert {each.stem for each in tmp_path.glob("*.jpg")} == set(kept)


def test_a_picture_may_come_later(tmp_path: Path) -> None:
    visits = Visits(tmp_path)
    visits.add(visit(1))
    visits.keep_picture("ring-1", JPEG)
    visits.keep_picture("ring-2", JPEG)
    assert visits.all()[0].picture
    assert [each.name for each in tmp_path.glob("*.jpg")] == ["ring-1.jpg"]


def test_the_page_gets_visits_and_pictures_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    visits = Visits(tmp_path / "visits")
    visits.add(visit(1), JPEG)
    found = visits.document("visits.json")
    assert found is not None
    (said,) = json.loads(found[0])
    assert (said["id"], said["answeredBy"], said["picture"]) == ("ring-1", None, True)
    assert visits.document("visits/ring-1.jpg") == (JPEG, "image/jpeg")
    for path in (
        "visits/ring-2.jpg",
        "visits/../secret.jpg",
        "visits//etc/passwd",
        "visits/visits.json",
        "visits/",
        "visits",
        "index.html",
    ):
        assert visits.document(path) is None, path


@pytest.mark.parametrize("left", [b"", b"{", b'[{"id": 5}]', b"\xff\xfe"])
def test_a_damaged_file_begins_anew(
    tmp_path: Path, left: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "visits.json").write_bytes(left)
    visits = Visits(tmp_path)
    with caplog.at_level(logging.WARNING):
        assert visits.all() == ()
    assert ("begins anew" in caplog.text) is bool(left)
    visits.add(visit(1))
    assert len(Visits(tmp_path).all()) == 1


def test_a_disk_that_takes_nothing_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_bytes(b"")
    visits = Visits(tmp_path / "file" / "visits")
    visits.add(visit(1), JPEG)
    assert len(visits.all()) == 1
    assert "not kept" in caplog.text


def test_visits_show_no_message_that_was_deleted(tmp_path: Path) -> None:
    left = {"m1"}
    kept = Visits(tmp_path / "visits", left.__contains__)
    kept.add(Visit(id="one", at=1.0, message="m1"))
    said = kept.document("visits.json")
    assert said is not None
    assert json.loads(said[0])[0]["message"] == "m1"
    left.clear()
    said = kept.document("visits.json")
    assert said is not None
    assert json.loads(said[0])[0]["message"] is None

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent.errors import ConfigurationError
from agent.settings import load_settings


def load(folder: Path, text: str, environ: dict[str, str] | None = None) -> Any:
    config = folder / "callbox.toml"
    config.write_text(text)
    return load_settings(config, environ=environ or {}, root=folder / "etc").camera


def test_everything_that_can_be_said_of_the_camera(tmp_path: Path) -> None:
    camera = load(
        tmp_path,
        "[camera]\nnumber = 1\nhflip = true\nrotation = 180\nautofocus = "
        '"once"\nnoise_reduction = "off"\n'
        "region = [0.25, 0, 0.5, 1]\n[camera.controls]\nBrightness = 0.1\nAwbMode = "
        '"Indoor"\nColourGains = [1.5, 2]\n',
    )
    assert (camera.number, camera.hflip, camera.vflip, camera.rotation) == (1, True, False, 180)
    assert (camera.autofocus, camera.noise_reduction, camera.region) == (
        "once",
        "off",
        (0.25, 0, 0.5, 1),
    )
    assert camera.controls == {"Brightness": 0.1, "AwbMode": "Indoor", "ColourGains": [1.5, 2]}


def test_the_environment_can_say_it_too(tmp_path: Path) -> None:
    environ = {
        "CALLBOX_CAMERA__ROTATION": "180",
        "CALLBOX_CAMERA__REGION": "[0, 0, 0.5, 0.5]",
        "CALLBOX_CAMERA__CONTROLS": '{"Brightness": 0.2}',
    }
    camera = load(tmp_path, "", environ)
    assert (camera.rotation, camera.region, camera.controls) == (
        180,
        (0, 0, 0.5, 0.5),
        {"Brightness": 0.2},
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("rotation = 90", ("camera.rotation", "0 or 180")),
        ('autofocus = "yes"', ("camera.autofocus", "yes")),
        ("region = [0.5, 0, 0.6, 1]", ("camera.region", "0.6")),
        ("region = [0, 0, 0, 1]", ("camera.region", "width")),
        ("region = [0, 0, 1]", ("camera.region",)),
        ("controls = {brightness = 1}", ("camera.controls", "'brightness'")),
        ("controls = {Brightness = {a = 1}}", ("camera.controls", "Brightness")),
        ('controls = {AfWindows = ["x"]}', ("camera.controls", "AfWindows")),
        ("flip = true", ("camera.flip", "vflip")),
    ],
)
def test_a_fault_names_its_key(tmp_path: Path, text: str, words: tuple[str, ...]) -> None:
    with pytest.raises(ConfigurationError) as fault:
        load(tmp_path, f"[camera]\n{text}\n")
    for word in words:
        assert word in str(fault.value)

"""Each block of code in a document is run by a test, or says why it cannot be.

TOML passes `callbox check`, JSON, YAML and Python are read, each `callbox ...` is taken by the real
parser; what runs whole has its test named here.
"""

from __future__ import annotations

import ast
import json
import re
import tomllib
from pathlib import Path

import pytest
import typer
import yaml
from typer.testing import CliRunner

from agent.cli import make_app
from agent.fleet.collector_settings import load_collector_settings
from tests.free_ports import free_port
from tests.papers import PAPERS, ROOT, Block, block, blocks, command_line, commands, read_yaml

BLOCKS = blocks()
LANGUAGES = {"sh", "toml", "python", "js", "ts", "json", "yaml", "mermaid", "text"}
# the parts of [pull] and [web] that name files of the reader's machine
_PATHS = re.compile(r'^(\w+_file) = "[^"]*"', re.MULTILINE)

TYPED = "tests/systemd/test_install_lines.py::test_lines_for_the_package"
WITHOUT_PACKAGE = "tests/systemd/test_install_lines.py::test_lines_without_a_package"
STEP_BY_STEP = "tests/test_readme.py::test_getting_started_ends_with_a_recorded_call"
INSTALLED = "tests/systemd/test_package.py::test_install_upgrade_remove_purge"
EXAMPLES = "tests/e2e/test_examples.py::test_page_of_ones_own_shows_the_picture"
RULES = "tests/e2e/test_examples.py::test_python_caller_sees_pictures"
BELL = "tests/e2e/test_example_bell.py::test_bell_rings_and_tells_the_phone"
TURN = "tests/e2e/test_examples.py::test_turnserver_starts_with_the_example"
DEMOS = "tests/e2e/test_demo.py"
DEMO = f"{DEMOS}::test_from_the_command_to_a_picture_and_back"
OWN_BROKER = "tests/test_readme.py::test_broker_of_debian_lets_in_whom_it_knows"
AUTHORITY = "tests/test_readme.py::test_authority_of_ones_own_is_trusted"
NETWORK = "tests/test_readme.py::test_page_on_ones_network"
THREE = "tests/test_readme.py::test_fleet_of_three_without_a_terminal"

RUN_BY = {
    # the whole block, by its document and how it begins: the test that does it
    (
        "README.md",
        "make demo",
    ): "tests/e2e/test_demo.py::test_from_the_command_to_a_picture_and_back",
    ("README.md", "make deb"): TYPED,
    ("config/examples/README.md", "callbox acl"): RULES,
    ("config/examples/README.md", "callbox check"): BELL,
    ("docs/broker.md", "callbox acl mosquitto > callbox.acl"): RULES,
    (
        "docs/broker.md",
        "openssl req",
    ): "tests/test_readme.py::test_authority_of_ones_own_is_trusted",
    ("docs/embedding.md", "callbox acl"): RULES,
    ("docs/embedding.md", "python3 -m http.server"): EXAMPLES,
    ("docs/embedding.md", "python caller.py"): RULES,
    (
        "docs/fleet.md",
        "openssl rand",
    ): "tests/test_readme.py::test_fleet_of_three_without_a_terminal",
    ("docs/fleet.md", "sudo apt-get install --yes ./callbox_*.deb"): INSTALLED,
    ("docs/fleet.md", "rule_files:"): "tests/fleet/test_prometheus_rules.py::"
    "test_configuration_of_the_paper_passes_promtool",
    ("docs/fleet.md", "callbox collect"): "tests/systemd/test_collector.py::"
    "test_collector_keeps_what_the_device_says",
    ("docs/getting-started.md", "cat > door.toml"): STEP_BY_STEP,
    ("docs/getting-started.md", "callbox acl"): STEP_BY_STEP,
    ("docs/getting-started.md", "callbox run"): STEP_BY_STEP,
    ("docs/getting-started.md", "sudo apt install ./dist"): TYPED,
    ("docs/getting-started.md", "make wheel"): WITHOUT_PACKAGE,
    ("docs/getting-started.md", "sudo apt install mosquitto"): OWN_BROKER,
    (
        "docs/phone.md",
        "make demo",
    ): f"{DEMOS}::test_demo_on_an_address_has_a_password",
    ("docs/phone.md", "sudo install -d"): NETWORK,
    ("docs/turn.md", "sudo apt install coturn"): TURN,
}
NOT_RUN = {
    # the same, with the reason
    ("README.md", "make test"): "it runs this test",
    ("docs/broker.md", "callbox call"): "a broker called broker.lan; its options are those of "
    "tests/commands/test_call_command.py",
    ("docs/contributing.md", "make setup"): "it is what makes the tests run",
    ("docs/contributing.md", "sudo callbox doctor"): "needs a camera and a sound card",
    ("docs/embedding.md", "make setup"): "copies what the tests copy themselves",
    ("docs/embedding.md", "mosquitto_rr"): "tests/e2e sends this command through a client of ours",
    ("docs/fleet.md", "sudo systemctl enable"): "tests/systemd/test_collector.py starts that unit",
    ("docs/hardware.md", "sudo callbox doctor"): "needs a camera and a sound card",
    ("docs/phone.md", "ssh -L"): "needs another machine",
    ("docs/phone.md", "sudo systemd-ask-password"): "needs a terminal; what it leaves is tried by "
    "tests/systemd/test_service.py::test_password_of_the_page_is_a_credential",
    ("docs/questions.md", "sudo CREDENTIALS_DIRECTORY"): "tests/doctor runs each of its checks",
    ("docs/turn.md", "sudo callbox doctor"): "tests/doctor/test_network.py asks such servers",
    # what other programs read
    ("docs/fleet.md", "persistence true"): "mosquitto's, as in config/examples/mosquitto.conf",
    ("docs/integrations.md", "automation:"): "Home Assistant's; tests/homeassistant has its own",
    ("docs/integrations.md", "streams:"): "go2rtc's, which cannot be had here; tests/pull says so",
    ("docs/integrations.md", "homekit:"): "Home Assistant's with HomeKit: said to be not tried",
    ("docs/integrations.md", "Thing mqtt"): "openHAB's: said to be not tried",
    ("docs/phone.md", "door.example.org {"): "Caddy's, with a public name",
    # drawings
    ("docs/hardware.md", "GPIO 17"): "wiring",
    ("docs/hardware.md", "GPIO 23"): "wiring",
    ("docs/protocol.md", "caller "): "a drawing",
    ("docs/rate-control.md", "flowchart LR"): "a drawing",
}
YAML_FILES = [
    path
    for path in sorted((ROOT / "config").rglob("*"))
    if path.suffix in (".yml", ".yaml") or path.name == "user-data"
]
LISTED = ("sh", "yaml", "text", "mermaid")


def names_of(block: Block) -> list[tuple[str, str]]:
    return [
        each
        for each in (*RUN_BY, *NOT_RUN)
        if each[0] == block.paper and block.first.startswith(each[1])
    ]


def of(*languages: str) -> pytest.MarkDecorator:
    chosen = [each for each in BLOCKS if each.language in languages]
    assert chosen
    return pytest.mark.parametrize("block", chosen, ids=str)


def test_every_block_says_its_language() -> None:
    assert [str(each) for each in BLOCKS if each.language not in LANGUAGES] == []


@of(*LISTED)
def test_block_is_run_by_a_test_or_says_why_not(block: Block) -> None:
    assert len(names_of(block)) == 1, block.first


def test_lists_name_blocks_and_tests_that_exist() -> None:
    named = {each for block in BLOCKS if block.language in LISTED for each in names_of(block)}
    assert {*RUN_BY, *NOT_RUN} - named == set()
    for where in RUN_BY.values():
        path, _, test = where.partition("::")
        defined = {
            node.name
            for node in ast.walk(ast.parse((ROOT / path).read_text()))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        assert test in defined, where


# -- the command line -----------------------------------------------------------------------------


def refusal(words: list[str]) -> str:
    """Why the program does not take these words, by the name of the parser's error; empty where it
    does. Nothing is run.
    """
    command = command_line()
    context = None
    try:
        while True:
            context = command.make_context(command.name, [*words], parent=context)
            if not hasattr(command, "commands"):
                return ""
            _, command, words = command.resolve_command(
                context, [*getattr(context, "_protected_args", ()), *context.args]
            )
    except typer.Exit:
        return ""
    except Exception as error:  # noqa: BLE001 - the classes of the parser have no public name
        return f"{type(error).__name__}: {getattr(error, 'message', error)}"


def test_parser_refuses_what_there_is_not() -> None:
    """Or the tests below hold nothing."""
    assert refusal(["call", "door-1", "--uid", "front-desk"]) == ""
    assert refusal(["fleet", "device", "door-1"]) == ""
    assert "NoSuchOption" in refusal(["fleet", "device", "door-1", "--nothing"])
    assert "NoSuchOption" in refusal(["call", "door-1", "--nothing"])
    assert "such command" in refusal(["nothing"]).lower()
    assert "BadParameter" in refusal(["acl", "nothing"])
    assert "Missing" in refusal(["call"])


@of("sh")
def test_commands_are_taken_by_the_parser(block: Block) -> None:
    for program, *words in commands(block.text):
        if program == "callbox":
            why = refusal(words)
            # the reader's own files
            assert not why or "does not exist" in why, f"{block}: {words}: {why}"


@pytest.mark.parametrize("paper", PAPERS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_commands_in_sentences_have_options_that_exist(paper: Path) -> None:
    """A word in capitals stands for what the reader has, so values are not judged."""
    for text in re.findall(r"`(?:sudo )?callbox ([a-z][^`\n]*)`", paper.read_text()):
        # of `one|another` the first
        why = refusal(re.sub(r"[\[\]]|\.\.\.|\|[\w|]+", "", text).split())
        assert "NoSuchOption" not in why, f"{text}: {why}"
        assert "No such command" not in why, f"{text}: {why}"


# -- what is written into files -------------------------------------------------------------------


@of("toml")
def test_toml_passes_callbox_check(
    block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file.pem"
    file.write_text("")
    text = _PATHS.sub(rf'\1 = "{file}"', block.text)
    if "# collector.toml" in text:
        (tmp_path / "collector.toml").write_text(text)
        load_collector_settings(tmp_path / "collector.toml")
        return
    tables = tomllib.loads(text)
    if "rule" in tables:
        text = text.replace("[[rule]]", "[[policy.rule]]")
    head = "" if "uid" in tables else 'uid = "door-1"\n'
    config = tmp_path / "door.toml"
    config.write_text(head + text)
    monkeypatch.setenv("CALLBOX_STATE_DIRECTORY", str(tmp_path / "state"))
    for part in ("WEB", "PULL"):
        # another program of this machine may have the one that is written there
        monkeypatch.setenv(f"CALLBOX_{part}__PORT", str(free_port()))
        monkeypatch.setenv(f"CALLBOX_{part}__HOST", "127.0.0.1")
    result = CliRunner().invoke(make_app("check"), ["check", "--config", str(config)])
    assert result.exit_code == 0, f"{block}: {result.output}"


@of("json")
def test_json_can_be_read(block: Block) -> None:
    assert json.loads(block.text)


@of("yaml")
def test_yaml_can_be_read(block: Block) -> None:
    assert isinstance(read_yaml(block.text), dict)


def test_yaml_with_a_key_that_stands_twice_is_refused() -> None:
    """Or the tests around it hold less than they say."""
    assert read_yaml("a: !input name\nb: [1]\n") == {"a": "name", "b": [1]}
    with pytest.raises(yaml.YAMLError, match="twice"):
        read_yaml("a:\n  b: 1\n  c: 2\n  b: 3\n")


def test_automation_has_what_home_assistant_asks_for() -> None:
    """Its own judgement of such a file is that of tests/homeassistant, on the blueprint."""
    text = block("docs/integrations.md", "yaml", "automation:")
    for each in read_yaml(text)["automation"]:
        assert each.keys() <= {"alias", "mode", "triggers", "conditions", "actions"}
        assert all("trigger" in trigger for trigger in each["triggers"])
        assert all("action" in action for action in each["actions"])


def test_settings_of_the_page_are_those_that_it_reads() -> None:
    text = (ROOT / "agent/web/settings.js").read_text()
    read = set(re.findall(r"@property \{[^}]+\} \[?(\w+)", text))
    written = json.loads(block("docs/broker.md", "json", "iceServers"))
    assert {"broker", "iceServers"} <= written.keys() <= read


@pytest.mark.parametrize("file", YAML_FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_yaml_files_of_config_can_be_read(file: Path) -> None:
    assert read_yaml(file.read_text())


def test_first_boot_gives_commands_that_there_are() -> None:
    given = read_yaml((ROOT / "config/examples/cloud-init/user-data").read_text())["runcmd"]
    called = [words for program, *words in given if program == "callbox"]
    assert called
    for words in called:
        why = refusal(words)
        # the file with the password is that of the first boot
        assert not why or "does not exist" in why, why


@of("python")
def test_python_compiles(block: Block) -> None:
    compile(block.text, str(block), "exec")

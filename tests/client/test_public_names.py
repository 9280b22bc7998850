"""What `from agent.client import ...` offers."""

from __future__ import annotations

import ast
from pathlib import Path

import callbox
import pytest

import agent.client


def declared() -> set[str]:
    """What a type checker sees."""
    tree = ast.parse(Path(agent.client.__file__).read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    return {
        alias.name
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


@pytest.mark.parametrize("name", sorted(declared()))
def test_public_name_is_there(name: str) -> None:
    assert getattr(agent.client, name).__name__ == name
    assert name in dir(agent.client)


def test_public_names_are_those_that_a_type_checker_sees() -> None:
    assert declared() == set(agent.client._HOMES)
    assert {"CallClient", "Conversation", "LocalStream", "RemoteStream", "CallStatus"} <= declared()


def test_public_name_that_there_is_not() -> None:
    with pytest.raises(AttributeError, match="Nothing"):
        _ = agent.client.Nothing


def test_public_names_are_those_of_the_distribution() -> None:
    assert callbox.CallClient is agent.client.CallClient
    assert {*agent.client._HOMES} <= {*dir(callbox)}
    assert callbox.__version__ == agent.__version__
    for name in ("Nothing", "_HOMES", "import_module"):
        with pytest.raises(AttributeError, match=name):
            getattr(callbox, name)

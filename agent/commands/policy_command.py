"""`callbox policy explain`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from agent.commands.command_options import ConfigOption, JsonOption, failed
from agent.commands.exit_codes import Exit
from agent.errors import ConfigurationError

policy_app = typer.Typer(help="Who may call.", no_args_is_help=True)


@policy_app.command()
def explain(
    caller: Annotated[str, typer.Option(help="The uid that calls.")],
    at: Annotated[
        str, typer.Option(help="A time, such as 2026-11-22T07:30 or with +01:00. Now unless given.")
    ] = "",
    signed: Annotated[
        bool, typer.Option("--signed", help="As if the invitation had a valid signature.")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Which rule decides about a caller, and why.

    Example: callbox policy explain --caller front-desk --at 2026-11-22T07:30
    """
    from agent.commands.policy_report import explain_policy
    from agent.device.clock_watch import is_set
    from agent.service.system_zone import local_timezone
    from agent.settings import load_policy, load_settings

    try:
        policy = load_policy(load_settings(config))
    except ConfigurationError as error:
        raise failed(error.faults, Exit.BAD_CONFIGURATION) from None
    try:
        moment = datetime.fromisoformat(at) if at else datetime.now(local_timezone())
    except ValueError:
        raise typer.BadParameter(
            f"{at!r} is not a time such as 2026-11-22T07:30", param_hint="--at"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=local_timezone())
    clock_is_set = bool(at) or is_set(moment.timestamp())
    print(
        explain_policy(
            policy, caller, moment, signed=signed, clock_is_set=clock_is_set, as_json=as_json
        )
    )

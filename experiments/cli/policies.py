"""A command that lists the policies there are, and checks one of the user's own."""

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from experiments.cli.options import Json, NoSeed, commands, print_json
from experiments.cli.output import with_output
from experiments.cli.words import policies_like

__all__ = ["group"]

group = commands()


@group.command(epilog="Example: tenure policies --check mymodule:MyPolicy")
@with_output
def policies(
    check: Annotated[
        str | None,
        typer.Option(
            help="Check a policy instead: a name, a Python file, or MODULE:NAME of a class or function.",
            autocompletion=policies_like,
        ),
    ] = None,
    scenario: Annotated[
        Path | None, typer.Option(help="Check it on this scenario's customers [default: two small markets].")
    ] = None,
    seed: NoSeed = 0,
    as_json: Json = False,
) -> None:
    """List every policy with what it does and its parameters; or check one: feasible, repeatable, changing nothing.

    Parameters are set in brackets: --policy "best customers first(share=0.7)". A check ends with exit code 0 where the
    policy conforms, 2 where it does not.
    """
    from policies.catalogue import entries
    from sim.errors import InputError

    if check is not None:
        _check(check, scenario, as_json)
    elif scenario is not None:
        raise InputError(f"`scenario={scenario}`: only with `check=`; name the policy to check, or leave it out")
    elif as_json:
        print_json({"policies": [asdict(each) for each in entries()]})
    else:
        typer.echo(_listed(entries()))


def _check(name: str, scenario: Path | None, as_json: bool) -> None:
    from policies.catalogue import found
    from policies.conformance import check_policy
    from sim.errors import InputError, PolicyError

    twin = None
    if scenario is not None:
        from experiments.firm import Firm

        twin = Firm.open(scenario).twin
    try:
        check_policy(found(name), twin)
    except PolicyError as error:
        raise InputError(str(error)) from None
    where = "two small markets" if scenario is None else str(scenario)
    if as_json:
        print_json({"policy": name, "conforms": True, "played_on": where})
        return
    typer.echo(
        f"{name} conforms, on {where}: it keeps to its money, decides alike when asked again, changes nothing that it "
        f"sees.\nNext: tenure compare scenario.yaml --policy as-today --policy {shlex.quote(name)}"
    )


def _listed(entries: Any) -> str:
    """Return the catalogue by family, each policy with its line and its parameters."""
    import textwrap

    lines, family = [], ""
    for each in entries:
        if each.family != family:
            lines += ["", f"{each.family}:"]
            family = each.family
        stated = ", ".join(f"{key}={value!r}" for key, value in each.parameters.items())
        lines.append(f"  {each.name}" + f"({stated})" * bool(stated))
        lines += textwrap.wrap(each.explains, 112, initial_indent="      ", subsequent_indent="      ")
    lines += [
        "",
        "Besides: a plan, a table of money (.csv, .xlsx), a mixture by segment (.yaml), a Python file, MODULE:NAME.",
        'Next: tenure compare scenario.yaml --policy as-today --policy "four tasks(loyalty=0.5)", or --policy all',
    ]
    return "\n".join(lines[1:])

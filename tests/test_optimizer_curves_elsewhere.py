"""Tables of marketing-mix models as they write them: the same answer as from the plain curves, and what is refused."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from optimizer.curves.curve_file import read_curves
from sim.errors import InputError

CHANNELS = ("tv", "search")
MULTIPLIERS = (0.0, 0.5, 1.0, 2.0)
SPENT = {"tv": 200.0, "search": 80.0}


def response(channel: str, spend: float) -> float:
    most, half = {"tv": (300.0, 150.0), "search": (90.0, 20.0)}[channel]
    return most * spend / (half + spend)


def meridian() -> pd.DataFrame:
    """Return what the analyzer's data set is as a data frame: all metrics, all multipliers."""
    rows = [
        {"spend_multiplier": m, "channel": c, "metric": metric, "spend": m * SPENT[c],
         "incremental_outcome": response(c, m * SPENT[c]) * factor}
        for m in MULTIPLIERS for c in CHANNELS for metric, factor in (("mean", 1.0), ("ci_lo", 0.5), ("ci_hi", 1.5))
    ]  # fmt: skip
    return pd.DataFrame(rows)


def meridian_arrays() -> dict[str, object]:
    """Return the same data set as its ``to_dict()``."""
    spend = [[m * SPENT[c] for c in CHANNELS] for m in MULTIPLIERS]
    outcome = [[[response(c, m * SPENT[c]) * f for f in (1.0, 0.5, 1.5)] for c in CHANNELS] for m in MULTIPLIERS]
    coords = {"channel": CHANNELS, "metric": ("mean", "ci_lo", "ci_hi"), "spend_multiplier": MULTIPLIERS}
    return {
        "coords": {name: {"dims": [name], "data": list(values)} for name, values in coords.items()},
        "data_vars": {
            "spend": {"dims": ["spend_multiplier", "channel"], "data": spend},
            "incremental_outcome": {"dims": ["spend_multiplier", "channel", "metric"], "data": outcome},
        },
    }


def pymc(scale: bool = True) -> pd.DataFrame:
    x = np.linspace(0, 1, 5)
    frames = []
    for c in CHANNELS:
        mean = [response(c, 2 * SPENT[c] * v) for v in x]
        frame = pd.DataFrame({"x": x, "channel": c, "mean": mean, "median": 0.0, "abs_error_94_lower": x})
        frames.append(frame.assign(spend=2 * SPENT[c] * x) if scale else frame)
    return pd.concat(frames)


def robyn(theta: float = 0.5, cost: float = 1.0) -> pd.DataFrame:
    """Return rows of each type: raw money, exposures, what acts, and the response to it."""
    random = np.random.default_rng(1)
    days = pd.date_range("2024-01-01", periods=20, freq="7D").strftime("%Y-%m-%d")
    money = {c: SPENT[c] * random.uniform(0, 2, 20).round(3) for c in CHANNELS}
    media = {c: m / cost for c, m in money.items()}
    acts = {c: np.zeros(20) for c in CHANNELS}
    for c in CHANNELS:
        for t in range(20):
            acts[c][t] = media[c][t] + (theta * acts[c][t - 1] if t else 0.0)
    brings = {c: np.array([response(c, a * cost) for a in acts[c]]) for c in CHANNELS}
    kinds = {"rawMedia": media, "rawSpend": money, "adstockedMedia": acts, "decompMedia": brings}
    return pd.concat([pd.DataFrame({"ds": days, **v}).assign(type=k, solID="1_2_3") for k, v in kinds.items()])


@pytest.mark.parametrize("kind", ["csv", "records", "columns", "arrays"])
def test_meridian(kind: str, tmp_path: Path) -> None:
    path = tmp_path / ("curves.csv" if kind == "csv" else "curves.json")
    if kind == "csv":
        meridian().to_csv(path)
    elif kind == "arrays":
        path.write_text(json.dumps(meridian_arrays()))
    else:
        path.write_text(str(meridian().to_json(orient=kind)))
    table = read_curves(path)
    assert table.channels == CHANNELS
    assert "their mean" in table.notes[0]
    for c, [curve] in zip(CHANNELS, table.curves, strict=True):
        for m in MULTIPLIERS:
            assert curve.value(m * SPENT[c]) == pytest.approx(response(c, m * SPENT[c]))


@pytest.mark.parametrize("cost", [1.0, 0.02])
def test_robyn(cost: float, tmp_path: Path) -> None:
    robyn(cost=cost).to_csv(tmp_path / "pareto_media_transform_matrix.csv", index=False)
    table = read_curves(tmp_path / "pareto_media_transform_matrix.csv")
    for c, [curve] in zip(CHANNELS, table.curves, strict=True):
        spends = np.asarray(curve.spend)
        assert len(spends) == 21
        assert [curve.value(s) for s in spends] == pytest.approx([response(c, s) for s in spends], rel=1e-9)
    said = " ".join(table.notes)
    assert "'tv': to act as in the model, it needs carry_over [1, 0.5, 0.25, 0.125" in said
    assert ("exposures, which cost 0.02 each" in said) == (cost != 1.0)


def test_pymc_marketing(tmp_path: Path) -> None:
    pymc().to_csv(tmp_path / "curves.csv", index=False)
    table = read_curves(tmp_path / "curves.csv")
    assert table.curves[0][0].value(300.0) == pytest.approx(response("tv", 300.0))
    assert "carry_over" in table.notes[0]


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: pymc(scale=False), "over x in the model's own scale, not money; add a column spend"),
        (lambda: pymc().assign(country=["a", "b"] * 5), "its curves differ by country too"),
        (lambda: meridian().query("metric == 'ci_lo'"), "expected rows with metric mean or median, got ci_lo"),
        (lambda: robyn().assign(solID=["a", "b"] * 40), "holds 2 Robyn models (solID a, b)"),
        (lambda: robyn().query("type != 'decompMedia'"), "expected rows of type decompMedia"),
        (lambda: meridian().assign(spend="much"), "row 2: spend 'much'; expected a number"),
        (lambda: meridian().assign(spend=-1), "expected at least 0"),
    ],
)
def test_what_curves_cannot_be_made_of(made: Callable[[], pd.DataFrame], said: str, tmp_path: Path) -> None:
    made().to_csv(tmp_path / "curves.csv", index=False)
    with pytest.raises(InputError) as error:
        read_curves(tmp_path / "curves.csv")
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is not JSON"),
        ("[]", "expected JSON with a list of records"),
        ('{"data_vars": 3}', "expected JSON with a list of records"),
        ('{"InputCollect": {}, "ExportedModel": {}}', "is a Robyn model, whose curves are not in it"),
        ('[{"channel": "tv", "spend": 1, "response": 2}, {"channel": "tv"}]', "record 2: expected channel, spend"),
    ],
)
def test_json_that_is_something_else(content: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "curves.json").write_text(content)
    with pytest.raises(InputError) as error:
        read_curves(tmp_path / "curves.json")
    assert said in str(error.value)


def test_plain_curves_may_be_json_too(tmp_path: Path) -> None:
    (tmp_path / "curves.json").write_text('[{"channel": "tv", "spend": 10, "response": 4}]')
    assert read_curves(tmp_path / "curves.json").curves[0][0].value(5) == 2


def test_allocate_takes_them_and_says_what_they_are(
    tenure: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    meridian().to_csv(tmp_path / "curves.csv", index=False)
    rows = [f"{c},{m * SPENT[c]},{response(c, m * SPENT[c])}" for c in CHANNELS for m in MULTIPLIERS]
    (tmp_path / "plain.csv").write_text("channel,spend,response\n" + "\n".join(rows))
    code, out, _ = tenure("allocate", "curves.csv", "--budget", "200")
    assert code == 0
    assert "Meridian's response curves" in out
    both = [
        json.loads(tenure("allocate", name, "--budget", "200", "--json")[1]) for name in ("curves.csv", "plain.csv")
    ]
    assert both[0]["spend"] == both[1]["spend"]
    code, _, err = tenure("allocate", "history.csv", "--budget", "200")
    (tmp_path / "history.csv").write_text("week,tv,search,sales\n2024-01-01,3,4,100\n")
    code, _, err = tenure("allocate", "history.csv", "--budget", "200")
    assert code == 2
    assert "look like a history" in err
    assert "Meridian" in err


def test_robyn_s_channels_without_money_or_with_odd_memory(tmp_path: Path) -> None:
    """No spend: left out; none anywhere: refused; what is carried over otherwise than in shares is said; cut rows."""
    frame, path = robyn(), tmp_path / "pareto_media_transform_matrix.csv"
    frame.loc[frame.type == "rawSpend", "tv"] = 0.0
    frame.loc[frame.type == "adstockedMedia", "search"] = np.linspace(1.0, 90.0, 20) ** 1.2
    frame.to_csv(path, index=False)
    table = read_curves(path)
    said = " ".join(table.notes)
    assert table.channels == ("search",)
    assert "'tv' had no spend: it is left out" in said
    assert "what is carried over is not geometric; state carry_over in the rules" in said
    frame.loc[frame.type == "rawSpend", "search"] = 0.0
    frame.to_csv(path, index=False)
    with pytest.raises(InputError, match="no channel in it has a curve"):
        read_curves(path)
    path.write_text("\n".join([*robyn().to_csv(index=False).splitlines()[:2], "2024-01-01,5"]) + "\n")
    with pytest.raises(InputError, match=r"row 3: expected [45] fields, got 2"):
        read_curves(path)


def test_steady_days_without_money_are_no_points(tmp_path: Path) -> None:
    frame = robyn(theta=0.0)
    quiet = frame.ds == frame.ds.iloc[0]
    frame.loc[quiet, list(CHANNELS)] = 0.0
    frame.to_csv(tmp_path / "pareto_media_transform_matrix.csv", index=False)
    table = read_curves(tmp_path / "pareto_media_transform_matrix.csv")
    assert [curve.spend.size for [curve] in table.curves] == [20, 20]  # 19 days with money, and nothing


@pytest.mark.parametrize("text", ['{"channel": ["tv", "tv"], "spend": [1]}', "[1, 2]", '{"a": 3}', "[]"])
def test_json_that_is_no_table(text: str, tmp_path: Path) -> None:
    (tmp_path / "curves.json").write_text(text)
    with pytest.raises(InputError, match="expected JSON with a list of records, an object of columns"):
        read_curves(tmp_path / "curves.json")

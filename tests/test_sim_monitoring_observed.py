"""What a firm saw, from purchases and from tables: counted by hand, strangers told apart, bad tables refused."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from markets import SMALL, orders

from experiments.firm import Firm
from experiments.look import look
from experiments.study.calibrate import calibrate
from sim.customers.purchase_models import GammaGamma, ParetoNBD
from sim.errors import InputError
from sim.monitoring.observed import is_counts, seen_in_counts, seen_in_purchases
from sim.monitoring.quality import changed_quality
from sim.purchases.base import CustomerBase
from sim.scenario.customers import Partner

DAYS = [date(2025, 4, 1), date(2025, 5, 1), date(2025, 6, 1)]
UNTIL = date(2025, 3, 31)


@pytest.fixture(scope="module")
def firm(tmp_path_factory: pytest.TempPathFactory) -> Firm:
    folder = tmp_path_factory.mktemp("seen")
    orders(folder / "orders.csv")
    calibrate(folder / "orders.csv", folder / "own.yaml", as_of=UNTIL, spend={"retention": 900, "acquisition": 90},
              prospects=30)  # fmt: skip
    return Firm.open(folder / "own.yaml")


def rows_since(firm: Firm) -> list[list[str]]:
    lines = (firm.file.parent / "orders.csv").read_text().splitlines()[1:]
    return [line.split(";") for line in lines if DAYS[0] <= date.fromisoformat(line.split(";")[1]) < DAYS[-1]]


def seen(firm: Firm, rows: list[list[str]], tmp_path: Path):
    file = tmp_path / "since.csv"
    file.write_text("\n".join(["client;order_date;revenue", *(";".join(row) for row in rows)]) + "\n")
    base = CustomerBase.create(tmp_path / "since.duckdb", file)
    groups, stages, levers = firm.targets.shape
    plan, expected = np.zeros((3, groups, stages, levers)), np.zeros((3, groups, stages))
    return seen_in_purchases(firm.twin, base, DAYS, plan, expected)


def test_purchases_are_counted_by_period_and_strangers_told_apart(firm: Firm, tmp_path: Path) -> None:
    own = rows_since(firm)
    new = [["N1", "2025-04-03", "10"], ["N1", "2025-05-03", "12"], ["N2", "2025-05-09", "7"]]
    old = [["O1", "2025-03-02", "5"], ["O1", "2025-04-09", "50"]]
    found, said = seen(firm, [*own, *new, *old], tmp_path)
    for period, month in enumerate(("2025-04", "2025-05")):
        inside = [row for row in [*own, *new] if row[1].startswith(month)]
        assert found.purchases[period].sum() == len({(who, day) for who, day, _ in inside})
        assert found.revenue[period].sum() == pytest.approx(sum(float(row[2]) for row in inside))
    moved = found.moves.sum(axis=(1, 3))
    assert moved[:, firm.targets.stages.index("prospect")].tolist() == [2, 1]  # who is not won yet, and who stays so
    assert "1 customers (50.00) bought before 2025-04-01 and are not in own.duckdb: what they bought since" in said[0]
    assert "2 customers (29.00) are not in own.duckdb and first bought since 2025-04-01: they count as won" in said[1]


def test_what_a_partner_keeps_is_not_guessed(firm: Firm) -> None:
    """Margin times what was paid is not what was earned where part of it is kept."""
    base, shape = CustomerBase.open(firm.file.parent / "own.duckdb"), (3, *firm.targets.shape)
    twins = [
        replace(firm.twin, scenario=firm.twin.scenario.model_copy(update={"partner": Partner(share=s, commission=0.2)}))
        for s in (0.5, 0.0)
    ]
    with pytest.raises(InputError, match=r"a partner keeps its commission .* a column `reward`"):
        seen_in_purchases(twins[0], base, DAYS, np.zeros(shape), np.zeros(shape[:3]))
    found, _ = seen_in_purchases(twins[1], base, DAYS, np.zeros(shape), np.zeros(shape[:3]))
    assert found.revenue.sum() > 0


def test_ids_written_otherwise_are_nobodys(firm: Firm, tmp_path: Path) -> None:
    """Whole numbers are the same with zeros before them; none known at all is refused rather than all won."""
    own = rows_since(firm)
    plain = seen(firm, own, tmp_path)
    padded, said = seen(firm, [[row[0].zfill(6), *row[1:]] for row in own], tmp_path)
    assert said == plain[1] == ()
    np.testing.assert_array_equal(padded.moves, plain[0].moves)
    with pytest.raises(InputError, match=r"none of the \d+ customers who bought is in own.duckdb, the first 'Q"):
        seen(firm, [["Q" + row[0], *row[1:]] for row in own], tmp_path)


BAD = {
    "empty": ("", "cannot be read as a table"),
    "no rows": (None, "holds a header and no row"),
    "text": (("customers", 1, "many"), "row 3: customers: expected a number of at least 0, got many"),
    "none": (("purchases", 0, ""), "row 2: purchases: expected a number"),
    "negative": (("revenue", 2, "-4"), "row 4: revenue: expected a number of at least 0, got -4"),
    "half a period": (("period", 0, "0.5"), "row 2: period: expected a whole number, got 0.5"),
    "no period": (("period", 0, ""), "row 2: period: expected a whole number"),
    "endless": (("spend_retention", 0, "inf"), "row 2: spend_retention: expected a number"),
    "another segment": (("segment", 0, "x"), "row 2: segment 'x'"),
    "twice": ("twice", "expected one row for each of"),
}


@pytest.fixture(scope="module")
def small() -> Firm:
    return Firm.open(SMALL)


@pytest.fixture(scope="module")
def counts(small: Firm, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("counts")
    small.simulate("as today", replications=1).save(folder / "counts.csv")
    return folder / "counts.csv"


@pytest.mark.parametrize("kind", BAD)
def test_bad_tables_are_refused_in_a_line(small: Firm, counts: Path, tmp_path: Path, kind: str) -> None:
    what, wanted = BAD[kind]
    header, *lines = counts.read_text().splitlines()
    if what == "twice":
        lines.append(lines[0])
    elif isinstance(what, tuple):
        name, row, value = what
        cells = lines[row].split(",")
        cells[header.split(",").index(name)] = value
        lines[row] = ",".join(cells)
    else:
        lines = []
    path = tmp_path / "bad.csv"
    path.write_text("" if what == "" else "\n".join([header, *lines]) + "\n")
    with pytest.raises(InputError, match=wanted) as caught:
        seen_in_counts(small.twin, path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("through", "said"),
    [
        (3, r"`through=3`: expected a day such as 2025-06-30"),
        ("3", r"`through=3`: expected a day such as 2025-06-30"),
        ("soon", r"`through=soon`: expected a day such as 2025-06-30, or a number of periods"),
        (date(2031, 1, 1), r"`through=2031-01-01`: the purchases run to 20"),
        (
            "2025-04-20",
            r"no whole month has passed: the plan begins on 2025-04-01, its first month ends on 2025-04-30, and the "
            r"purchases count to 2025-04-20",
        ),
    ],
)
def test_until_when_purchases_count(firm: Firm, through: date | int | str, said: str) -> None:
    """A day that they reach, after a whole period of the plan."""
    groups, stages, levers = firm.targets.shape
    plan = SimpleNamespace(intensity=np.zeros((12, groups, stages, levers)), customers=np.zeros((13, groups, stages)))
    with pytest.raises(InputError, match=said):
        look(firm.twin, plan, firm.file.parent / "own.duckdb", through)


def test_what_purchases_cannot_show_is_said(firm: Firm, tmp_path: Path) -> None:
    """Whole months count, what comes after them is left out with number and money; counts need no such words."""
    groups, stages, levers = firm.targets.shape
    plan = SimpleNamespace(intensity=np.zeros((12, groups, stages, levers)), customers=np.zeros((13, groups, stages)))
    seen, said = look(firm.twin, plan, firm.file.parent / "own.duckdb", "2025-05-17")
    later = [row for row in (line.split(";") for line in (firm.file.parent / "orders.csv").read_text().split()[1:])
             if row[1] >= "2025-05-01"]  # fmt: skip
    assert seen.periods == 1
    assert said[-1] == (
        f"{len(later):,} purchases ({sum(float(row[2]) for row in later):,.2f}) after 2025-04-30 are left out."
    )
    assert "Purchases do not show what was spent: the plan's money is taken." in said
    with pytest.raises(InputError, match="is not there; name a customer base, a file of purchases, or a table of"):
        look(firm.twin, plan, tmp_path / "nowhere.duckdb")


def test_a_table_of_counts_has_the_plan_s_periods(small: Firm, counts: Path, tmp_path: Path) -> None:
    seen, said = look(small.twin, None, counts, "2")
    assert (seen.periods, said) == (2, ("There is no survey, so that satisfaction is not watched.",))
    for through, wanted in ((date(2025, 6, 30), "a table of counts has no days; say how many"), (0, "has 0 periods")):
        with pytest.raises(InputError, match=wanted):
            look(small.twin, None, counts, through)


def test_a_spreadsheet_s_blanks_and_quotes_do_not_matter(small: Firm, counts: Path, tmp_path: Path) -> None:
    header, *lines = counts.read_text().splitlines()
    path = tmp_path / "quoted.csv"
    path.write_text("\n".join([", ".join(f'"{name}"' for name in header.split(",")), *lines]) + "\n")
    assert is_counts(path)
    np.testing.assert_array_equal(seen_in_counts(small.twin, path).moves, seen_in_counts(small.twin, counts).moves)


def test_whose_quality_has_changed_is_told_by_all_that_was_bought(firm: Firm, tmp_path: Path) -> None:
    """Purchases since beside the base's records, against records of all purchases at once."""
    whole = CustomerBase.open(firm.file.parent / "own.duckdb")
    file = tmp_path / "since.csv"
    since = rows_since(firm)
    file.write_text(
        "\n".join(["client;order_date;revenue", *(";".join(row) for row in since), "N1;2025-05-31;10"]) + "\n"
    )
    found = changed_quality(firm.twin, CustomerBase.create(tmp_path / "since.duckdb", file))
    assert (found.until, len(found.record)) == (date(2025, 5, 31), len(firm.twin.base.group))
    record = whole.summarise(found.until)
    known = np.isin(record.customer_id, found.record.customer_id)
    given = firm.scenario.base
    buying, amounts = given.laws_of("gold")
    buying, amounts = ParetoNBD(**buying.model_dump()), GammaGamma(**amounts.model_dump())
    seen = tuple(each[known] for each in (record.frequency, record.recency, record.age))
    np.testing.assert_allclose(found.now.alive, buying.probability_alive(*seen), rtol=1e-9)
    amount = amounts.conditional_mean_spend(record.purchases[known], record.mean_amount_all[known])
    np.testing.assert_allclose(found.now.amount, amount, rtol=1e-9)
    np.testing.assert_allclose(found.now.cycle, 1 / buying.mean_purchase_rate(*seen), rtol=1e-9)
    listed = firm.customer_list(kind="quality-changed", actual=file)
    assert listed.frame["customer_id"].tolist() != []
    assert set(listed.frame["customer_id"]) == set(found.record.customer_id[found.other])
    assert (listed.frame["quality"] != listed.frame["quality_before"]).all()
    assert any("1 customers (10.00)" in note for note in listed.remarks)
    with pytest.raises(InputError, match="needs what was bought since"):
        firm.customer_list(kind="quality changed")
    with pytest.raises(InputError, match="has no meaning with"):
        firm.customer_list(kind="win back", actual=file)
    (tmp_path / "old.csv").write_text("client;order_date;revenue\n4;2025-01-03;2\n4;2025-02-03;2\n")
    with pytest.raises(
        InputError, match="its purchases run to 2025-02-03, and the scenario knows all up to 2025-03-31"
    ):
        firm.customer_list(kind="quality changed", actual=tmp_path / "old.csv")


def test_names_in_a_table_of_counts_are_names(tmp_path: Path) -> None:
    """What looks like a blank, a number or a formula."""
    content = yaml.safe_load(SMALL.read_text(encoding="utf-8")) | {"periods": 2, "rules": {}}
    for new, old in (("NA", "regulars"), ("01", "newcomers")):
        content["segments"][new] = content["segments"].pop(old)
    content["levers"]["=cmd()"] = content["levers"].pop("winback")
    firm = Firm.of(content)
    done = firm.simulate(replications=1)
    done.save(tmp_path / "months.csv")
    assert ",'spend_=cmd()" not in (tmp_path / "months.csv").read_text()
    found = seen_in_counts(firm.twin, tmp_path / "months.csv")
    assert found.moves.sum() > 0
    firm = Firm.of({**content, "segments": {"=a": content["segments"]["NA"], "b": content["segments"]["01"]}})
    firm.simulate(replications=1).save(tmp_path / "months.csv")
    assert ",'=a," in (tmp_path / "months.csv").read_text()
    assert seen_in_counts(firm.twin, tmp_path / "months.csv").moves.sum() > 0

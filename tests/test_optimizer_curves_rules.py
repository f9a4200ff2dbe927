"""Bad rules over curves are refused in one line."""

from pathlib import Path
from typing import Any

import pytest
from curve_tables import played, random_table

from optimizer.curves.rules import load_rules
from sim.errors import InputError

BAD_RULES = {
    "budjet: 5\n": "budjet: unknown key; did you mean 'budget'?",
    "bounds:\n  - {channels: tv, flor: 3}\n": "bounds[1].flor: unknown key; did you mean 'floor'?",
    "bounds:\n  - {channels: tv}\n": "bounds[1]: expected at least one of floor",
    "bounds:\n  - {floor: 3, floor_share: 0.1}\n": "bounds[1]: expected floor or floor_share, got both",
    "period_share: 1.5\n": "period_share: input should be less than or equal to 1, got 1.5",
    "period_share: 40\n": "period_share: input should be less than or equal to 1, got 40; 0.4 is probably meant (40 %)",
    "bounds:\n  - {channels: [no], cap: 3}\n": "is no name (False): put it in quotes",
    "before:\n  yes: 3\n": "the name 'yes' is read as true or false; put it in quotes: 'yes'",
    "linear:\n  - {rule: tv = 3 radio, channels: tv}\n": "the rule names them itself; leave it out",
    "carried_out: maybe\n": "carried_out: input should be 'lost' or 'counted', got 'maybe'",
    "carry_over: [0.5, -1]\n": "carry_over[2]: input should be greater than or equal to 0, got -1",
    "carry_over: [0, 0]\n": "carry_over: expected a weight above 0",
    "budget: 1\nbudget: 2\n": "key 'budget' is there already",
    "frozen:\n  - {channels: tv}\n": "frozen[1].spend: missing",
    "ramp:\n  - {channels: tv}\n": "ramp[1]: expected one of money and share",
    "- 1\n": "holds list, not keys",
    "a: [1\n": "not YAML",
}


@pytest.mark.parametrize(("text", "said"), BAD_RULES.items(), ids=list(BAD_RULES.values()))
def test_bad_rules_are_refused_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as error:
        load_rules(path)
    assert said in str(error.value)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"bounds": [{"channels": "c9", "floor": 1}]}, "bounds[1].channels: 'c9' is not in the curves"),
        ({"frozen": [{"first": "7", "spend": 1}]}, "frozen[1].first: '7' is not in the curves"),
        ({"ramp": [{"first": "2", "last": "1", "money": 1}]}, "first '2' comes after last '1'"),
        ({"carry_over": {"c9": [1]}}, "carry_over: 'c9' is not in the curves"),
    ],
)
def test_rules_that_name_what_is_not_there(content: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as error:
        played(random_table(1, 2, 3, False), 10, **content)
    assert said in str(error.value)

"""States link as told, are found by what they are, and are seen in their stage."""

from typing import Any

import numpy as np
import pytest

from sim.engine.bonds import bond_names, bonds_of
from sim.engine.chain import ALIVE, DEFECTED, LOST, PROSPECT, UNAWARE, StateSpace
from sim.engine.state_space import state_index, state_space
from sim.scenario.bonds import Links
from sim.scenario.file import STAGES, Thresholds

LINKS = Links(mix=(0.25, 0.25, 0.25, 0.25))
ALIKE: dict[str, Any] = {"tied": bond_names(LINKS, None), "after": bonds_of(LINKS, None).after}
"""Ties 0..3 that are all alike."""


def seen_of(name: str) -> tuple[str, int, int]:
    """Return truth, purchases and silence from a state's name."""
    word, bought, silent = name.replace(",", "").replace(" bought", "").replace(" silent", "").split()
    return word, int(bought), int(silent)


def test_states_link_as_told() -> None:
    """Purchases count up to core, silence up to lapsed; leavers, returners and the lost go where the words say."""
    limits = Thresholds(core=3, declining=2, lapsed=3)
    space = state_space([limits])
    names = list(space.names)
    assert len(names) == len(set(names)) == 2 + 3 * 3 * 4
    buys = space.successor.shape[1] // 2

    def successor(state: int, outcome: int) -> str:
        return names[space.successor[state, outcome]]

    for state, name in enumerate(names):
        if space.kind[state] == UNAWARE:
            assert (successor(state, 0), successor(state, 1)) == ("unaware", "prospect")
            continue
        if space.kind[state] == PROSPECT:
            assert (successor(state, 0), successor(state, 1)) == ("prospect", "alive, 1 bought, 0 silent")
            continue
        word, count, silence = seen_of(name)
        waited = min(silence + 1, 3)
        if space.kind[state] == ALIVE:
            for n in range(buys):
                seen = f"{min(count + n, 3)} bought, {0 if n else waited} silent"
                assert successor(state, n) == f"alive, {seen}"
                assert successor(state, buys + n) == f"gone, {seen}"
        else:
            assert successor(state, 0) == f"{word}, {count} bought, {waited} silent"
            if space.kind[state] == DEFECTED:
                assert successor(state, 1) == f"alive, {min(count + 1, 3)} bought, 0 silent"
                assert successor(state, 2) == f"lost, {count} bought, {waited} silent"


def felt_of(space: StateSpace, state: int) -> tuple[int, int, int, int, int]:
    """Return truth, purchases, silence, level and ties of a state."""
    return tuple(int(part[state]) for part in (space.kind, space.bought, space.silent, space.level, space.ties))


@pytest.mark.parametrize("levels", [False, True])
@pytest.mark.parametrize("ties", [False, True])
def test_states_link_with_levels_and_ties(levels: bool, ties: bool) -> None:
    """Outcomes of the alive: n purchases with each move of satisfaction and ties, or n and leaving; who comes, as new.

    Levels move by one within 1..5, ties within 0..3; the returned and the won enter at any level, without ties.
    """
    limits = Thresholds(core=3, declining=2, lapsed=3)
    space = state_space([limits], levels=levels, **(ALIKE if ties else {}))
    level_moves, tie_moves = (3 if levels else 1), (3 if ties else 1)
    alive = 12 * (5 if levels else 1) * (4 if ties else 1)
    assert len(space.names) == len(set(space.names)) == 2 + alive + 2 * 12
    buys = 3
    assert space.successor.shape[1] == buys * (level_moves * tie_moves + 1)
    untied = 0 if ties else -1
    entries = enumerate((1, 3, 4, 5, 6), start=1) if levels else [(0, 1)]
    entered = [(way, (felt, untied)) for felt, way in entries]
    for state in range(len(space.names)):
        kind, bought, silent, level, tied = felt_of(space, state)
        assert (level > 0) == (levels and kind == ALIVE)
        assert (tied >= 0) == (ties and kind == ALIVE)
        if kind == PROSPECT:
            for way, felt in entered:
                assert felt_of(space, space.successor[state, way]) == (ALIVE, 1, 0, *felt)
        elif kind == DEFECTED:
            for way, felt in entered:
                assert felt_of(space, space.successor[state, way]) == (ALIVE, min(bought + 1, 3), 0, *felt)
            assert felt_of(space, space.successor[state, 2]) == (LOST, bought, min(silent + 1, 3), 0, -1)
        elif kind == ALIVE:
            for n in range(buys):
                seen = (min(bought + n, 3), 0 if n else min(silent + 1, 3))
                assert felt_of(space, space.successor[state, buys + n]) == (DEFECTED, *seen, 0, -1)
                for move in range(level_moves * tie_moves):
                    outcome = n if move == 0 else buys * (move + 1) + n
                    up, more = (0, 1, -1)[move % level_moves], (0, 1, -1)[move // level_moves]
                    want = (min(max(level + up, 1), 5) if levels else 0, min(max(tied + more, 0), 3) if ties else -1)
                    assert felt_of(space, space.successor[state, outcome]) == (ALIVE, *seen, *want)


def test_every_state_is_found_by_what_it_is() -> None:
    """``state_index`` is the inverse of the states' facts; beyond the last classes it is the last."""
    for levels, ties in ((False, False), (True, False), (False, True), (True, True)):
        space = state_space([Thresholds(core=3, declining=2, lapsed=3)], levels=levels, **(ALIKE if ties else {}))
        there = np.flatnonzero(space.kind >= ALIVE)
        facts = [part[there] for part in (space.kind, space.bought, space.silent, space.level, space.ties)]
        np.testing.assert_array_equal(state_index(space, *facts), there)
        one = [np.array([x]) for x in (ALIVE, 50, 50, 2 if levels else 0, 1 if ties else -1)]
        most = state_index(space, *one)[0]
        assert felt_of(space, most)[:3] == (ALIVE, 3, 3)


@pytest.mark.parametrize("seen", [False, True])
def test_leaving_is_seen_at_once_where_it_is_seen(seen: bool) -> None:
    """Under the laws where leaving is seen the gone are lapsed, however many or fresh their purchases."""
    space = state_space([Thresholds(core=3, declining=2, lapsed=3)], levels=True, seen=seen)
    gone = (space.kind == DEFECTED) | (space.kind == LOST)
    lapsed = space.stage[0] == STAGES.index("lapsed")
    assert lapsed[gone].all() == seen
    np.testing.assert_array_equal(lapsed[space.kind == ALIVE], space.silent[space.kind == ALIVE] >= 3)


def test_stages_follow_count_and_recency_alone() -> None:
    """Lapsed before declining before core; new with one purchase; each group by its own thresholds."""
    groups = [Thresholds(core=2, declining=1, lapsed=2), Thresholds(core=4, declining=3, lapsed=6)]
    space = state_space(groups)
    for row, limits in zip(space.stage, groups, strict=True):
        for state, name in enumerate(space.names):
            if state < 2:
                assert STAGES[row[state]] == name
                continue
            _, count, silence = seen_of(name)
            want = "new" if count == 1 else "developing"
            want = "core" if count >= limits.core else want
            want = "declining" if silence >= limits.declining else want
            want = "lapsed" if silence >= limits.lapsed else want
            assert STAGES[row[state]] == want
    np.testing.assert_array_equal(space.law_stage[space.law], space.stage)
    np.testing.assert_array_equal(space.law_kind[space.law], np.broadcast_to(space.kind, space.law.shape))

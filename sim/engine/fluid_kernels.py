"""The chain in expectation: one period of expected numbers of customers, and its adjoint."""

from sim.engine.compile import kernel


@kernel
def advance(occupancy, probability, links, out):
    """Add ``occupancy[block, state]`` to where ``probability[block, law, outcome]`` takes it, ``out[block, state]``."""
    law, successor = links.law, links.successor
    blocks, states = occupancy.shape
    for b in range(blocks):
        for s in range(states):
            number = occupancy[b, s]
            if number != 0.0:
                line = law[b, s]
                for o in range(successor.shape[1]):
                    odds = probability[b, line, o]
                    if odds != 0.0:  # most outcomes of those who are no customers never happen
                        out[b, successor[s, o]] += number * odds


@kernel
def worth_before(probability, links, flow, money, discount_factor, after, out):
    """Fill ``out[block, state]``: what a customer is worth at a period's start, who is worth ``after`` at its end.

    ``flow[block, law]`` is earned in the period, ``money[group, stage]`` spent.
    """
    group, law, stage, successor = links.group, links.law, links.stage, links.successor
    blocks, states = out.shape
    for b in range(blocks):
        for s in range(states):
            line = law[b, s]
            total = 0.0
            for o in range(successor.shape[1]):
                odds = probability[b, line, o]
                if odds != 0.0:
                    total += odds * after[b, successor[s, o]]
            out[b, s] = flow[b, line] - money[group[b], stage[b, s]] + discount_factor * total


@kernel
def observed_moves(occupancy, probability, links, out):
    """Add the expected observed moves to ``out[group, stage, stage next]``."""
    group, law, stage, successor = links.group, links.law, links.stage, links.successor
    blocks, states = occupancy.shape
    for b in range(blocks):
        for s in range(states):
            number = occupancy[b, s]
            if number > 0.0:
                odds = probability[b, law[b, s]]
                to = out[group[b], stage[b, s]]
                for o in range(successor.shape[1]):
                    to[stage[b, successor[s, o]]] += number * odds[o]


@kernel
def pull_advance(occupancy, probability, links, after, before, by_probability):
    """Turn the derivative by numbers ``after`` a period into the one ``before`` it and the one by the odds.

    ``before[block, state]`` is written; ``by_probability[block, law, outcome]`` is added to.
    """
    law, successor = links.law, links.successor
    blocks, states = occupancy.shape
    for b in range(blocks):
        for s in range(states):
            number = occupancy[b, s]
            odds = probability[b, law[b, s]]
            to = by_probability[b, law[b, s]]
            total = 0.0
            for o in range(successor.shape[1]):
                worth = after[b, successor[s, o]]
                total += odds[o] * worth
                to[o] += number * worth
            before[b, s] = total

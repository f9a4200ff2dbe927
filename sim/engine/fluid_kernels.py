"""The chain in expectation: one period of expected numbers of customers."""

from sim.engine.compile import kernel


@kernel
def advance(occupancy, probability, law, successor, out):
    """Add ``occupancy[block, state]`` to where ``probability[block, law, outcome]`` takes it, ``out[block, state]``."""
    blocks, states = occupancy.shape
    for b in range(blocks):
        for s in range(states):
            number = occupancy[b, s]
            if number > 0.0:
                line = law[b, s]
                for o in range(successor.shape[1]):
                    out[b, successor[s, o]] += number * probability[b, line, o]

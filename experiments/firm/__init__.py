"""A firm: a scenario and the twin of its customers, inseparable, and every question that can be asked of them.

Nothing heavy is imported until a question is asked. The command line adds parsing and words to this, and nothing else.
Questions are in a module by what they are about; who asks sees one class.
"""

from experiments.firm.explained import Explained
from experiments.firm.simulated import Simulated
from experiments.firm.watched import Watched

__all__ = ["Firm"]


class Firm(Explained, Simulated, Watched):
    """A scenario and its customers: made by :func:`tenure.open`, asked by its methods.

    In the examples, ``firm`` and ``plan`` are those of the first one.

    Attributes
    ----------
    twin : Twin
        The customers: the chain they follow, and the means to draw them.
    file : Path or None
        The scenario's file.

    Examples
    --------
    >>> firm = tenure.open("scenario.yaml")
    >>> firm
    small: 3 months, 2 segments, 5 levers; budget 1,271 EUR, as today's spend is expected to cost.
    >>> plan = firm.optimize(budget=1_200)
    >>> result = firm.compare(["as today", plan], replications=5, seed=1)
    >>> result
    The plan makes the customers worth most: 190,... EUR, +4,... against going on as today (95 % interval +... to +...).
    """

"""Every error Tenure raises on purpose.

::

    TenureError                  exit code 1: something failed that was not the user's input
    ├── InputError               exit code 2: a file, key, option or number that cannot be used
    │   ├── ScenarioError        in a scenario file: where, what was expected, what came
    │   ├── PurchasesError       in a file of purchases
    │   ├── RulesError           rules of a plan that no plan can meet
    │   └── FolderError          a place that cannot be read or written
    ├── PolicyError              a policy asked for more than its observation allows
    └── SolverError              a solver's answer failed our own check

    NotAsWritten                 a warning: something of a file is not played to the letter, or was edited
    ScenarioChanged              a warning: a plan was made for another version of the scenario
    RunsWait                     a warning: runs are kept here, as a server does not take them now

A message says what was expected, what came, where, and what to do, in one line. An argument stands in it between
backquotes, its name, an equals sign and what came, which the command line shows as its option.
"""

from typing import Any

LONGEST = 1000
"""Letters of a message: eight lines of a terminal."""

__all__ = [
    "FolderError",
    "InputError",
    "NotAsWritten",
    "PolicyError",
    "PurchasesError",
    "RulesError",
    "RunsWait",
    "ScenarioChanged",
    "ScenarioError",
    "SolverError",
    "TenureError",
    "first_line",
    "quoted",
    "shortened",
]


class TenureError(Exception):
    """Base of every error raised on purpose; ``exit_code`` is what the command line returns.

    A message quotes what came, however long that was: it is shortened, its end kept, since there stands what to do.
    """

    exit_code = 1

    def __init__(self, message: str = "") -> None:
        super().__init__(shortened(message))


class InputError(TenureError):
    """What the user gave cannot be used."""

    exit_code = 2


class ScenarioError(InputError):
    """A scenario file is wrong: the message names the file, the key and the mend."""


class PurchasesError(InputError):
    """A file of purchases cannot be read as customer, date and amount."""


class RulesError(InputError):
    """No plan can meet the rules; the message names a rule to loosen.

    Attributes
    ----------
    answer
        What was found of the clash, where there is more than the message says.
    """

    def __init__(self, message: str, *, answer: Any = None) -> None:
        super().__init__(message)
        self.answer = answer


class FolderError(InputError):
    """A file or folder cannot be read or written."""


class NotAsWritten(UserWarning):
    """What a file says and what is played are not the same: the message says how far, in number and money."""


class ScenarioChanged(UserWarning):
    """A plan was made for another version of the scenario."""


class RunsWait(UserWarning):
    """Runs are kept locally until `tenure sync` sends them: a server does not take them now."""


class PolicyError(TenureError):
    """A policy asked for what its observation does not allow."""


class SolverError(TenureError):
    """A solver failed, or its answer did not pass our own check."""


def first_line(error: Exception) -> str:
    """Return the first line of what another library's error says."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def quoted(value: object) -> str:
    """Return a value as a message quotes it: what a name or a number needs, and no more of what is longer."""
    try:
        return shortened(repr(value), 200)
    except (ValueError, RecursionError):  # a whole number of thousands of digits; data without end
        return f"a {type(value).__name__} too long to be shown"


def shortened(text: str, most: int = LONGEST) -> str:
    """Return a text of at most ``most`` letters, its middle left out where it was longer, and that said.

    >>> shortened("expected a name, got " + "x" * 1000 + "; give another", 60)
    'expected a name, got xxxxxxxxx [...993 letters...] give another'
    """
    if len(text) <= most:
        return text
    head, tail = most // 2, most // 5
    return f"{text[:head]} [...{len(text) - head - tail:,} letters...] {text[-tail:]}"

"""Linear rules between channels, or parts of the money, in words: ``tv = 3 radio``, ``tv >= .5 of search + social``.

::

    rule  = sum (<= | >= | =) sum
    sum   = term (+ | -) term ...
    term  = [number [%] [* | of]] (channel | "(" sum ")" | "'" channel "'"), or a number alone: money

``of`` takes the whole sum that follows it, a number before a name that name only.
"""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from sim.errors import InputError

__all__ = ["LinearRule", "parse_linear"]

SENSE = re.compile(r"<=|>=|=<|=>|==|=|≤|≥|<|>")
SENSES = {"=<": "<=", "=>": ">=", "==": "=", "≤": "<=", "≥": ">=", "<": "<=", ">": ">="}
NUMBER = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
WORD = re.compile(r"[^\s+()*<>=≤≥]+")


@dataclass(frozen=True)
class LinearRule:
    """``sum of weights spend <sense> limit``, the limit not below 0.

    Attributes
    ----------
    weights : dict
        By channel; none is 0.
    sense : str
        ``<=``, ``>=`` or ``=``.
    limit : float
        Money.
    """

    weights: dict[str, float]
    sense: str
    limit: float


@dataclass
class _Sum:
    """Weights by channel and money."""

    money: float = 0.0
    weights: dict[str, float] = field(default_factory=dict)

    def add(self, other: "_Sum", times: float) -> None:
        self.money += times * other.money
        for channel, weight in other.weights.items():
            self.weights[channel] = self.weights.get(channel, 0.0) + times * weight


def parse_linear(text: str, channels: Sequence[str], where: str, there: str = "the curves") -> LinearRule:
    """Return the rule that a text states; ``there`` is what has the channels.

    Raises
    ------
    InputError
        If it is none, or names a channel that is not there.
    """
    sides, senses = SENSE.split(text), SENSE.findall(text)
    if len(senses) != 1:
        raise InputError(
            f"{where}: '{text}': expected one of <=, >= and =, as in 'tv = 3 radio' or 'tv >= .5 of search'"
        )
    left, right = (_Reader(side, channels, f"{where}: '{text}'", there).whole() for side in sides)
    left.add(right, -1.0)
    weights = {channel: weight for channel, weight in left.weights.items() if weight != 0}
    if not weights:
        raise InputError(f"{where}: '{text}': no channel is left of it; expected e.g. 'tv = 3 radio'")
    sense, limit = SENSES.get(senses[0], senses[0]), -left.money
    if limit < 0:
        weights, limit = {channel: -weight for channel, weight in weights.items()}, -limit
        sense = {"<=": ">=", ">=": "<="}.get(sense, sense)
    return LinearRule(weights, sense, limit + 0.0)


class _Reader:
    """One side of a rule, read from left to right."""

    def __init__(self, text: str, channels: Sequence[str], where: str, there: str) -> None:
        self.text, self.at, self.where, self.there = text, 0, where, there
        self.channels = sorted(channels, key=len, reverse=True)

    def whole(self) -> _Sum:
        """Return the side as a sum; nothing may follow it."""
        found = self._sum()
        if self._ahead():
            raise self._wrong(f"'{self.text[self.at :].strip()}' is left over")
        return found

    def _ahead(self) -> str:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1
        return self.text[self.at : self.at + 1]

    def _take(self, signs: str) -> str:
        sign = self._ahead()
        if sign and sign in signs:
            self.at += 1
            return sign
        return ""

    def _sum(self) -> _Sum:
        out = _Sum()
        sign = self._take("+-") or "+"
        while True:
            out.add(self._term(), -1.0 if sign == "-" else 1.0)
            sign = self._take("+-")
            if not sign:
                return out

    def _term(self) -> _Sum:
        self._ahead()
        named = self._channel()
        if named:
            return _Sum(weights={named: 1.0})
        number = NUMBER.match(self.text, self.at)
        out = _Sum()
        if number is not None:
            self.at = number.end()
            times = float(number[0]) / (100 if self._take("%") else 1)
            if re.compile(r"\s*of\b").match(self.text, self.at):
                self.at = self.text.index("of", self.at) + 2
                out.add(self._sum(), times)
                return out
            starred = self._take("*×")
            named = self._channel()
            if named:
                return _Sum(weights={named: times})
            if self._ahead() == "(":
                out.add(self._term(), times)
                return out
            if starred or self._ahead() not in ("", "+", "-", ")"):
                raise self._unknown()
            return _Sum(money=times)
        if self._take("("):
            out = self._sum()
            if not self._take(")"):
                raise self._wrong("a bracket is not closed")
            return out
        raise self._unknown()

    def _channel(self) -> str:
        """Return the longest channel's name that stands here, in quotes or not, and pass over it."""
        self._ahead()
        for channel in self.channels:
            for written in (f"'{channel}'", f'"{channel}"', channel):
                end = self.at + len(written)
                inside = (
                    written == channel and end < len(self.text) and (self.text[end].isalnum() or self.text[end] == "_")
                )
                if self.text.startswith(written, self.at) and not inside:
                    self.at = end
                    return channel
        return ""

    def _unknown(self) -> InputError:
        word = WORD.match(self.text, self.at)
        if word is None:
            what = "a channel" if self.there == "the curves" else "a name"
            return self._wrong(f"{what} or an amount of money is missing")
        close = difflib.get_close_matches(word[0], self.channels, 1)
        known = f"did you mean '{close[0]}'?" if close else f"known are {', '.join(sorted(self.channels)[:12])}"
        return self._wrong(f"'{word[0]}' is not in {self.there}; {known}")

    def _wrong(self, what: str) -> InputError:
        return InputError(f"{self.where}: {what}")

"""The languages that pages speak, and how words are looked up: every language has every key."""

from __future__ import annotations

from collections.abc import Mapping

from sim.errors import InputError

__all__ = ["LANGUAGES", "Words", "checked_language", "spoken"]

LANGUAGES = {"en": "en", "zh": "zh-Hans"}
"""What ``--lang`` takes, and the tag that a page is marked with."""

Words = Mapping[str, str]


def checked_language(given: str) -> str:
    """Return a language that pages speak.

    Raises
    ------
    InputError
        If it is none.
    """
    if given not in LANGUAGES:
        raise InputError(f"`lang={given}`: expected one of {', '.join(LANGUAGES)}")
    return given


def spoken(both: Mapping[str, tuple[str, str]], language: str) -> dict[str, str]:
    """Return the words of one language from pairs in the order of :data:`LANGUAGES`."""
    at = list(LANGUAGES).index(checked_language(language))
    return {key: pair[at] for key, pair in both.items()}

"""A firm's own image on a page, which takes it in; checked before long work begins."""

from __future__ import annotations

import base64
from pathlib import Path

from experiments.words.languages import checked_language
from sim.errors import InputError

__all__ = ["checked_page", "embedded_logo"]

IMAGES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".svg": "image/svg+xml"}
MOST_LOGO = 300_000
"""Bytes of a logo."""


def embedded_logo(path: Path) -> str:
    """Return an image file as an address that holds it.

    Raises
    ------
    InputError
        If it is no image that pages show, cannot be read, or is large.
    """
    kind = IMAGES.get(path.suffix.lower())
    if kind is None:
        raise InputError(f"`logo={path}`: expected an image, one of {', '.join(IMAGES)}")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"`logo={path}`: cannot be read ({error.strerror})") from None
    if len(content) > MOST_LOGO:
        raise InputError(f"`logo={path}`: {len(content):,} bytes; give a smaller one, below {MOST_LOGO:,}")
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def checked_page(lang: str, logo: str | Path | None) -> None:
    """Refuse a language that pages do not speak, and a logo that they cannot show.

    Raises
    ------
    InputError
        Naming which.
    """
    checked_language(lang)
    if logo is not None:
        embedded_logo(Path(logo))

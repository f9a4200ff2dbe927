"""Writing files so that nothing is ever half there."""

import os
from collections.abc import Callable
from pathlib import Path

from sim.errors import FolderError, first_line

__all__ = ["writable_folder", "write_file", "write_text"]


def writable_folder(folder: Path) -> Path:
    """Return the folder, made if missing.

    Raises
    ------
    FolderError
        If it cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".tenure-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise FolderError(f"{folder}: cannot be written to ({error.strerror}); choose another with --folder") from None
    return folder.resolve()


def write_file(path: Path, write: Callable[[Path], object]) -> None:
    """Have ``write`` make a file under a temporary name and move it into place.

    Raises
    ------
    FolderError
        If it cannot be written.
    """
    if not path.name or path.is_dir():
        raise FolderError(f"cannot write {path}: it is a folder; give the name of a file")
    part = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        write(part)
        os.replace(part, path)
    except OSError as error:
        why = error.strerror or first_line(error)
        raise FolderError(f"cannot write {path}: {why}; choose a folder that exists and is yours") from None
    finally:
        part.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file under a temporary name and move it into place.

    Raises
    ------
    FolderError
        If it cannot be written.
    """
    write_file(path, lambda part: part.write_text(text, encoding="utf-8"))

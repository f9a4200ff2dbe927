"""Writing files so that nothing is ever half there."""

import os
from pathlib import Path

from sim.errors import FolderError

__all__ = ["writable_folder", "write_text"]


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


def write_text(path: Path, text: str) -> None:
    """Write a file under a temporary name and move it into place.

    Raises
    ------
    FolderError
        If it cannot be written.
    """
    if not path.name or path.is_dir():
        raise FolderError(f"cannot write {path}: it is a folder; give the name of a file")
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8")
        os.replace(part, path)
    except OSError as error:
        raise FolderError(f"cannot write {path}: {error.strerror}; choose a folder that exists and is yours") from None
    finally:
        part.unlink(missing_ok=True)

"""Where compiled kernels are kept."""

from pathlib import Path

import pytest

from sim.engine import compile as compiled


@pytest.fixture
def nothing_said(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_who_has_no_home_keeps_no_kernels(nothing_said: pytest.MonkeyPatch) -> None:
    """A container's user without HOME and without a name: kernels are compiled afresh, and nothing fails."""

    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    nothing_said.setattr(Path, "home", homeless)
    assert compiled._cache_folder.__wrapped__() is None


def test_kernels_are_kept_at_home_by_their_content_or_not_at_all(
    nothing_said: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    nothing_said.setattr(Path, "home", lambda: tmp_path)
    folder = Path(compiled._cache_folder.__wrapped__() or "")
    assert (folder.parent, folder.is_dir()) == (tmp_path / ".cache" / "tenure", True)
    (tmp_path / "file").touch()
    nothing_said.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert compiled._cache_folder.__wrapped__() is None

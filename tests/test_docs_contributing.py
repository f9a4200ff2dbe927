"""The walks of docs/contributing.md lead where the page says."""

from pathlib import Path

from walks import walk


def test_a_policy_is_one_short_file(tmp_path: Path) -> None:
    """One file of the packages under 40 lines, nothing else touched; one of the user's own beside them."""
    walked = walk("A policy", tmp_path)
    assert walked.made == ("policies/keep_the_core.py", "mine.py")
    assert walked.changed == ()
    assert len((walked.folder / walked.made[0]).read_text(encoding="utf-8").splitlines()) < 40


def test_a_verb_is_two_files(tmp_path: Path) -> None:
    walked = walk("A verb", tmp_path)
    assert walked.made == ("experiments/cli/heads.py",)
    assert walked.changed == ("experiments/cli/app.py",)

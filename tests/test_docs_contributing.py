"""The walks through a policy and a verb lead where docs/contributing.md says, and a wrong page is found out."""

from pathlib import Path

import pytest
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


NEW = "`policies/mine.py`:\n```python\nNUMBER = 7\n```\n"
TRY = "```sh\npython -c 'import policies.mine as mine; print(mine.NUMBER)'\n```\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (NEW, "no command tries it"),
        (TRY, "ended with 1"),
        (NEW + TRY + "```text\n8\n```\n", "the page says\n8\n\nit prints\n7"),
        (NEW + TRY + "```text\n7\n7\n```\n", "it prints\n7"),
        (NEW + NEW + TRY, "policies/mine.py is there already"),
        (NEW.replace("mine", "fixed") + TRY, "policies/fixed.py is there already"),
        (NEW.replace(":", " holds") + TRY, "says no place"),
        (NEW + "in `policies/mine.py`, after `LETTER`:\n```python\n```\n" + TRY, "0 lines have 'LETTER'"),
        (NEW + "```text\n7\n```\n" + TRY, "what prints this?"),
        ("### Another\n" + NEW + TRY, "no command tries it"),
    ],
)
def test_a_page_that_is_wrong_is_found_out(text: str, expected: str, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# A page\n\n### A walk\n\n{text}", encoding="utf-8")
    with pytest.raises(AssertionError) as caught:
        walk("A walk", tmp_path, page)
    assert expected in str(caught.value)


def test_additions_go_where_the_page_says(tmp_path: Path) -> None:
    """After, before and instead of a line, and at the end; comments are no headings."""
    steps = [
        "`a.py`:\n```python\n# one\nprint(1)\nprint(3)\n```",
        "and in `a.py`,\nafter `print(1)`:\n```python\nprint(2)\n```",
        "In `a.py`, before `# one`:\n```python\nprint(0)\n```",
        "In `a.py`, instead of `int(3)`:\n```python\nprint(4)\n```",
        "At the end of `a.py`:\n```python\nprint('a line with many words')\n```",
        "```sh\npython a.py\n```\n```text\n0\n...\n4\na line ... words\n```",
    ]
    page = tmp_path / "page.md"
    page.write_text("### A walk\n\n" + "\n\n".join(steps) + "\n### Next\n", encoding="utf-8")
    walked = walk("A walk", tmp_path, page)
    lines = ["print(0)", "# one", "print(1)", "print(2)", "print(4)", "print('a line with many words')"]
    assert (walked.folder / "a.py").read_text(encoding="utf-8").splitlines() == lines
    assert (walked.made, walked.changed) == (("a.py",), ())

"""Figures on the pages are renewed from what the commands print, row by row; changed words are named and left."""

from benchmarks.pages import PAGES, renewed

PAGE = """Words 1.

```sh
tenure optimize scenario.yaml
```

```text
gardeners  100  2.5
balconies   90    1
Asset 1,000, at least 94 % of the lift.
```
"""


def test_figures_move_and_words_stay() -> None:
    """Rows keep their order and names, numbers and widths are as printed; what is not printed is left and named."""
    out = ["gardeners  1,100  2.75", "balconies     80     1", "Asset 900."]
    page, left = renewed(PAGE, lambda commands: out if commands == "tenure optimize scenario.yaml\n" else [])
    assert page == PAGE.replace("gardeners  100  2.5\nbalconies   90    1", "\n".join(out[:2]))
    assert left == ["Asset 1,000, at least 94 % of the lift."]


def test_lines_of_one_shape_are_matched_in_their_order() -> None:
    """Two rows of numbers alone are renewed each by its own; a line printed as shown takes its own line."""
    page = "```sh\ntenure frontier s\n```\n\n```text\n 10  20\n 30  40\n```\n"
    assert renewed(page, lambda _: ["11 21", "31 41"])[0] == page.replace(" 10  20\n 30  40", "11 21\n31 41")
    assert renewed(page, lambda _: [" 10  20", " 30  40"]) == (page, [])


def test_every_example_with_a_page_is_renewed() -> None:
    """The front page comes first."""
    assert PAGES[0] == "README.md"
    assert "examples/planning/README.md" in PAGES

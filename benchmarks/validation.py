"""Write docs/validation.md anew: `python -m benchmarks.validation`. Exit code 1 where a figure does not agree."""

import sys
from pathlib import Path

from experiments.validation.run import validate
from experiments.validation.shown import validation_page

PAGE = Path(__file__).parents[1] / "docs" / "validation.md"
HEAD = """# Published results

What publications printed, and what this software computes from the same inputs: `tenure validate` does it on your
installation (`--all` with the slow ones, `--json` for machines; exit code 1 where a figure does not agree). A figure
agrees if it rounds to what was printed, and is near what a careful recomputation of the publication gives where one is
known. Where none was printed to be compared with, as for the customer equity test, the recomputed one stands under
*published*, and near it is enough: .2 % or less, or half of its last digit. This page is written by
`python -m benchmarks.validation`.

"""

if __name__ == "__main__":
    found = validate(slow=True)
    PAGE.write_text(HEAD + validation_page(found), encoding="utf-8")
    sys.exit(0 if found.ok else 1)

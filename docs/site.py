"""What the site has beside the pages in this folder: commands and Python from the code, examples, the changelog.

``mkdocs build`` calls it (``hooks`` in mkdocs.yml). Links of pages that lead out of this folder, as they do in a
checkout, are led to where the site has the same.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

HERE = Path(__file__).resolve().parent.parent
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)\s]+)\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made."""
    made = {
        "commands.md": commands(),
        "python.md": reference(),
        "changelog.md": (HERE / "CHANGELOG.md").read_text("utf-8"),
    }
    pages = {path.parent.name: path for path in sorted((HERE / "examples").glob("*/README.md"))}
    made["examples.md"] = gallery(pages)
    made |= {f"examples/{name}.md": path.read_text("utf-8") for name, path in pages.items()}
    for name, text in made.items():
        if files.get_file_from_path(name) is None:
            files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead links to where the site has what they name; what it has not stays as words."""
    at = page.file.src_uri
    source = HERE / at.replace(".md", "/README.md") if at.startswith("examples/") else HERE / "docs" / at
    source = HERE / "CHANGELOG.md" if at == "changelog.md" else source
    up = "../" if "/" in at else ""

    def led(found: re.Match[str]) -> str:
        target, _, part = found[1].partition("#")
        path = (source.parent / target).resolve()
        path = path / "README.md" if path.is_dir() else path
        if not path.is_relative_to(HERE):
            return found[0]
        inside = path.relative_to(HERE).as_posix()
        if inside.startswith("docs/"):
            there = inside.removeprefix("docs/")
        elif inside.startswith("examples/") and inside.endswith("/README.md"):
            there = inside.replace("/README.md", ".md")
        else:
            return f"] (`{inside}`)"
        return f"]({up}{there}{'#' + part if part else ''})"

    return LINK.sub(led, markdown)


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Leave out what only other makers of pages read in docstrings."""
    return re.sub(r":(?:func|class|meth|mod|attr|data):(?=<code>)", "", html)


def gallery(pages: dict[str, Path]) -> str:
    """Return the list of examples, each with what it shows."""
    from experiments.study.examples import examples

    lines = [f"| [{name}](examples/{name}.md) | {what} |" for name, what in examples().items() if name in pages]
    head = ["# Examples", "", "`tenure example NAME --folder here` copies one out.", ""]
    return "\n".join([*head, "| Example | What it shows |", "| --- | --- |", *lines, ""])


def commands() -> str:
    """Return a page with every command, its options and an example."""
    from experiments.cli.app import app

    root: Any = typer.main.get_command(app)
    context = root.make_context("tenure", [], resilient_parsing=True)
    codes = "Every command has `--help`. Exit codes: 0 done, 1 failed, 2 the input cannot be used, 130 stopped."
    lines = ["# Commands", "", codes, ""]
    for words, command, own in _commands(root, context, ()):
        lines += [f"## tenure {' '.join(words)}", "", _text(command.help or ""), ""]
        rows = [record for each in command.get_params(own) if (record := each.get_help_record(own))]
        if rows:
            lines += ["| Option | What it does |", "| --- | --- |"]
            lines += [f"| `{name.replace('|', '/')}` | {_text(what)} |" for name, what in rows]
            lines.append("")
        if command.epilog:
            lines += [f"`{command.epilog.removeprefix('Example: ')}`", ""]
    return "\n".join(lines)


def _commands(group: Any, context: Any, before: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    for name, command in sorted(group.commands.items()):
        own = command.make_context(name, [], parent=context, resilient_parsing=True)
        if hasattr(command, "commands"):
            yield from _commands(command, own, (*before, name))
        else:
            yield (*before, name), command, own


def _text(words: str) -> str:
    """Return help as Markdown: signs that it would read stay signs."""
    plain = " ".join(words.split()).replace("<", "&lt;").replace("|", "&#124;")
    return re.sub(r"([*_`\[\]])", r"\\\1", plain)


def reference() -> str:
    """Return a page that names everything under ``tenure``, to be filled from docstrings."""
    import tenure

    named = {name: getattr(tenure, name) for name in tenure.__all__}
    homes = {name: f"{each.__module__}.{each.__qualname__}" for name, each in named.items() if callable(each)}
    functions = [name for name in homes if not isinstance(named[name], type)]
    classes = [name for name in homes if isinstance(named[name], type)]
    errors = [name for name in classes if issubclass(named[name], Exception)]
    results = [name for name in classes if name not in errors and name not in ("Firm", "Question")]
    lines = ["# Python", "", "`import tenure` has all of it; `help(tenure)` is the same in a terminal.", ""]
    for title, names in (
        ("A firm and its questions", ["Firm", "Question"]), ("Functions", functions), ("Results and policies", results),
        ("Errors and warnings", errors),
    ):  # fmt: skip
        lines += [f"## {title}", "", *(f"::: {homes[name]}\n" for name in names)]
    return "\n".join(lines)

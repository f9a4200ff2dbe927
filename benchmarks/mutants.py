"""Code changed in one place at a time: which changes no test notices.

Run ``python -m benchmarks.mutants FILE TEST ... [--number N] [--seed S] [--function NAME ...] [-k WORDS]`` from the
repository root. A sample of the operators, comparisons, numbers and choices of a file is changed, one at a time; each
changed file is imported by a process of its own, which runs the tests until one fails. Survivors are printed by line.

A file of kernels is run as plain Python (``NUMBA_DISABLE_JIT``): compiling it anew would take most of the time, and the
cache of compiled kernels knows nothing of changes that are on no disk. So take tests whose loops are short.
"""

import argparse
import ast
import copy
import importlib
import os
import random
import signal
import sys
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType

__all__ = ["main", "mutants"]

SECONDS = 60
"""Of a processor, after which a changed program counts as noticed: it hangs."""
SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult,
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And,
}  # fmt: skip
CALLS = {"min": "max", "max": "min", "minimum": "maximum", "maximum": "minimum", "any": "all", "all": "any"}


def mutants(tree: ast.Module, functions: tuple[str, ...] = ()) -> Iterator[tuple[int, str, ast.Module]]:
    """Yield line, what is changed, and the changed module, for every place; ``functions``: of these alone."""
    for number, node in enumerate(ast.walk(tree)):
        if not isinstance(node, ast.FunctionDef) or (functions and node.name not in functions):
            continue
        skipped = {id(each) for part in _not_run(node) for each in ast.walk(part)}
        for inner, each in enumerate(ast.walk(node)):
            if id(each) in skipped or (inner and isinstance(each, ast.FunctionDef)):
                continue
            changed = copy.deepcopy(tree)
            place = _nth(_nth(changed, number), inner)
            what = _change(place)
            if what is not None:
                yield getattr(each, "lineno", node.lineno), f"{node.name}: {what}", ast.fix_missing_locations(changed)


def _not_run(node: ast.FunctionDef) -> Iterator[ast.AST]:
    """Yield what of a function is not run: decorators, annotations, its docstring, functions in it, messages."""
    yield from (*node.decorator_list, *([node.returns] if node.returns else []))
    yield from (each.annotation for each in ast.walk(node.args) if isinstance(each, ast.arg) and each.annotation)
    yield from (each for each in node.body if isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant))
    for each in ast.walk(node):
        if (isinstance(each, ast.FunctionDef) and each is not node) or isinstance(each, ast.JoinedStr | ast.Assert):
            yield each
        elif isinstance(each, ast.AnnAssign):
            yield each.annotation


def _nth(tree: ast.AST, number: int) -> ast.AST:
    return next(each for i, each in enumerate(ast.walk(tree)) if i == number)


def _change(node: ast.AST) -> str | None:
    """Change a node in place; return in words how, None where nothing is to be changed."""
    before = ast.unparse(node) if isinstance(node, ast.expr | ast.stmt) else ""
    if isinstance(node, ast.BinOp | ast.AugAssign | ast.BoolOp) and type(node.op) in SWAPS:
        node.op = SWAPS[type(node.op)]()  # type: ignore[assignment]
    elif isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPS:
        node.ops[0] = SWAPS[type(node.ops[0])]()  # type: ignore[call-overload]
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        node.value = not node.value if isinstance(node.value, bool) else node.value + 1
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Not):
        node.op = ast.UAdd() if isinstance(node.op, ast.USub) else ast.Not()
        if isinstance(node.op, ast.Not):
            node.operand = ast.UnaryOp(ast.Not(), node.operand)
    elif isinstance(node, ast.IfExp):
        node.body, node.orelse = node.orelse, node.body
    elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
        name = node.id if isinstance(node, ast.Name) else node.attr
        if name not in CALLS:
            return None
        setattr(node, "id" if isinstance(node, ast.Name) else "attr", CALLS[name])
    else:
        return None
    return f"{before[:60]} -> {ast.unparse(node)[:60]}".replace("\n", " ")


def _noticed(path: Path, tree: ast.Module | None, words: list[str]) -> str:
    """Run the tests with a file as changed, in a forked process; return how that ended."""
    child = os.fork()
    if child == 0:
        _be(path, tree, words)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    return {0: "survives", 1: "killed", 2: "killed", -signal.SIGPROF: "hangs"}.get(code, f"ended by {code}")


def _be(path: Path, tree: ast.Module | None, words: list[str]) -> None:
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    plain = SourceFileLoader.get_code

    def get_code(self: SourceFileLoader, name: str) -> CodeType | None:
        if tree is not None and Path(self.path).resolve() == path:
            return compile(tree, str(path), "exec")
        return plain(self, name)

    SourceFileLoader.get_code = get_code  # type: ignore[method-assign]
    import pytest

    os._exit(int(pytest.main([*words, "-x", "-q", "-n", "0", "-p", "no:cacheprovider"])))


def main() -> None:
    """Change a file, place by place, and say what no test notices."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("tests", nargs="+")
    parser.add_argument("--number", type=int, default=100, help="of changes, drawn from all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--function", nargs="+", default=[], help="of these alone")
    parser.add_argument("-k", default="", help="of the tests, those named so")
    asked = parser.parse_args()
    path = asked.file.resolve()
    if path.stem.endswith("_kernels"):
        os.environ["NUMBA_DISABLE_JIT"] = "1"
    for heavy in ("numba", "scipy.stats", "scipy.integrate", "pandas", "pydantic", "pytest", "simpy"):
        importlib.import_module(heavy)
    words = [*asked.tests, *(["-k", asked.k] if asked.k else [])]
    assert _noticed(path, None, words) == "survives", "the tests fail as it is"
    all_ = list(mutants(ast.parse(path.read_text(encoding="utf-8")), tuple(asked.function)))
    drawn = sorted(random.Random(asked.seed).sample(range(len(all_)), min(asked.number, len(all_))))
    lived = 0
    for done, number in enumerate(drawn):
        if done % 10 == 0:
            print(f"{done} of {len(drawn)} tried", file=sys.stderr, flush=True)
        line, what, tree = all_[number]
        ended = _noticed(path, tree, words)
        if ended == "survives":
            lived += 1
            print(f"{asked.file}:{line}: {what}", flush=True)
    print(f"{len(drawn)} of {len(all_)} changes, {len(drawn) - lived} noticed", flush=True)
    sys.exit(0)


if __name__ == "__main__":
    main()

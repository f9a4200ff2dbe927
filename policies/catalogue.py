"""Policies by name: the files of this package register theirs here, and so may any other file.

A policy is made for a firm by one signature, ``make(twin, budget) -> Policy``, a function or a class::

    @policy("keep the core")
    class KeepTheCore:
        ...

What is in this package, or in a Python file that a name points to, is found by itself.
"""

import difflib
import importlib
import importlib.util
import pkgutil
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import policies
from sim.contract import Policy
from sim.errors import FolderError, InputError, PolicyError, first_line

if TYPE_CHECKING:
    from sim.twin import Twin

__all__ = ["Maker", "apart", "make_policy", "makers", "named", "names", "policy", "unknown"]

Maker = Callable[["Twin", float], Policy]
AnyMaker = TypeVar("AnyMaker", bound=Maker)

_makers: dict[str, Maker] = {}


def policy(name: str) -> Callable[[AnyMaker], AnyMaker]:
    """Register what makes a policy for a twin and a budget over the horizon, under a name of letters and digits.

    Raises
    ------
    InputError
        If the name is taken, or could not be asked for.

    Examples
    --------
    >>> @tenure.policy("half of today")
    ... class HalfOfToday:
    ...     name = "half of today"
    ...
    ...     def __init__(self, twin, budget): ...
    ...
    ...     def decide(self, observation):
    ...         return tenure.Allocation.within(0.5 * observation.targets.reference, observation)
    >>> result = firm.compare(["as today", "half-of-today"], replications=2)
    >>> float(round(result["half of today"].spends.mean() / result["as today"].spends.mean(), 1))
    0.5
    """
    plain = _plain(name)
    if not re.fullmatch(r"[^\W_]+( [^\W_]+)*", plain):
        raise InputError(
            f"policy '{name}': expected a name of letters and digits, with blanks or hyphens between words"
        )

    def register(make: AnyMaker) -> AnyMaker:
        if not make.__module__.startswith(f"{policies.__name__}."):
            _load()
        other = _makers.get(plain)
        if other is not None and _place(other) != _place(make):
            raise InputError(f"policy '{plain}': {_place(other)} has this name already; give {_place(make)} another")
        _makers[plain] = make
        return make

    return register


def makers() -> dict[str, Maker]:
    """Return what makes each policy, by name: those of this package in the order of its files, then all others."""
    modules = _load()
    last = len(modules)

    def place(name: str) -> int:
        module = _makers[name].__module__
        return modules.index(module) if module in modules else last

    return {name: _makers[name] for name in sorted(_makers, key=place)}


def names() -> tuple[str, ...]:
    """Return the names of all policies; the first is what others are compared with."""
    return tuple(makers())


def named(name: str, twin: "Twin", budget: float) -> Policy:
    """Return the policy called ``name`` (blanks or hyphens) for a budget over the horizon.

    ``mine.py`` is the one that this file registers, ``mine.py:my policy`` one of several.

    Raises
    ------
    InputError
        If there is none.
    """
    file = re.fullmatch(r"(.+\.py)(?::(.*))?", name.strip(), re.DOTALL)
    if file is not None:
        return make_policy(_in_file(Path(file[1]), file[2]), twin, budget)
    known, wanted = makers(), _plain(name)
    if wanted in known:
        return make_policy(known[wanted], twin, budget)
    raise unknown(name)


def unknown(name: str) -> InputError:
    """Return what to say of a name that no policy has."""
    known = makers()
    close = difflib.get_close_matches(_plain(name), known, 1)
    hint = f"; did you mean '{close[0]}'?" if close else ""
    return InputError(f"policy '{name}' is not known; expected one of {', '.join(known)}, or a plan file{hint}")


@contextmanager
def apart() -> Iterator[None]:
    """Let files register policies that are forgotten afterwards, whatever names this process has given already."""
    modules, before = _load(), dict(_makers)
    try:
        for name in [name for name, make in _makers.items() if make.__module__ not in modules]:
            del _makers[name]
        yield
    finally:
        _makers.clear()
        _makers.update(before)


def make_policy(make: Maker, twin: "Twin", budget: float) -> Policy:
    """Return what a maker makes for a twin and a budget.

    Raises
    ------
    PolicyError
        If that is no policy.
    """
    made = make(twin, budget)
    if isinstance(made, type) or not isinstance(made, Policy):
        raise PolicyError(f"{_place(make)}: expected to get a policy, an object with a name and decide, got {made!r}")
    return made


def _in_file(path: Path, wanted: str | None) -> Maker:
    """Run a Python file and return the maker it registers under a name, or else the only one."""
    module = str(path.resolve())
    spec = importlib.util.spec_from_file_location(module, path)
    assert spec is not None
    assert spec.loader is not None
    sys.modules[module] = importlib.util.module_from_spec(spec)
    for name in [name for name, make in _makers.items() if make.__module__ == module]:
        del _makers[name]
    try:
        spec.loader.exec_module(sys.modules[module])
    except OSError as error:
        raise FolderError(f"{path}: cannot be read: {error.strerror}") from None
    except SyntaxError as error:
        raise InputError(f"{path}: {first_line(error)}") from None
    own = {name: make for name, make in _makers.items() if make.__module__ == module}
    if not own:
        raise InputError(f'{path}: registers no policy; put @policy("a name") before a class or function')
    if wanted is None and len(own) > 1:
        raise InputError(
            f"{path}: registers {', '.join(own)}; say which, as in {path}:{next(iter(own)).replace(' ', '-')}"
        )
    name = next(iter(own)) if wanted is None else _plain(wanted)
    if name not in own:
        raise InputError(f"{path}: registers no policy '{wanted}'; expected one of {', '.join(own)}")
    return own[name]


def _load() -> list[str]:
    """Import the modules of this package; return their names, that of what others are compared with first."""
    found = sorted(module.name for module in pkgutil.iter_modules(policies.__path__))
    modules = [f"{policies.__name__}.{name}" for name in sorted(found, key=lambda name: name != "fixed")]
    for module in modules:
        importlib.import_module(module)
    return modules


def _plain(name: str) -> str:
    """Return a name as the catalogue keeps it, however it is written."""
    return name.strip().lower().replace("-", " ").replace("_", " ")


def _place(make: Maker) -> str:
    return f"{make.__module__}.{make.__qualname__}"

"""Policies by name: the files of this package register theirs here, and so may any other file.

A policy is made for a firm by one signature, ``make(twin, budget) -> Policy``, a function or a class::

    @policy("keep the core")
    class KeepTheCore:
        ...

What is in this package, in a Python file or module that a name points to, or in an installed distribution that says so
by an entry point of the group ``tenure.policies``, is found by itself. More arguments with defaults are its parameters,
set in brackets: ``share of revenue(share=0.1)``.
"""

import ast
import difflib
import hashlib
import importlib
import importlib.util
import inspect
import pkgutil
import re
import sys
import warnings
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import policies
from sim.contract import Policy
from sim.errors import FolderError, InputError, NotAsWritten, PolicyError, first_line

if TYPE_CHECKING:
    from sim.twin import Twin

__all__ = [
    "ENTRY_POINTS", "IN_MODULE", "Entry", "Maker", "apart", "entries", "found", "in_process_alone", "make_policy",
    "makers", "named", "names", "of_families", "plain_name", "policy", "source_of", "states_money", "unknown",
]  # fmt: skip

Maker = Callable[..., Policy]
AnyMaker = TypeVar("AnyMaker", bound=Maker)

_makers: dict[str, Maker] = {}
_stating: dict[str, Callable[..., bool]] = {}  # whether one states money by customer, by what is set in brackets

ENTRY_POINTS = "tenure.policies"
"""Group of entry points by which an installed distribution offers policies."""
IN_MODULE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
"""A maker by module and name, as in ``mymodule:MyPolicy``."""


@dataclass(frozen=True)
class Entry:
    """What the catalogue says of a policy.

    Attributes
    ----------
    name, family : str
        The family is the file that it is in.
    explains : str
        One line.
    parameters : dict
        Defaults by name.
    """

    name: str
    family: str
    explains: str
    parameters: dict[str, Any] = field(default_factory=dict)


def entries() -> tuple[Entry, ...]:
    """Return what there is to say of every policy, in the catalogue's order.

    Examples
    --------
    >>> from policies.catalogue import entries
    >>> next(each.parameters for each in entries() if each.name == "best customers first")
    {'share': 0.8, 'part': 0.2}
    """
    return tuple(Entry(name, _family(make), _explains(make), _parameters(make)) for name, make in makers().items())


def _family(make: Maker) -> str:
    room, _, file = make.__module__.rpartition(".")
    return file.replace("_", " ") if room == policies.__name__ else "your own"


def _explains(make: Maker) -> str:
    """Return the first paragraph of a maker's docstring in one line; nothing where there is none."""
    return " ".join((make.__doc__ or "").strip().partition("\n\n")[0].split())


def _parameters(make: Maker) -> dict[str, Any]:
    """Return the arguments of a maker beside twin and budget that have defaults, by name."""
    given = list(inspect.signature(make).parameters.values())[2:]
    return {each.name: each.default for each in given if each.default is not inspect.Parameter.empty}


def policy(name: str, *, states_money: bool | Callable[..., bool] = False) -> Callable[[AnyMaker], AnyMaker]:
    """Register what makes a policy for a twin and a budget over the horizon, under a name of letters and digits.

    With ``states_money`` it says what each customer gets, and does not spread its budget over those it sees: where it
    is to have some customers only (a mixture), it is made for the whole budget all the same; a function says so of the
    parameters that are set.

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
    plain = plain_name(name)
    if not re.fullmatch(r"[^\W_]+( [^\W_]+)*", plain):
        raise InputError(
            f"policy '{name}': expected a name of letters and digits, with blanks or hyphens between words"
        )

    def register(make: AnyMaker) -> AnyMaker:
        if not make.__module__.startswith(f"{policies.__name__}."):
            _modules()  # not what is installed: this may be one of its modules, on the way to be loaded
        other = _makers.get(plain)
        if other is not None and _place(other) != _place(make):
            raise InputError(f"policy '{plain}': {_place(other)} has this name already; give {_place(make)} another")
        _makers[plain] = make
        _stating[plain] = states_money if callable(states_money) else lambda **_: states_money
        return make

    return register


def states_money(make: Maker) -> bool:
    """Return whether a maker's policy states money by customer, as it was registered."""
    make, given = (make.func, make.keywords) if isinstance(make, partial) else (make, {})
    return any(states(**given) for name, states in _stating.items() if _makers.get(name) is make)


def makers() -> dict[str, Maker]:
    """Return what makes each policy, by name: those of this package in the order of its files, then all others."""
    modules = _load()
    last = len(modules)

    def place(name: str) -> int:
        module = _makers[name].__module__
        return modules.index(module) if module in modules else last

    return {name: _makers[name] for name in sorted(_makers, key=place)}


def of_families(families: Collection[str]) -> dict[str, Maker]:
    """Return what makes each policy of some files of this package, by name; nothing that is installed is loaded."""
    _modules()
    files = {f"{policies.__name__}.{family}" for family in families}
    return {name: make for name, make in _makers.items() if make.__module__ in files}


def names() -> tuple[str, ...]:
    """Return the names of all policies; the first is what others are compared with."""
    return tuple(makers())


def named(name: str, twin: "Twin", budget: float) -> Policy:
    """Return the policy called ``name`` (blanks or hyphens) for a budget over the horizon.

    ``share of revenue(share=0.1)`` sets parameters (texts with or without quotes), ``mine.py`` is the one that this
    file registers, ``mine.py:my policy`` one of several, ``mymodule:MyPolicy`` a maker in an importable module.

    Raises
    ------
    InputError
        If there is none, or a parameter is not one of its own.
    """
    return make_policy(found(name), twin, budget)


def found(name: str) -> Maker:
    """Return what makes the policy called ``name``, as in :func:`named`, its parameters set.

    Raises
    ------
    InputError
        If there is none, or a parameter is not one of its own.
    """
    stated = re.fullmatch(r"(.+?)\s*\((.*)\)\s*", name.strip(), re.DOTALL)
    plain, brackets = (stated[1], stated[2]) if stated else (name, "")
    make = _maker(plain)
    return partial(make, **_set(plain, make, brackets)) if brackets.strip() else make


def _maker(name: str) -> Maker:
    file = re.fullmatch(r"(.+\.py)(?::(.*))?", name.strip(), re.DOTALL)
    if file is not None:
        return _in_file(Path(file[1]), file[2])
    if IN_MODULE.fullmatch(name.strip()):
        return _in_module(*name.strip().split(":"))
    known, wanted = makers(), plain_name(name)
    if wanted in known:
        return known[wanted]
    raise unknown(name)


def unknown(name: str) -> InputError:
    """Return what to say of a name that no policy has."""
    known = makers()
    close = difflib.get_close_matches(plain_name(name), known, 1)
    hint = f"; did you mean '{close[0]}'?" if close else ""
    return InputError(f"policy '{name}' is not known; expected one of {', '.join(known)}, or a plan file{hint}")


@contextmanager
def apart() -> Iterator[None]:
    """Let files register policies that are forgotten afterwards, whatever names this process has given already."""
    _load()
    before = dict(_makers)
    try:
        for name in [name for name, make in _makers.items() if in_process_alone(make)]:
            del _makers[name]
        yield
    finally:
        _makers.clear()
        _makers.update(before)


def in_process_alone(make: Maker) -> bool:
    """Return whether a maker was registered by this process, so that no other knows its name."""
    make = make.func if isinstance(make, partial) else make
    known = make.__module__ in _load() or make in _load_installed()
    return not known and make in _makers.values()


def source_of(make: Maker) -> str:
    """Return the SHA-256 of the file that a maker is in; nothing for one of this package, whose version says it."""
    make = make.func if isinstance(make, partial) else make
    if make.__module__ in _load():
        return ""
    file = getattr(sys.modules.get(make.__module__), "__file__", None)
    return "unread" if file is None else hashlib.sha256(Path(file).read_bytes()).hexdigest()


def _set(name: str, make: Maker, brackets: str) -> dict[str, Any]:
    """Return the parameters set in brackets, of the kinds of their defaults."""
    own = _parameters(make)
    expected = ", ".join(f"{key}={value!r}" for key, value in own.items()) or "none"
    quoted = brackets
    for key in (key for key, value in own.items() if isinstance(value, str)):
        quoted = re.sub(rf"(^|,)(\s*{key}\s*=\s*)(?!['\"])([^,]*[^,\s])", r"\1\2'\3'", quoted)
    try:
        call = ast.parse(f"f({quoted})", mode="eval").body
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.args:
            raise ValueError(brackets)
        if any(each.arg is None for each in call.keywords):
            raise ValueError(brackets)
        given = {str(each.arg): ast.literal_eval(each.value) for each in call.keywords}
    except (SyntaxError, TypeError, ValueError, RecursionError, MemoryError):
        raise InputError(
            f"policy '{name}({brackets})': expected parameters as name=value with commas between; it has {expected}"
        ) from None
    for key, value in given.items():
        if key not in own:
            raise InputError(f"policy '{name}': no parameter '{key}'; it has {expected}")
        kind = float if isinstance(own[key], float) else type(own[key])
        fits = isinstance(value, int | float) and not isinstance(value, bool) if kind is float else type(value) is kind
        if not fits or (kind in (int, float) and not 0 <= value <= 1e18):
            what = "a number of at least 0" if kind in (int, float) else f"one like {own[key]!r}"
            raise InputError(f"policy '{name}', parameter {key}={value!r}: expected {what}")
        given[key] = kind(value)
    return given


def make_policy(make: Maker, twin: "Twin", budget: float) -> Policy:
    """Return what a maker makes for a twin and a budget.

    Raises
    ------
    PolicyError
        If that is no policy.
    """
    made = make(twin, budget)
    if isinstance(made, type) or not isinstance(made, Policy):
        make = make.func if isinstance(make, partial) else make
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
    called = getattr(sys.modules[module], wanted or "", None)
    if callable(called) and plain_name(str(wanted)) not in own:  # a class or function, as in MODULE:NAME
        maker: Maker = called
        return maker
    if not own:
        raise InputError(f'{path}: registers no policy; put @policy("a name") before a class or function')
    if wanted is None and len(own) > 1:
        raise InputError(
            f"{path}: registers {', '.join(own)}; say which, as in {path}:{next(iter(own)).replace(' ', '-')}"
        )
    name = next(iter(own)) if wanted is None else plain_name(wanted)
    if name not in own:
        raise InputError(f"{path}: registers no policy '{wanted}'; expected one of {', '.join(own)}")
    return own[name]


def _in_module(module: str, name: str) -> Maker:
    """Return a maker by module and name; the folder that one is in counts too, as it does in Python."""
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, here)
    try:
        maker = getattr(importlib.import_module(module), name, None)
    except Exception as error:  # a stranger's module may raise anything
        raise InputError(f"{module}:{name}: cannot be imported: {type(error).__name__}: {first_line(error)}") from None
    if not callable(maker):
        raise InputError(f"{module}:{name}: expected a class or function there, called with a twin and a budget")
    made: Maker = maker
    return made


def _load() -> tuple[str, ...]:
    """Put all that there is into the catalogue; return the names of this package's modules."""
    modules = _modules()
    _load_installed()
    return modules


@cache
def _modules() -> tuple[str, ...]:
    """Import the modules of this package; return their names, that of what others are compared with first."""
    found = sorted(module.name for module in pkgutil.iter_modules(policies.__path__))
    modules = tuple(f"{policies.__name__}.{name}" for name in sorted(found, key=lambda name: name != "fixed"))
    for module in modules:
        importlib.import_module(module)
    return modules


@cache
def _load_installed() -> tuple[Maker, ...]:
    """Put what installed distributions offer into the catalogue, and return it; what cannot be loaded is left out."""
    from importlib.metadata import entry_points

    installed = []
    for each in entry_points(group=ENTRY_POINTS):
        plain = plain_name(each.name)
        try:
            make = each.load()
        except Exception as error:  # a stranger's module may raise anything
            _say_left_out(each.name, f"cannot be loaded and is left out: {first_line(error)}")
            continue
        if not callable(make):
            _say_left_out(each.name, f"is left out: expected a class or function at {each.value}, got {make!r:.60}")
            continue
        if all(known is not make for known in _makers.values()):
            if plain in _makers:
                _say_left_out(each.name, "is left out: another has this name already")
                continue
            _makers[plain] = make
        installed.append(make)
    return tuple(installed)


def _say_left_out(name: str, why: str) -> None:
    warnings.warn(NotAsWritten(f"policy '{name}' of an installed package {why}"), stacklevel=3)


def plain_name(name: str) -> str:
    """Return a name as the catalogue keeps it, however it is written."""
    return name.strip().lower().replace("-", " ").replace("_", " ")


def _place(make: Maker) -> str:
    return f"{make.__module__}.{make.__qualname__}"

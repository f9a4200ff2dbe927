"""What waits to be shown in MLflow: records keyed by their content, each whole or absent, sent once.

::

    outbox = Outbox(folder, tracking_uri)        # the store in the folder; or a server or database
    outbox.put(record)                           # one file a key and place, in .tenure/outbox; again: replaced
    outbox.pending()                             # records that wait, without what they keep, the oldest first
    sent = outbox.send()                         # every record that waits, parents before children
    sent.runs[record.key], sent.waiting          # run ids by key; how many still wait, and sent.why

Work puts its records as it finishes them and may die at any moment; only the process that holds the folder's lock
sends. A record leaves the outbox once MLflow has all of it, on the disk. Killed in between, it is sent again and
completes the run that it began, found by its key: nothing is there twice, and no run is left RUNNING after the next
:meth:`Outbox.send` or ``tenure sync``. A record that is put again with other content (a study that went on) brings its
run up to date; with the same content nothing is written. A server that does not answer loses nothing: the records wait,
and that is said. Two machines that send the same key to one server in the same moment are not kept apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.tracking.beside import sent_beside
from experiments.tracking.record import Record
from experiments.tracking.store import (
    bundled,
    database_of,
    locked,
    open_store,
    quiet_mlflow,
    reach,
    redacted,
    without_password,
)
from sim.arrays import Progress
from sim.errors import FolderError, InputError, first_line
from sim.files import sweep

if TYPE_CHECKING:
    from experiments.tracking.sender import Sender

__all__ = ["Outbox", "Sent", "sync", "waiting_in_words"]


@dataclass(frozen=True)
class Sent:
    """What :meth:`Outbox.send` did.

    Attributes
    ----------
    tracking_uri : str
        Where the runs are, without its password.
    runs, experiments : mapping of str to str
        Run by key, and experiment by name, of what was sent.
    waiting : int
        Records that still wait.
    why : str
        Why they do; nothing where none does.
    """

    tracking_uri: str
    runs: Mapping[str, str]
    experiments: Mapping[str, str]
    waiting: int = 0
    why: str = ""


REFUSED = re.compile(r"Connection refused|Name or service not known|timed out|No route to host|Network is unreachable")
"""What of the words of a connection that failed tells why."""


class Outbox:
    """The outbox of a folder, for one place where runs go.

    Parameters
    ----------
    folder
        Where the outbox is, and the store where no other is named; it must be there.
    tracking_uri
        A server (``http://...``) or a database (``postgresql+psycopg://...``); nothing: the folder's own store.

    Raises
    ------
    InputError
        If MLflow knows no such place.
    """

    def __init__(self, folder: str | Path, tracking_uri: str = "") -> None:
        self.folder = Path(folder).resolve()
        self.tracking_uri = tracking_uri
        self._target = redacted(tracking_uri) if tracking_uri else ""
        self._place = self.folder / ".tenure" / "outbox"
        self._swept = False

    def put(self, record: Record) -> None:
        """Keep a record until it is sent; what waits under its key already is replaced.

        Raises
        ------
        FolderError
            If it cannot be written.
        """
        try:
            self._place.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FolderError(f"cannot write {self._place}: {error.strerror}; choose another folder") from None
        name = f"{record.key}-{sha256(self._target.encode()).hexdigest()[:8]}" if self._target else record.key
        if not self._swept:  # once: many records are put beside each other
            sweep(self._place / name, every=True)
            self._swept = True
        replace(record, tracking_uri=self._target).save(self._place / f"{name}.zip")

    def pending(self) -> list[Record]:
        """Return the records that wait, whatever place they go to, without what they keep; the oldest first.

        Raises
        ------
        FolderError
            If a file there is not a whole record.
        """
        return list(self.waiting().values())

    def waiting(self) -> dict[Path, Record]:
        """Return :meth:`pending` by file."""
        found = {path: Record.load(path, files=False) for path in self._place.glob("[!.]*.zip")}
        return dict(sorted(found.items(), key=lambda each: (each[1].began, each[1].key, each[1].tracking_uri)))

    def send(self, progress: Progress | None = None) -> Sent:
        """Send every record that waits for this place, parents before children; what fails waits.

        Raises
        ------
        FolderError
            If the folder's own store cannot be used; its records wait.
        """
        beside = None if self.tracking_uri else sent_beside(self.folder)
        if beside is not None:
            return Sent(**beside)
        ours = {path: record for path, record in self.waiting().items() if record.tracking_uri == self._target}
        return self.deliver(ours, progress)

    def deliver(self, waiting: Mapping[Path, Record], progress: Progress | None = None) -> Sent:
        """Send these of the records that wait, wherever they were to go."""
        with locked(self.folder), quiet_mlflow():
            from experiments.tracking.sender import Sender, failures

            runs: dict[str, str] = {}
            experiments: dict[str, str] = {}
            try:
                uri = self.tracking_uri or open_store(self.folder)
                reach(uri)
                sender = Sender(uri, self.folder, own=not self.tracking_uri)
                experiments = sender.experiments
                left = dict(waiting)
                with self._forgetting(bundle=sender.own) as sent:
                    while left:
                        self._send_one(next(iter(left)), left, runs, sent, sender)
                        if progress is not None:
                            progress(1 - len(left) / len(waiting))
                    if sender.own and experiments:
                        sender.end_stale()
            except failures() as error:
                return self._failed(error, runs, experiments, waiting)
        return Sent(self._target or uri, runs, experiments)

    @contextmanager
    def _forgetting(self, *, bundle: bool) -> Iterator[list[Path]]:
        """Yield a list of what was sent: it leaves the outbox once it is on the disk, however sending ends."""
        sent: list[Path] = []
        broken: BaseException | None = None
        with bundled(self.folder) if bundle else nullcontext():
            try:
                yield sent
            except BaseException as error:
                broken = error
        for path in sent:
            path.unlink(missing_ok=True)
        if broken is not None:
            raise broken

    def _send_one(
        self, path: Path, left: dict[Path, Record], runs: dict[str, str], sent: list[Path], sender: Sender
    ) -> None:
        """Send a record, and the one that it belongs to before."""
        head = left.pop(path)
        for other in [each for each, record in left.items() if record.key == head.parent]:
            self._send_one(other, left, runs, sent, sender)
        parent = runs.get(head.parent)
        if head.parent and parent is None:
            found = sender.find(sender.experiment(head.experiment), head.parent)
            parent = None if found is None else str(found.info.run_id)
            if parent is not None:
                runs[head.parent] = parent
        if not path.exists():  # another process sent it while we waited for the lock
            found = sender.find(sender.experiment(head.experiment), head.key)
            if found is not None:
                runs[head.key] = str(found.info.run_id)
            return
        record = Record.load(path)
        runs[head.key] = sender.send(record, parent)
        sent.append(path)

    def _failed(
        self, error: Exception, runs: dict[str, str], experiments: Mapping[str, str], waiting: Iterable[Path]
    ) -> Sent:
        """Return what was sent before something failed; raise where it was our own store."""
        count, why = sum(path.exists() for path in waiting), without_password(_briefly(error), self.tracking_uri)
        if not self.tracking_uri:
            raise FolderError(
                f"{database_of(self.folder)}: cannot be used as a store of runs ({why}); move it away or choose "
                f"another folder; {_runs(count)} in {self._place} until `tenure sync` sends them"
            ) from error
        return Sent(self._target, runs, experiments, count, f"{self._target} does not take runs ({why})")


def sync(folder: str | Path = ".", tracking_uri: str = "", *, progress: Progress | None = None) -> tuple[Sent, ...]:
    """Send what waits in a folder, each to where it was to go, or all of it to ``tracking_uri``; it can be repeated.

    Returns
    -------
    tuple of Sent
        One for each place; none where nothing waited.

    Raises
    ------
    FolderError
        If there is no such folder, or its own store cannot be used.
    InputError
        If what waits goes to a database with a password, which is not kept.

    Examples
    --------
    >>> tenure.sync()  # nothing waits
    ()
    """
    folder = Path(folder).resolve()
    if not folder.is_dir():
        raise FolderError(f"{folder}: is not a folder; name the one where runs wait with `folder=`")
    waiting = Outbox(folder).waiting()
    if tracking_uri:
        return (Outbox(folder, tracking_uri).deliver(waiting, progress),) if waiting else ()
    places = dict.fromkeys(record.tracking_uri for record in waiting.values())
    hidden = next((place for place in places if "***" in place), None)
    if hidden is not None:
        raise InputError(f"runs wait for {hidden}, whose password is not kept; give the address with `tracking_uri=`")
    return tuple(Outbox(folder, place).send(progress) for place in places)


def _briefly(error: Exception) -> str:
    """Return why something failed; of a server that nobody answers at, that, and not how often it was asked."""
    said = first_line(error)
    refused = REFUSED.search(said)
    return f"nobody answers there: {refused[0].lower()}" if refused else said


def _runs(count: int) -> str:
    return "1 run waits" if count == 1 else f"{count:,} runs wait"


def waiting_in_words(sent: Sent, folder: str | Path) -> str:
    """Return what a user should know of runs that wait; nothing where none does."""
    if not sent.waiting:
        return ""
    return f"{sent.why}; {_runs(sent.waiting)} in {folder} until `tenure sync` sends them"

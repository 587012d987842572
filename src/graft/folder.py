"""A run's folder: what lies where, who may write to it, and what it says.

run.json  splits.json  recipe.toml  epochs.jsonl  checkpoints/  model/  evaluation.json  predictions.csv  report.html
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from graft.errors import RunError, refusal
from graft.files import (
    digest_file,
    flush_directory,
    flush_tree,
    is_intact,
    read_record,
    sweep,
    system_error,
    write_record,
    write_text,
)
from graft.records import DataSummary, Epoch, Evaluation, Manifest, Ranking, Said

LOCK = ".lock"
_AGAIN = "restore it from a backup, or run again into a new folder."
OLD_MODEL = ".model.old"  # while a new one takes its place


class RunFolder:
    """The files of one run."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.manifest_file = self.path / "run.json"
        self.model = self.path / "model"
        self.checkpoints = self.path / "checkpoints"
        self.report = self.path / "report.html"
        self.predictions = self.path / "predictions.csv"
        self._evaluation = self.path / "evaluation.json"
        self._epochs = self.path / "epochs.jsonl"
        self._ranking = self.path / "ranking.json"
        self._splits, self.recipe = self.path / "splits.json", self.path / "recipe.toml"
        records = self.manifest_file, self._ranking, self._splits, self.recipe, self._epochs, self._evaluation
        self._written = [path.name for path in (*records, self.predictions, self.report, self.model)]

    @property
    def exists(self) -> bool:
        return self.manifest_file.exists()

    def refuse_taken(self) -> None:
        """Raises RunError where a run lies here already, or files of something else."""
        if self.exists:
            raise RunError(
                f"{self.path} already holds a run.", "go on with it by --resume, or choose another folder with --out."
            )
        self.refuse_strangers()

    def refuse_strangers(self) -> None:
        """A new run wants a folder of its own. Raises RunError where other files lie in it, or it can be no folder."""
        there = next(place for place in (self.path, *self.path.absolute().parents) if place.exists())
        if not there.is_dir():
            raise RunError(f"{there} is a file, not a folder for a run.", "name another folder with --out.")
        own = (LOCK, *(f".{name}." for name in self._written))  # the lock, and what a killed writer left
        names = [entry.name for entry in self.path.iterdir()] if self.path.is_dir() else []
        found = sorted(name for name in names if not name.startswith(own))
        if {self._splits.name, self._epochs.name} & set(found):
            raise RunError(
                f"{self.manifest_file} is missing, though the folder holds files of a run ({', '.join(found[:3])}).",
                "restore it from a backup, or name another folder with --out.",
            )
        if found:
            raise RunError(
                f"{self.path} holds files that are not a run's ({', '.join(found[:3])}).",
                "name another folder with --out.",
            )

    def manifest(self) -> Manifest:
        """Raises RunError when this is no run folder or its manifest is damaged."""
        if self.path.is_file():
            beside = RunFolder(self.path.parent)
            remedy = f"did you mean {beside.path}?" if beside.exists else "name the folder that `graft run` made."
            raise RunError(f"{self.path} is a file, not the folder of a run.", remedy)
        return read_record(self.manifest_file, Manifest)

    def write_manifest(self, manifest: Manifest) -> None:
        write_record(self.manifest_file, manifest)

    def write_splits(self, data: DataSummary) -> None:
        """Once: what the run learnt from does not change, and its digest is sealed."""
        if not self._splits.exists():
            write_record(self._splits, data)

    def evaluation(self) -> Evaluation | None:
        """None before the first one. Raises RunError when it is damaged, or gone."""
        try:
            if self._evaluation.exists() or (self.exists and self.manifest().outcome.evaluations):
                return read_record(self._evaluation, Evaluation)
        except RunError as error:
            raise RunError(error.found, f"graft evaluate {self.path} makes it again.") from None
        return None

    def ranking(self) -> Ranking | None:
        """The comparison that came before the run; None where there was none."""
        return read_record(self._ranking, Ranking) if self._ranking.exists() else None

    def write_ranking(self, ranking: Ranking) -> None:
        write_record(self._ranking, ranking)

    def write_evaluation(self, evaluation: Evaluation) -> None:
        write_record(self._evaluation, evaluation)

    def epochs(self, manifest: Manifest) -> tuple[Epoch, ...]:
        """The epochs so far. Raises RunError naming a damaged line, or the file where it is not as it was written."""
        if self._epochs in self.changed(manifest):
            raise RunError(f"{self._epochs} is missing or was changed since it was written.", _AGAIN)
        if not self._epochs.exists():
            return ()
        found = []
        for number, line in enumerate(self._epochs.read_bytes().splitlines(), 1):
            try:
                found.append(msgspec.json.decode(line, type=Epoch))
            except msgspec.DecodeError as error:
                raise RunError(f"{self._epochs}:{number} is damaged: {error}.", "restore it from a backup.") from None
        return tuple(found)

    def write_epochs(self, epochs: Sequence[Epoch]) -> None:
        write_text(self._epochs, "".join(msgspec.json.encode(epoch).decode() + "\n" for epoch in epochs))

    def digests(self, *paths: Path) -> dict[str, str]:
        """The sha256 of files of this folder, by name; what is not there is left out."""
        return {path.name: digest_file(path) for path in paths if path.is_file()}

    def of_fit(self) -> dict[str, str]:
        """The digests of what a finished fit leaves as it is, beside `model/`."""
        return self.digests(self._splits, self.recipe, self._epochs)

    def changed(self, manifest: Manifest) -> tuple[Path, ...]:
        """The files that are missing or not as this run wrote them. Those of `model/` are checked on loading."""
        files = manifest.outcome.files.items()
        return tuple(self.path / name for name, digest in files if not is_intact(self.path / name, digest))

    def notices(self, manifest: Manifest) -> Iterator[Said]:
        """A sentence for each such file: nothing that a verb needs is read from them but the epochs, which refuse."""
        for path in self.changed(manifest):
            yield Said(f"{path} is missing or was changed since it was written.")

    def write_recipe(self, toml: str) -> None:
        write_text(self.recipe, toml)

    @contextlib.contextmanager
    def model_written_whole(self) -> Iterator[Path]:
        """Yield an empty folder that becomes `model/` on success. Raises OSError that names `model/`."""
        temporary = None
        try:
            temporary = Path(tempfile.mkdtemp(dir=self.path, prefix=".model."))
            yield temporary
            flush_tree(temporary)
            os.chmod(temporary, 0o755)
            old = self.path / OLD_MODEL
            shutil.rmtree(old, ignore_errors=True)
            if self.model.exists():
                os.replace(self.model, old)
            os.replace(temporary, self.model)
            flush_directory(self.path)
            shutil.rmtree(old, ignore_errors=True)
        except Exception as error:
            refused = system_error(error)
            if refused is None:
                raise
            raise OSError(refused.errno, refused.strerror, str(self.model)) from None
        finally:
            if temporary is not None:
                shutil.rmtree(temporary, ignore_errors=True)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for writing; the lock goes with the process, however it ends.

        Where no run was written meanwhile, nothing is left: neither the lock's file nor folders that were made for it.
        Raises RunError when another process holds it.
        """
        made = [place for place in (self.path, *self.path.parents) if not place.exists()]
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path / LOCK, os.O_CREAT | os.O_RDWR, 0o644)
        except OSError as error:
            raise RunError(
                f"{self.path} cannot be written: {refusal(error)[0]}.", "choose another folder with --out."
            ) from None
        try:
            _take(handle, self.path)
            self._mend()
            try:
                yield
            finally:
                self._tidy(made)
        finally:
            os.close(handle)

    def _mend(self) -> None:
        """Undo what a killed process left half done: files under way go, a model under exchange comes back."""
        old = self.path / OLD_MODEL
        if old.is_dir() and not self.model.exists():
            os.replace(old, self.model)
        sweep(self.path, self._written)
        if self.checkpoints.is_dir():
            sweep(self.checkpoints, ("*.json", "*.safetensors"))

    def _tidy(self, made: Sequence[Path]) -> None:
        if self.exists:
            return
        with contextlib.suppress(OSError):  # Windows removes no open file; then the folder stays
            (self.path / LOCK).unlink()
            for place in made:
                place.rmdir()


def _take(handle: int, path: Path) -> None:
    try:
        import fcntl
    except ImportError:  # Windows: runs there are not guarded against each other
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        is_there = os.path.samestat(os.fstat(handle), os.stat(path / LOCK))  # no failed start has just removed it
    except OSError:
        is_there = False
    if not is_there:
        raise RunError(
            f"{path} is in use by another graft process.", "wait for it, or choose another folder with --out."
        ) from None


@contextlib.contextmanager
def fresh_folder(name: str, root: Path = Path("runs")) -> Iterator[Path]:
    """Make a folder under `root` that was not there yet: name, name-2, name-3, …; it goes again where nothing was
    written into it. Raises RunError where no folder can be made."""
    safe = "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in name).strip(".-") or "run"
    had_root = root.exists()
    path, number = root / safe, 1
    while True:
        try:
            if not root.is_dir():
                root.mkdir(parents=True)
        except OSError as error:
            raise RunError(
                f"{root} cannot be made: {refusal(error)[0]}.", "choose another folder with --out."
            ) from None
        try:
            path.mkdir()
            break
        except FileExistsError:
            number += 1
            path = root / f"{safe}-{number}"
        except OSError as error:
            remedy = "choose another folder with --out."
            raise RunError(f"{path} cannot be written: {refusal(error)[0]}.", remedy) from None
    try:
        yield path
    finally:
        with contextlib.suppress(OSError):  # it is not empty
            path.rmdir()
            if not had_root:
                root.rmdir()

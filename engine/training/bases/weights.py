"""Weights: what of a model's folder may be loaded. Safetensors and plain data, never code. Loads nothing itself.

A pickle runs whatever its maker wrote into it as soon as it is opened, and so does a model that brings Python of its
own; so neither is opened here. Archives are unpacked file by file, counted while they are written.
"""

import hashlib
import json
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, Any

from engine.problems import Problem

PICKLED = {".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib", ".dill", ".h5", ".keras", ".npy", ".npz"}
CODE = {".py", ".pyc", ".so", ".dll", ".dylib", ".sh"}
CONFIGS = ("config.json", "tokenizer_config.json", "processor_config.json", "preprocessor_config.json")
LONGEST_HEADER = 100_000_000  # bytes; safetensors itself allows no longer one
MOST_FILES, MOST_BYTES, MOST_RATIO = 2_000, 1_000_000_000_000, 100  # of an archive; weights hardly compress
SLICES, SLICE = 256, 65_536  # how much of a file its fingerprint reads: all of a small one, 16 MB of a large one


def check(folder: Path) -> None:
    """Problem unless all in a model's or adapter's folder can be read without running any of it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in files:
        _plain(path, folder)
    for name in CONFIGS:
        _no_code(folder / name)
    for path in files:
        if path.name.endswith(".index.json"):
            _index(path)
        elif path.suffix == ".safetensors":
            _header(path)
    if not any(path.suffix == ".safetensors" for path in files):
        raise Problem(
            f"{folder} holds no weights that can be read.",
            "Weights are read as safetensors only.",
            "Give a folder with model.safetensors or adapter_model.safetensors.",
        )


def check_base(base: str) -> None:
    """`check` for a base by folder; a hub id is held to the same by whoever loads it, with use_safetensors."""
    if Path(base).is_dir():
        check(Path(base))


def size(folder: Path) -> int:
    """Bytes of all its files."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def fingerprint(folder: Path) -> str:
    """16 hex digits that tell the weights of one base from those of another of the same shape.

    Every byte of a small file, slices from all over a large one: training moves every tensor, so that is enough to
    notice a mistake, and a base of 50 GB is known in a second. It is no proof against somebody who forges.
    """
    total = hashlib.sha256()
    for path in sorted(folder.glob("*.safetensors")):
        total.update(f"{path.stat().st_size};".encode())
        with path.open("rb") as file:
            for piece in _slices(file, path.stat().st_size):
                total.update(piece)
    return total.hexdigest()[:16]


def unpack(archive: Path, into: Path) -> Path:
    """The files of a zip or tar in the new folder `into`, checked. Problem, and no folder, for anything unfit."""
    if into.exists():
        raise Problem(f"There is something at {into} already.", do="Choose a folder that does not exist yet.")
    draft = into.with_name(f".{into.name}.unpacking")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as found:
                _write(_zipped(found), draft, archive)
        elif tarfile.is_tarfile(archive):
            with tarfile.open(archive) as found_tar:
                _write(_tarred(found_tar), draft, archive)
        else:
            raise Problem(f"{archive.name} is no archive.", do="Give a .zip, .tar or .tar.gz, or the folder itself.")
        inner = [path for path in draft.iterdir() if not path.name.startswith(".")]
        check(draft)
        (inner[0] if len(inner) == 1 and inner[0].is_dir() else draft).rename(into)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return into


def _plain(path: Path, folder: Path) -> None:
    """Problem when a file is a pickle or code."""
    name = path.relative_to(folder)
    if path.suffix.lower() in PICKLED:
        raise Problem(
            f"{name} is a pickled file.",
            "Opening one runs whatever its maker put into it. Weights are read as safetensors only.",
            "Save the model as safetensors (save_pretrained does), or delete the file if the others suffice.",
        )
    if path.suffix.lower() in CODE:
        raise Problem(
            f"{name} is code that comes with the model.",
            "Code from outside is never run here.",
            "Choose a model whose architecture transformers knows by itself, or delete the file if it is not needed.",
        )


def _no_code(path: Path) -> None:
    """Problem when a configuration asks for Python of the model's own."""
    if path.is_file() and "auto_map" in _json(path):
        raise Problem(
            f"{path.name} wants to run code of its own (auto_map, trust_remote_code).",
            "Code from outside is never run here.",
            "Choose a model whose architecture transformers knows by itself.",
        )


def _index(path: Path) -> None:
    """Problem when an index names files elsewhere, or such as are not there."""
    named = _json(path).get("weight_map", {})
    if not isinstance(named, dict) or not all(isinstance(name, str) for name in named.values()):
        raise Problem(f"{path.name} is no index of weights.", "Its weight_map must name a file for each tensor.")
    for name in sorted(set(named.values())):
        if PurePosixPath(name).name != name or PureWindowsPath(name).name != name or name in ("", ".", ".."):
            raise Problem(
                f"{path.name} points outside of its folder, at {name}.",
                "Weights are read from the model's own folder only.",
                "Choose a model from a source that you trust.",
            )
        if not name.endswith(".safetensors"):
            raise Problem(f"{path.name} names {name}.", "Weights are read as safetensors only.")
        if not (path.parent / name).is_file():
            raise Problem(f"{path.name} names {name}, which is not there.", do="Fetch the model again.")


def _header(path: Path) -> None:
    """Problem when a file is called safetensors and is none."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        start = file.read(1)
    size = path.stat().st_size
    if not (2 <= length <= min(LONGEST_HEADER, size - 8) and start == b"{"):
        raise Problem(
            f"{path.name} is called safetensors and is none.",
            "Its header is broken.",
            "Fetch it again; a file that was only renamed is not opened.",
        )


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise Problem(f"{path.name} is not JSON.", f"The reader says: {error}.") from error
    return found if isinstance(found, dict) else {}


def _slices(file: IO[bytes], size: int) -> Iterator[bytes]:
    if size <= SLICES * SLICE:
        yield file.read()
        return
    for n in range(SLICES):
        file.seek(n * (size - SLICE) // (SLICES - 1))
        yield file.read(SLICE)


def _zipped(found: zipfile.ZipFile) -> Iterator[tuple[str, int, IO[bytes]]]:
    for entry in found.infolist():
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise _unfit(entry.filename, "is a link")
        if not entry.is_dir():
            with found.open(entry) as file:
                yield entry.filename, max(1, entry.compress_size), file


def _tarred(found: tarfile.TarFile) -> Iterator[tuple[str, int, IO[bytes]]]:
    for entry in found:
        if not (entry.isfile() or entry.isdir()):
            raise _unfit(entry.name, "is a link or a device")
        file = found.extractfile(entry)
        if entry.isfile() and file is not None:
            yield entry.name, 0, file  # how small it was packed is known for the whole only


def _write(entries: Iterable[tuple[str, int, IO[bytes]]], draft: Path, archive: Path) -> None:
    """Write the files, counting what really comes out: what an archive says of itself may be a lie."""
    packed, total = archive.stat().st_size, 0
    for number, (name, size, file) in enumerate(entries, 1):
        place = draft / _inside(name)
        if number > MOST_FILES:
            raise Problem(f"{archive.name} holds more than {MOST_FILES:,} files.", "A model has fewer.")
        place.parent.mkdir(parents=True, exist_ok=True)
        written = 0
        with place.open("xb") as out:
            while piece := file.read(1 << 20):
                written, total = written + len(piece), total + len(piece)
                if (written > MOST_RATIO * max(size, 1 << 16) and size) or total > MOST_RATIO * max(packed, 1 << 16):
                    raise Problem(
                        f"{archive.name} unpacks to more than {MOST_RATIO} times its size.",
                        "Weights hardly compress, so this is a bomb or a mistake.",
                        "Give the folder itself.",
                    )
                if total > MOST_BYTES:
                    raise Problem(f"{archive.name} holds more than {MOST_BYTES / 1e12:g} TB.")
                out.write(piece)


def _inside(name: str) -> PurePosixPath:
    """The name of an entry, if it stays in the folder it is unpacked to."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or PureWindowsPath(name).drive:
        raise _unfit(name, "would be written outside of its folder")
    return path


def _unfit(name: str, why: str) -> Problem:
    return Problem(f"The archive's entry {name} {why}.", do="Choose an archive from a source that you trust.")

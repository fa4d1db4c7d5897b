"""What may be loaded: malicious and broken models are refused with a sentence, and nothing of them runs."""

import io
import json
import os
import pickle
import tarfile
import zipfile
from pathlib import Path

import pytest

from engine.problems import Problem
from engine.training.after import merge
from engine.training.bases import weights
from studio.building import bases
from tests import adapters, tiny


class Trap:
    """Creates a file as soon as it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> Path:
    return tiny.base(tmp_path_factory.mktemp("sound"))


@pytest.fixture
def copy(sound, tmp_path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    for path in sound.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def zipped(path: Path, entries: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def test_a_sound_model_passes_and_so_does_its_archive(sound, tmp_path):
    weights.check(sound)
    whole = {f"kettle/{path.name}": path.read_bytes() for path in sound.iterdir()}
    found = weights.unpack(zipped(tmp_path / "kettle.zip", whole), tmp_path / "kettle")
    assert sorted(path.name for path in found.iterdir()) == sorted(path.name for path in sound.iterdir())
    assert weights.fingerprint(found) == weights.fingerprint(sound)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "last.ckpt", "deep/inside/weights.PKL"])
def test_pickled_weights_are_refused_and_never_opened(copy, tmp_path, name):
    mark = tmp_path / "the trap went off"
    place = copy / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(pickle.dumps(Trap(mark)))
    (copy / "model.safetensors").unlink()
    for load in (weights.check, lambda folder: merge.load_base(str(folder))):
        with pytest.raises(Problem, match="pickled") as refused:
            load(copy)
        assert "safetensors" in str(refused.value)
    assert not mark.exists()
    pickle.loads(place.read_bytes())  # it is a real one
    assert mark.exists()


def test_a_pickle_that_is_called_safetensors_is_refused(copy, tmp_path):
    (copy / "model.safetensors").write_bytes(pickle.dumps(Trap(tmp_path / "mark")))
    with pytest.raises(Problem, match="is called safetensors and is none"):
        weights.check(copy)
    assert not (tmp_path / "mark").exists()


def test_an_adapter_that_is_pickled_is_refused_by_whoever_would_serve_it(sound, tmp_path):
    base = merge.load_base(str(sound))
    folder = adapters.adapter(sound, tmp_path / "adapter")
    (folder / "adapter_model.safetensors").rename(folder / "adapter_model.bin")
    (folder / "adapter_model.bin").write_bytes(pickle.dumps(Trap(tmp_path / "mark")))
    with pytest.raises(Problem, match="pickled"):
        merge.with_adapter(base, folder)
    assert not (tmp_path / "mark").exists()


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json"])
def test_a_model_that_brings_code_is_refused(copy, name):
    config = json.loads((copy / name).read_text())
    (copy / name).write_text(json.dumps({**config, "auto_map": {"AutoModelForCausalLM": "evil.Model"}}))
    with pytest.raises(Problem, match="wants to run code of its own"):
        weights.check(copy)


def test_code_beside_the_weights_is_refused_by_name(copy):
    (copy / "modeling_kettle.py").write_text("raise SystemExit")
    with pytest.raises(Problem, match="is code that comes with"):
        weights.check(copy)


@pytest.mark.parametrize("name", ["/etc/passwd", "../../secret.safetensors", "sub/x.safetensors", "C:\\x.safetensors"])
def test_an_index_that_points_elsewhere_is_refused(copy, name):
    (copy / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"embed": name}}))
    with pytest.raises(Problem, match="points outside of its folder"):
        weights.check(copy)


def test_an_index_that_names_a_missing_or_pickled_file_is_refused(copy):
    index = copy / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"embed": "model-2.safetensors"}}))
    with pytest.raises(Problem, match="which is not there"):
        weights.check(copy)
    index.write_text(json.dumps({"weight_map": {"embed": "model.data"}}))
    with pytest.raises(Problem, match="safetensors only"):
        weights.check(copy)


@pytest.mark.parametrize("name", ["../outside.json", "/tmp/outside.json", "a\\..\\..\\outside.json"])
def test_an_archive_writes_nothing_outside_of_its_folder(tmp_path, name):
    archive = zipped(tmp_path / "evil.zip", {name: b"{}"})
    with pytest.raises(Problem, match="outside of its folder"):
        weights.unpack(archive, tmp_path / "in" / "model")
    assert [path.name for path in tmp_path.rglob("*outside*")] == []
    assert list((tmp_path / "in").iterdir()) == []


@pytest.mark.parametrize("form", ["zip", "tar.gz"])
def test_a_bomb_is_put_out_while_it_unpacks(tmp_path, form):
    zeros = bytes(64 * 1024 * 1024)
    archive = tmp_path / f"bomb.{form}"
    if form == "zip":
        zipped(archive, {"model.safetensors": zeros})
    else:
        with tarfile.open(archive, "w:gz") as out:
            entry = tarfile.TarInfo("model.safetensors")
            entry.size = len(zeros)
            out.addfile(entry, io.BytesIO(zeros))
    with pytest.raises(Problem, match="times its size"):
        weights.unpack(archive, tmp_path / "in" / "model")
    assert list((tmp_path / "in").iterdir()) == []


def test_an_archive_with_a_link_is_refused(tmp_path):
    with tarfile.open(tmp_path / "link.tar", "w") as out:
        entry = tarfile.TarInfo("model.safetensors")
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
        out.addfile(entry)
    with pytest.raises(Problem, match="link or a device"):
        weights.unpack(tmp_path / "link.tar", tmp_path / "model")


def test_a_base_that_is_brought_in_as_an_archive_is_unpacked_into_the_home(sound, store, tmp_path):
    whole = {f"kettle/{path.name}": path.read_bytes() for path in sound.iterdir()}
    added = bases.register(store, "kettle", str(zipped(tmp_path / "kettle.zip", whole)), "ada")
    assert Path(added.path).is_relative_to(store.home.root)
    assert weights.fingerprint(Path(added.path)) == weights.fingerprint(sound)
    with pytest.raises(Problem, match="outside of its folder"):
        bases.register(store, "evil", str(zipped(tmp_path / "evil.zip", {"../x.json": b"{}"})), "ada")


def test_what_is_no_archive_is_said_to_be_none(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(Problem, match="no archive"):
        weights.unpack(tmp_path / "notes.txt", tmp_path / "model")


def test_an_adapter_is_refused_by_another_base_of_the_same_shape(sound, tmp_path):
    other = tiny.base(tmp_path / "other", seed=1)
    folder = adapters.adapter(sound, tmp_path / "adapter")
    merge.sign(folder, str(sound))
    merge.with_adapter(merge.load_base(str(sound)), folder)
    with pytest.raises(Problem, match="made for another base than other"):
        merge.with_adapter(merge.load_base(str(other)), folder)
    (folder / merge.ORIGIN).unlink()  # then its configuration names the folder of its base
    with pytest.raises(Problem, match="made for another base than other"):
        merge.with_adapter(merge.load_base(str(other)), folder)

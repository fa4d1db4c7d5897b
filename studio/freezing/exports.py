"""Exports: a snapshot, or a dataset's approved examples, as a folder that others can read, with a data card.

Before anything leaves, `announce` says in one sentence what leaves, where to, and what personal data was found in it;
`write` refuses whoever has not heard that. A folder is there whole or not at all, and every export leaves an Event.
"""

import shutil
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from engine.checking import check
from engine.data import outgoing, utterances
from engine.data.columns import REJECTED
from engine.problems import Problem
from studio.data import datasets
from studio.freezing import cards, leaks, snapshots, splits
from studio.freezing.cards import Card
from studio.freezing.contents import Contents
from studio.freezing.snapshots import Snapshot
from studio.quality import privacy, pseudonyms
from studio.quality.privacy import Content, Verdict
from studio.store import Store

PAIRS = "pairs"
FORMS = {
    "mistral": "JSONL for Mistral",
    PAIRS: "better and worse answers for TRL",
    "huggingface": "a Hugging Face dataset",
    "csv": "CSV for spreadsheets",
}
LINES = {"mistral": outgoing.mistral, PAIRS: outgoing.pair}
LIVE = "approved"  # the one split of a dataset that leaves as it stands


@dataclass(frozen=True)
class Cargo:
    """What leaves: a snapshot, or what is approved of a dataset now (then `snapshot` is None)."""

    dataset: str
    snapshot: Snapshot | None
    counts: dict[str, int]  # of each split that holds any
    paired: bool = False  # only the examples that know a worse answer

    @property
    def name(self) -> str:
        return self.snapshot.name if self.snapshot else self.dataset

    @property
    def n(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True)
class Leaving:
    """What somebody must have read before it leaves."""

    cargo: Cargo
    form: str
    to: str
    found: Verdict  # in what is said
    labelled: Verdict  # in tags and groups, where the form carries them
    hidden: bool = False  # stand-ins take the place of personal data

    @property
    def sentence(self) -> str:
        sides = ", ".join(f"{n:,} {split}" for split, n in self.cargo.counts.items())
        what = f"{self.cargo.n:,} example{'s' * (self.cargo.n != 1)} of {self.cargo.name} ({sides})"
        if self.cargo.paired:
            what += ", those that know a worse answer,"
        return f"{what} will leave for {self.to} as {FORMS[self.form]}, with a data card. {self.privacy}"

    @property
    def privacy(self) -> str:
        """What was found, and what becomes of it."""
        words = str(self.found)
        if self.labelled.n:
            words += f" In tags and groups: {privacy.said(self.labelled.kinds)}."
        if self.hidden and (self.found.n or self.labelled.n):
            words += " Stand-ins take its place in the files; the key to them stays here."
            if self.open:
                words += f" Not replaced: {privacy.said(self.open)}."
        return words

    @property
    def open(self) -> dict[str, int]:
        """What leaves as it was found: kind -> how many."""
        kinds = Counter(self.found.kinds) + Counter(self.labelled.kinds)
        return {kind: n for kind, n in kinds.items() if not (self.hidden and kind in pseudonyms.KINDS)}


def cargo(store: Store, what: str) -> Cargo:
    """A snapshot by its id or the beginning of it, or the approved examples of a dataset by its name."""
    if what in datasets.names(store):
        return living(store, what)
    return frozen(store, what)


def frozen(store: Store, id: str) -> Cargo:
    """A snapshot as cargo."""
    found = snapshots.named(store, id)
    counts = {"train": found.train, "validation": found.validation, "test": found.test}
    return Cargo(found.dataset, found, {split: n for split, n in counts.items() if n})


def living(store: Store, dataset: str) -> Cargo:
    """The approved examples of a dataset as they stand. Problem when there is none."""
    n = datasets.get(store, dataset).approved
    if not n:
        raise Problem(f"{dataset} has no approved example.", do="Approve some; drafts do not leave.")
    return Cargo(dataset, None, {LIVE: n})


def paired(store: Store, cargo: Cargo) -> Cargo:
    """Of the same those that know a worse answer. Problem when none does."""
    only = replace(cargo, paired=True)
    counts = {split: sum(1 for _ in _peek(store, only, split)) for split in cargo.counts}
    if not any(counts.values()):
        raise Problem(
            f"{cargo.name} has no worse answers.",
            "Each line of this form holds two answers to one question.",
            "Choose another form, or learn from the arena's verdicts first.",
        )
    return replace(only, counts={split: n for split, n in counts.items() if n})


def announce(
    store: Store,
    cargo: Cargo,
    form: str,
    to: str,
    *,
    hidden: bool = False,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Leaving:
    """What leaves, where to, and what personal data is in it: this scans what was not scanned before.

    `hidden` puts stand-ins in the place of personal data. Nobody is shown an example.
    """
    if form not in FORMS:
        raise Problem(f"There is no form {form!r}.", do=f"Choose one of {', '.join(FORMS)}.")
    cargo = paired(store, cargo) if form == PAIRS else cargo
    found = privacy.check(store, _held(store, cargo), progress=progress)
    labels: set[str] = set()
    if form not in ("mistral", PAIRS):
        for split in cargo.counts:
            for row in _peek(store, cargo, split):
                labels.update(row["tags"], [row["group"]] if row["group"] else [])
    return Leaving(cargo, form, to, found, privacy.check_texts(store, sorted(labels)), hidden)


def _held(store: Store, cargo: Cargo) -> Iterable[Content]:
    if cargo.snapshot and not cargo.paired:
        return Contents(store, cargo.snapshot.id)
    return [privacy.of_row(row) for split in cargo.counts for row in _peek(store, cargo, split)]


def write(
    store: Store, leaving: Leaving, folder: Path, by: str, *, licence: str = "", accepted: bool = False
) -> dict[str, int]:
    """Write what was announced to a folder that is not there yet; split -> how many.

    `accepted` says that whoever asks has read the sentence; without it personal data, or data that nobody looked at,
    does not leave.
    """
    if not accepted and (leaving.open or not leaving.found.complete):
        raise Problem("Nothing has left yet.", leaving.privacy, "Read that, and confirm, if it may leave.")
    folder = folder.expanduser().absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Problem(f"{folder} is there already.", "An export overwrites nothing.", "Name a folder that is not.")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise Problem(
            f"{folder} cannot be made.", f"{error.strerror}.", "Choose a folder that you may write."
        ) from error
    try:
        counts = _fill(store, leaving, draft, by, licence)
        draft.chmod(0o755)
        with store.write(
            by,
            "dataset.export",
            leaving.cargo.name,
            form=leaving.form,
            to=leaving.to,
            n=sum(counts.values()),
            personal=sum(leaving.open.values()),
            hidden=leaving.hidden,
            snapshot=leaving.cargo.snapshot.id if leaving.cargo.snapshot else "",
        ):
            draft.replace(folder)  # renamed into place last: a folder that can be seen is whole
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return counts


def packed(store: Store, leaving: Leaving, by: str, *, licence: str = "", accepted: bool = False) -> bytes:
    """The same folder as a ZIP file, to be downloaded."""
    with tempfile.TemporaryDirectory() as spool:
        folder = Path(spool) / "export"
        write(store, leaving, folder, by, licence=licence, accepted=accepted)
        file = Path(spool) / "export.zip"
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(path for path in folder.rglob("*") if path.is_file()):
                archive.write(path, path.relative_to(folder))
        return file.read_bytes()


def _fill(store: Store, leaving: Leaving, folder: Path, by: str, licence: str) -> dict[str, int]:
    cargo, left_out = leaving.cargo, Counter[str]()
    why = f"export of {cargo.n:,} examples to {leaving.to}"
    files: dict[str, str] = {}
    if leaving.form == "csv":
        rows = ((split, row) for split in cargo.counts for row in _read(store, leaving, split, by, why))
        counts = outgoing.table(rows, folder / "examples.csv")
    else:
        counts = Counter[str]()
        for split in cargo.counts:
            if leaving.form in LINES:
                path = folder / f"{split}.jsonl"
                held = _read(store, leaving, split, by, why)
                counts[split] = outgoing.jsonl(held, path, left_out, LINES[leaving.form])
                if leaving.form == "mistral":
                    _check(path, split)
            else:
                files[split] = f"data/{split}-00000-of-00001.parquet"
                (folder / "data").mkdir(exist_ok=True)
                columns = outgoing.schema(outgoing.kinds(_peek(store, cargo, split)))
                counts[split] = outgoing.parquet(_read(store, leaving, split, by, why), folder / files[split], columns)
    notes = [f"{name}: left out of {n:,}" for name, n in left_out.most_common()]
    if cargo.paired:
        notes += ["Only examples that know a worse answer are here: prompt, chosen and rejected, as TRL reads them."]
    if leaving.form == "csv":
        notes = ["A cell that a spreadsheet could run as a formula has an apostrophe in front."]
    card = Card(
        cargo.name,
        cargo.snapshot.id if cargo.snapshot else "",
        by,
        dict(counts),
        _facts(store, cargo),
        said(cargo.snapshot.how) if cargo.snapshot else "They have no split.",
        licence.strip(),
        leaving.privacy,
        notes,
    )
    (folder / "README.md").write_text(cards.text(card, files), encoding="utf-8")
    return dict(counts)


def _check(path: Path, split: str) -> None:
    """Refuse to hand out what Mistral would refuse."""
    report = check.check(path, workers=1)
    if report.rejected:
        first = report.problems[0]
        raise Problem(
            f"{report.rejected:,} of {report.rows:,} {split} examples are not what Mistral accepts.",
            f"The first: {first.message}",
            "Mend them in the studio, freeze again, and take that out.",
        )


def said(plan: splits.Plan) -> str:
    """A plan in words."""
    shares = f"{plan.test:.0%} for the test and {plan.validation:.0%} to validate"
    words = {
        splits.RANDOM: f"Chosen by hash, {shares}",
        splits.STRATIFIED: f"Held even by {plan.by}, {shares}",
        splits.GROUPED: f"What is of one {plan.by.rstrip(':')} stays together, {shares}",
        splits.TIME: f"By time: the test is from {plan.test_from} on",
    }[plan.kind]
    if plan.kind == splits.TIME and plan.validation_from:
        words += f", validation from {plan.validation_from} on"
    if plan.look_alikes:
        words += "; near-duplicates stay together"
    if plan.exclude:
        words += f"; {len(plan.exclude):,} examples were taken out of training"
    return f"{words}. Sides that sources brought along, or that an earlier freeze gave, were kept."


def _facts(store: Store, cargo: Cargo) -> cards.Facts:
    ids, texts = [], []
    for split in cargo.counts:
        for row in _peek(store, cargo, split):
            ids.append(row["id"])
            texts.append(_text(row))
    return cards.facts(store, cargo.dataset, leaks.entries(store, cargo.dataset, ids), texts)


def _text(row: dict[str, Any]) -> str:
    return "\n".join(outgoing.said(message) for message in row["messages"] if message["role"] != "system")


def _peek(store: Store, cargo: Cargo, split: str) -> Iterator[dict[str, Any]]:
    """Rows for counting and scanning; nobody is shown one."""
    rows = snapshots.each(store, cargo.snapshot.id, split) if cargo.snapshot else _approved(store, cargo.dataset)
    yield from (row for row in rows if not cargo.paired or row.get(REJECTED))


def _read(store: Store, leaving: Leaving, split: str, by: str, why: str) -> Iterator[dict[str, Any]]:
    """Rows that leave; those of a test set leave a trace."""
    cargo = leaving.cargo
    rows = _peek(store, cargo, split)
    if cargo.snapshot and split == "test":
        seen = snapshots.look(store, cargo.snapshot.id, split, by, why, "export")
        rows = (row for row in seen if not cargo.paired or row.get(REJECTED))
    return _with_stand_ins(store, cargo.dataset, rows) if leaving.hidden else rows


def _with_stand_ins(store: Store, dataset: str, rows: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The same rows, personal data replaced in all that is said and in tags and groups."""
    while batch := list(islice(rows, outgoing.BATCH)):
        said = [[row["messages"], row.get("tools"), row["tags"], row["group"], row.get(REJECTED)] for row in batch]
        texts = list(dict.fromkeys(utterances.texts(said)))
        hidden = dict(zip(texts, pseudonyms.hide(store, dataset, texts), strict=True))
        for row, parts in zip(batch, said, strict=True):
            messages, tools, tags, group, worse = utterances.rewritten(parts, hidden.__getitem__)
            held = {"tools": tools, REJECTED: worse}
            known = {name: value for name, value in held.items() if value}
            yield {**row, "messages": messages, "tags": tags, "group": group, **known}


def _approved(store: Store, dataset: str) -> Iterator[dict[str, Any]]:
    with store.read() as cursor:
        cursor.execute(
            """
            select id, messages, tools, tags, grouped_by, worse
            from example
            where dataset = ? and latest and status = 'approved'
            order by place
            """,
            [dataset],
        )
        while rows := cursor.fetchmany(outgoing.BATCH):
            yield from (snapshots.line(*row) for row in rows)

"""Splits: which example learns, which tunes, which tests. Pure; what was decided once is handed in and never moves.

Examples that belong together (a group, a customer, a document, look-alikes) form a unit, and a unit goes to one side.
Only units of which nothing has a side yet are placed by the plan. When two units that stand on different sides turn
out to be one, nothing moves: the unit is `torn`, its new members follow its majority, and the freeze says so.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from engine import hashes
from engine.data.conversations import SPLITS
from engine.problems import Problem
from engine.scoring.clustered import Clusters

RANDOM, STRATIFIED, GROUPED, TIME = "random", "stratified", "grouped", "time"
KINDS = (RANDOM, STRATIFIED, GROUPED, TIME)
TEST, VALIDATION = 0.15, 0.10  # shares; the rest is for training
ANSWER, GROUP, SOURCE, TEMPLATE = "answer", "group", "source", "template"  # what `by` can name beside a prefix of tags


@dataclass(frozen=True)
class Plan:
    """How examples without a side get one.

    `by` is, when stratified, the answer (of label-like data) or a prefix of tags such as `topic:`; when grouped, group,
    source, template (prompts alike but for facts), or a prefix such as `customer:`; for time, a prefix whose tag is a
    date, '' for when it was written.
    `exclude` names entries that neither train nor validate; a test item stays, since a locked set does not change.
    """

    kind: str = RANDOM
    test: float = TEST
    validation: float = VALIDATION
    by: str = ""
    validation_from: str = ""  # ISO dates of a split by time: from here on
    test_from: str = ""
    look_alikes: bool = False  # near-duplicates count as one unit
    exclude: tuple[str, ...] = ()

    @property
    def prefix(self) -> str:
        """Of the tags that name what stays together, such as `customer:`; '' where none do."""
        return self.by if self.kind == GROUPED and self.by not in (GROUP, SOURCE, TEMPLATE) else ""

    def kin(self, tags: Iterable[str], group: str) -> str:
        """What an example belongs to, so that chance draws all of that together: the tag that names what stays
        together, else its group; '' for one that stands alone."""
        return next((tag for tag in tags if self.prefix and tag.startswith(self.prefix)), group)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise Problem(f"There is no plan {self.kind!r}.", do=f"Choose one of {', '.join(KINDS)}.")
        if self.kind == STRATIFIED and not self.by:
            raise Problem("The plan does not say what to hold even.", do="Name the answer, or a prefix of tags.")
        if self.kind == GROUPED and not self.by:
            raise Problem(
                "The plan does not say what stays together.", do="Name group, source, template, or a prefix of tags."
            )
        if self.kind == TIME and not self.test_from:
            raise Problem("A split by time has no date.", do="Say from which day on an example is for the test.")
        if self.kind == TIME and self.validation_from > self.test_from:
            raise Problem(
                f"Validation would begin on {self.validation_from}, after the test on {self.test_from}.",
                do="Let it begin earlier; the test is the newest.",
            )
        if min(self.test, self.validation) < 0 or self.test + self.validation >= 1:
            raise Problem(
                f"{self.test:.0%} for the test and {self.validation:.0%} for validation leave nothing to learn from.",
                do="Choose smaller shares.",
            )


@dataclass(frozen=True)
class Member:
    """An example as a split sees it."""

    entry: str
    labels: tuple[str, ...] = ()  # what it shares with those that go where it goes, as "group:a", "customer:7"
    settled: str = ""  # the side that its source gave it
    placed: str = ""  # the side that an earlier freeze gave it
    stratum: str = ""
    when: str = ""  # ISO
    kin: str = ""  # what it belongs to, as its plan tells it


@dataclass(frozen=True)
class Decision:
    sides: dict[str, str]  # entry -> side, without those that are excluded
    fresh: dict[str, str]  # key -> side, decided here for the first time; a key is an entry or a label
    torn: list[tuple[str, ...]]  # entries that belong together and stand on different sides
    excluded: tuple[str, ...]  # entries left out although they are approved
    strata: dict[str, dict[str, int]] = field(default_factory=dict)  # stratum -> side -> how many
    belong: dict[str, str] = field(default_factory=dict)  # entry -> what it belongs to

    def count(self, side: str) -> int:
        return sum(found == side for found in self.sides.values())

    def kin(self, side: str) -> Clusters:
        """What those of a side belong to."""
        return Clusters(tuple(self.belong.get(entry, "") for entry, found in self.sides.items() if found == side))


def side(key: str, test: float = TEST, validation: float = VALIDATION) -> str:
    """The side that the hash of a key falls to."""
    share = hashes.share(key)
    return "test" if share < test else "validation" if share < test + validation else "train"


def decide(
    members: Sequence[Member],
    plan: Plan,
    known: Mapping[str, str] | None = None,
    alike: Iterable[tuple[int, int]] = (),
) -> Decision:
    """A side for every member. `known` are labels that have one; `alike` joins members by their positions."""
    known = known or {}
    sides: dict[str, str] = {}
    fresh: dict[str, str] = {}
    torn: list[tuple[str, ...]] = []
    open_units: list[list[Member]] = []
    for unit in units(members, alike):
        own = {member.entry: member.placed or member.settled for member in unit if member.placed or member.settled}
        votes = own.values() or [known[label] for label in _labels(unit) if label in known]
        if not votes:
            open_units.append(unit)
            continue
        follow = _majority(votes)
        for member in unit:
            sides[member.entry] = own.get(member.entry, follow)
        fresh.update({label: follow for label in _labels(unit) if label not in known})
        if len({sides[member.entry] for member in unit}) > 1:
            torn.append(tuple(member.entry for member in unit))
    for unit, where in _placed_by_plan(open_units, plan, members, sides):
        sides.update({member.entry: where for member in unit})
        fresh.update({label: where for label in _labels(unit)})
    fresh.update({member.entry: sides[member.entry] for member in members if not member.placed})
    excluded = {entry for entry in plan.exclude if sides.get(entry, "test") != "test"}
    strata: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(SPLITS, 0))
    for member in members:
        if member.entry not in excluded:
            strata[member.stratum][sides[member.entry]] += 1
    return Decision(
        {member.entry: sides[member.entry] for member in members if member.entry not in excluded},
        fresh,
        torn,
        tuple(sorted(excluded)),
        dict(sorted(strata.items())),
        {member.entry: member.kin for member in members},
    )


def units(members: Sequence[Member], alike: Iterable[tuple[int, int]] = ()) -> list[list[Member]]:
    """Members that share a label, or are alike, directly or through others; in the order of their first."""
    parent = list(range(len(members)))

    def root(number: int) -> int:
        while parent[number] != number:
            parent[number] = parent[parent[number]]
            number = parent[number]
        return number

    seen: dict[str, int] = {}
    for number, member in enumerate(members):
        for label in member.labels:
            _join(parent, root(number), root(seen.setdefault(label, number)))
    for first, second in alike:
        _join(parent, root(first), root(second))
    found: dict[int, list[Member]] = {}
    for number, member in enumerate(members):
        found.setdefault(root(number), []).append(member)
    return list(found.values())


def _join(parent: list[int], first: int, second: int) -> None:
    parent[max(first, second)] = min(first, second)


def _labels(unit: Sequence[Member]) -> list[str]:
    return sorted({label for member in unit for label in member.labels})


def _majority(votes: Iterable[str]) -> str:
    """The side most stand on; among equals the first of train, validation, test."""
    counted = Counter(votes)
    return max(SPLITS, key=lambda split: (counted[split], -SPLITS.index(split)))


def _key(unit: Sequence[Member]) -> str:
    """What the side of a unit follows from: its first label without its kind, else its first entry."""
    labels = _labels(unit)
    return labels[0].split(":", 1)[1] if labels else min(member.entry for member in unit)


def _placed_by_plan(
    open_units: list[list[Member]], plan: Plan, members: Sequence[Member], sides: Mapping[str, str]
) -> list[tuple[list[Member], str]]:
    if plan.kind == RANDOM:
        return [(unit, side(_key(unit), plan.test, plan.validation)) for unit in open_units]
    if plan.kind == TIME:
        return [(unit, _by_time(max(member.when for member in unit), plan)) for unit in open_units]
    return _balanced(open_units, plan, members, sides)


def _by_time(when: str, plan: Plan) -> str:
    if when >= plan.test_from:
        return "test"
    return "validation" if plan.validation_from and when >= plan.validation_from else "train"


def _balanced(
    open_units: list[list[Member]], plan: Plan, members: Sequence[Member], sides: Mapping[str, str]
) -> list[tuple[list[Member], str]]:
    """Every unit to the side that lacks most of what it holds, the large ones first, the others in hash order."""
    sizes = Counter(member.stratum for member in members)
    lacking = {
        (stratum, split): n
        for stratum, row in targets(sizes, plan).items()
        for split, n in zip(SPLITS, row, strict=True)
    }
    for member in members:
        if member.entry in sides:
            lacking[member.stratum, sides[member.entry]] -= 1
    found = []
    for unit in sorted(open_units, key=lambda unit: (-len(unit), hashes.share(_key(unit)))):
        held = Counter(member.stratum for member in unit)
        scores = {split: sum(n * lacking[stratum, split] for stratum, n in held.items()) for split in SPLITS}
        where = max(SPLITS, key=lambda split: scores[split])
        for stratum, n in held.items():
            lacking[stratum, where] -= n
        found.append((unit, where))
    return found


def targets(sizes: Mapping[str, int], plan: Plan) -> dict[str, list[int]]:
    """How many of each stratum shall stand on each side, in the order of SPLITS.

    Each figure is within one of its share, and so, as far as that allows, are the totals: the parts that rounding down
    leaves over go where the fraction is largest while the side still lacks some (controlled rounding, Cox 1987, done
    greedily).
    """
    shares = (1 - plan.test - plan.validation, plan.validation, plan.test)
    found = {stratum: [int(n * share + 1e-9) for share in shares] for stratum, n in sizes.items()}
    left = {stratum: n - sum(found[stratum]) for stratum, n in sizes.items()}
    total = sum(sizes.values())
    short = [round(total * share) - sum(row[k] for row in found.values()) for k, share in enumerate(shares)]
    cells = sorted(
        ((n * shares[k]) % 1, hashes.share(f"{stratum}/{k}"), stratum, k)
        for stratum, n in sizes.items()
        for k in (0, 1, 2)
    )
    for wanted in (True, False):  # then whatever is still left over, to the largest fraction
        for _, _, stratum, k in reversed(cells):
            if left[stratum] and (short[k] > 0 or not wanted):
                found[stratum][k] += 1
                left[stratum] -= 1
                short[k] -= 1
    return found

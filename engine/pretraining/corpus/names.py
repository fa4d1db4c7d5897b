"""Names: people, companies, products and plans that exist nowhere, made of syllables so that none can be memorised."""

from random import Random

from engine.pretraining.corpus import words

_ONSETS = "b br c ch cl d dr f fl fr g gl gr h j k kl kr l m n p pl pr qu r s sh sk sl sn st t th tr v w y z".split()
_VOWELS = "a a e e i i o o u ai ea ee ia io oa ou y".split()
_CODAS = ["", "", "", "", "l", "n", "r", "s", "x", "m", "k", "ck", "nd", "rt", "ll", "sk", "th", "nt"]
_WORDS = (
    "amber anchor apple arrow autumn beacon birch bloom blue brook cedar clay clear coast comet copper coral "
    "crest crow dale dawn deep drift dune dusk eagle east echo elm falcon field fire flint forest fox frost glen "
    "gold granite grove harbour hawk hazel heath hill hollow iron island ivory jade lake lark leaf lily lunar "
    "marsh mint mist moon north oak ocean olive orchard palm pine plum quartz rain reed ridge river rock rose "
    "sable sage sand sea shadow silver sky slate snow solar south spark spring spruce star stone storm summit sun "
    "swan swift thorn thunder timber topaz vale valley velvet violet wave west wheat wind winter wolf wood yard "
    "zephyr"
).split()
_FIRST = (
    "Anna Ben Carla David Elena Farid Greta Hugo Ines Jonas Karin Leo Maria Nadia Omar Paula Quentin Rosa Samir Tara "
    "Ulrich Vera Walter Xenia Yusuf Zoe Amir Bianca Chen Dora Emil Fatima Georg Helen Ivan Julia Kofi Lena Marek Nora"
).split()
_GADGETS = (
    "kettle|lamp|speaker|vacuum|thermostat|doorbell|camera|humidifier|air purifier|toaster|blender|coffee machine|"
    "scale|router|fan|heater|dehumidifier|plug|sensor|lock|mower|oven|fridge|dishwasher|washing machine|alarm clock|"
    "radiator valve|light strip|charger|headphones|watch|tablet|projector|soundbar|bike|drill|tent|backpack|chair|"
    "desk|mattress|bottle|robot|hub|remote|monitor|printer|keyboard|grinder|iron|hair dryer|toothbrush|smoke detector|"
    "weather station|baby monitor|pet feeder|sprinkler|bulb|mirror|shelf|pillow|blanket|mixer|juicer|grill|freezer|"
    "steamer|switch|bridge|tracker|scooter|helmet|torch|stove|mug|clock|radio|pan|knife set|curtain motor|gate"
).split("|")
_EDITIONS = "Mini Max Pro Plus Lite Air Go Duo Neo One Two S X Prime Home Compact Classic Studio".split()
_PLANS = "Plus Care Basic Premium Family Club Pro Complete Light Start Total Protect Home Gold Flex Comfort".split()
_POOL = sorted(
    {
        word.lower()
        for group in vars(words).values()
        if isinstance(group, tuple)
        for text in group
        for word in text.split()
        if word.isalpha() and len(word) > 3
    }
    | {*_WORDS, *_FIRST}
    | set(
        "letter copper butter pepper kitten hedge saddle ripple thistle bottle middle whistle summit happy offer "
        "thinking running making better under never little apple simple table quick brown jumps puzzle jacket "
        "wizard frozen window yellow rabbit tunnel coffee cheese needle double bubble supper ladder barrel".split()
    )
)
_FORMS = ["", "", "", " GmbH", " Ltd", " Home", " Labs", " & Co", " Store"]


def syllables(random: Random, least: int = 2, most: int = 3) -> str:
    """A pronounceable word that means nothing, in lower case: of syllables, or of the halves of two real words."""
    if most > 1 and random.random() < 0.45:
        first, last = random.choice(_POOL), random.choice(_POOL)
        return first[: random.randint(2, max(2, len(first) - 1))] + last[-random.randint(2, 4) :]
    count = random.randint(least, most)
    parts = [random.choice(_ONSETS) + random.choice(_VOWELS) for _ in range(count)]
    return "".join(parts) + random.choice(_CODAS)


def brand(random: Random) -> str:
    kind = random.random()
    if kind < 0.62:
        return syllables(random, 1 if kind < 0.1 else 2, 3).capitalize()
    if kind < 0.85:
        return (random.choice(_WORDS) + random.choice([random.choice(_WORDS), syllables(random, 1, 1)])).capitalize()
    return random.choice(_WORDS).capitalize() + random.choice(["", "", f" {random.choice(_WORDS).capitalize()}"])


def gadget(random: Random) -> str:
    return random.choice(_GADGETS)


def product(random: Random, name: str = "") -> str:
    """A product's name: its brand (or `name`), then what it is or which edition, mostly both."""
    name = name or brand(random)
    kind = random.random()
    if kind < 0.68:
        return f"{name} {gadget(random)}"
    if kind < 0.82:
        return f"{name} {random.choice(_EDITIONS)}"
    if kind < 0.92:
        return f"{name} {random.choice(_EDITIONS)} {gadget(random)}"
    return f"{name} {random.choice(['', 'S', 'X', 'T'])}{random.randint(1, 990)}"


def plan(random: Random, name: str = "") -> str:
    name = name or brand(random)
    return random.choice([f"{name} {random.choice(_PLANS)}", f"{name} {random.choice(_PLANS)}", f"the {name} plan"])


def company(random: Random) -> str:
    return brand(random) + random.choice(_FORMS)


def person(random: Random) -> str:
    first = random.choice(_FIRST) if random.random() < 0.6 else syllables(random).capitalize()
    return f"{first} {syllables(random).capitalize()}"


def first_name(random: Random) -> str:
    return random.choice(_FIRST) if random.random() < 0.6 else syllables(random, 1, 2).capitalize()

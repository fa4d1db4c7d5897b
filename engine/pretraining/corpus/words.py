"""Words: the plain lists from which values are drawn."""

NUMBERS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
MONTHS = tuple("January February March April May June July August September October November December".split())
DAYS = tuple("Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split())
MAILBOXES = tuple("help service support hello orders returns contact care desk info".split())
PLACES = tuple(
    "Portugal|Denmark|Poland|Austria|Canada|Japan|Norway|Italy|Spain|Greece|Ireland|Finland|Sweden|Belgium|Slovenia|"
    "Estonia|Latvia|Hungary|Croatia|Malta|Iceland|Vietnam|Mexico|Chile|Kenya|Morocco|Turkey|India|Korea|Taiwan|Lisbon|"
    "Porto|Vienna|Graz|Oslo|Bergen|Turin|Milan|Ghent|Antwerp|Lyon|Nantes|Leeds|York|Bristol|Cork|Dublin|Hamburg|Bremen|"
    "Leipzig|Dresden|Krakow|Gdansk|Prague|Brno|Zurich|Basel|Malmo|Aarhus|Tampere|Riga|Split|Seville|Valencia".split("|")
)
SHADES = tuple("dark light pale matte deep bright warm soft".split())
COLOURS = tuple(
    "black|white|grey|red|blue|green|yellow|orange|purple|pink|brown|beige|cream|silver|gold|copper|bronze|sand|navy|"
    "turquoise|olive|mint|coral|ivory|charcoal|graphite|plum|rust|amber|sky blue|sea green|moss green|lavender|"
    "burgundy|mustard|teal|slate|stone grey|anthracite|apricot".split("|")
)
TREATMENTS = tuple("brushed recycled solid woven polished painted hardened natural".split())
MATERIALS = tuple(
    "steel|aluminium|oak|bamboo|glass|plastic|copper|brass|ceramic|leather|cotton|wool|felt|cork|rubber|silicone|birch|"
    "walnut|stainless steel|nylon|linen|porcelain|concrete|stone|paper|carbon fibre|ash wood|beech|iron|titanium".split(
        "|"
    )
)
PARTS = tuple(
    "water tank|filter|brush|battery|lid|door|motor|fan|power button|reset button|sensor|pump|valve|cable|display|"
    "drip tray|dust bin|wheel|lamp|charger|plug|handle|seal|blade|antenna|memory card|cartridge|hose|nozzle|belt|"
    "main switch|cover|red button|round key|touch pad|dial|back plate|stand|hinge|drum|spring|side brush|power cord|"
    "pairing button|wifi key|bin|grid|heating plate|basket|tray|socket|clock|timer|dock|base|mode button".split("|")
)
STATES = tuple(
    "is empty|is full|is blocked|is open|is missing|is too hot|is worn out|is dirty|is loose|is not closed|is jammed|"
    "is disconnected|must be cleaned|must be replaced|has overheated|is frozen|is wet|"
    "has lost contact|is low|is locked|"
    "is not seated properly|does not turn|needs descaling|is stuck|is out of place|is overloaded|is offline".split("|")
)
HANDLINGS = tuple(
    "press|hold|turn|open|close|remove|clean|rinse|unplug|lift|slide|tap|push|pull|check|replace|dry|switch off|"
    "switch on|empty|fill|wipe|charge|loosen|tighten|attach|keep pressing|take out".split("|")
)
MENUS = tuple(
    "Settings|Devices|Account|Privacy|Lights|Timer|Schedule|Sound|Display|Alarms|Network|Profile|Security|Modes|Rooms|"
    "Notifications|Advanced|General|Energy|Updates|History|Members|Comfort|Cleaning|Language|Help|System|Tools".split(
        "|"
    )
)
ITEMS = tuple(
    "charging cable|manual|filter|remote|travel case|wall mount|screw|adapter|brush|lid|battery|cleaning cloth|stand|"
    "quick guide|measuring spoon|cable|cover|ear tip|bag|hose|nozzle|sticker|strap|key|memory card|glass|tray".split(
        "|"
    )
)
INTERVALS = (
    "once a week", "once a month", "twice a year", "every day", "once a year", "after every use", "twice a week",
    "every Sunday", "every other week", "each quarter", "three times a year", "every spring", "at the end of a month",
)  # fmt: skip
BATTERIES = tuple("AA batteries|AAA batteries|button cells|C batteries|lithium cells|D batteries".split("|"))
EFFECTS = tuple(
    "start the night mode|pause the programme|skip to the next track|lock the keys|dim the light|open the lid|"
    "switch to manual|mute the sound|start a quick clean|save the current setting|show the temperature|send it home|"
    "change the colour|set the timer|empty the bin|turn the display off|call for help|take a picture|raise the volume|"
    "lower the volume|start a backup|wake it up|ring the phone|heat for one more minute|add an extra rinse|"
    "check the battery|go back one step|switch the language|put it to sleep|turn on the fan|play the radio".split("|")
)
WARNINGS = tuple(
    "immerse|cover|open|paint|put in the dishwasher|leave in the sun|use outdoors|connect to an extension cord|"
    "clean with alcohol|carry by the cable|fill above the line|use without the filter|store in the cold|move while on|"
    "let children play with|use near water|place on a carpet|charge below zero|lift by the lid|drop".split("|")
)
BENEFITS = tuple(
    "free repairs|priority support|free delivery|an extra year of warranty|a spare filter every spring|cloud backups|"
    "early access to new products|a yearly inspection|free returns|"
    "a replacement device during repairs|a personal adviser|"
    "video recordings|energy reports|theft protection|accident cover|a monthly report|a second battery|remote help|"
    "gift wrapping|a night hotline|battery replacement|weather alerts|holiday mode|shared access".split("|")
)
SPOTS = tuple(
    "on a flat surface|at least one metre from the wall|away from the heater|in a dry place|next to the router|"
    "at eye level|in the shade|upright|under the sink|above the door|out of reach of children|near a window|"
    "on the ground floor|in its case|in the centre of the room|beside the bed|on a shelf|two metres above the floor|"
    "in a cool cellar|between five and thirty degrees|facing the garden|in the hall|behind the sofa".split("|")
)
CONNECTORS = tuple(
    "Bluetooth|USB-C|wifi|an Ethernet cable|a round plug|Zigbee|a micro USB port|a magnetic charger|infrared|radio|"
    "an HDMI port|a headphone jack|NFC|Thread|a serial port|a 2.4 GHz network|a 5 GHz network".split("|")
)
SYSTEMS = tuple(
    "Android|iPhones|Windows|Linux|Mac computers|most smart speakers|older phones|tablets|"
    "any web browser|Matter devices|"
    "the wall switch|Android 12 and newer|voice assistants|all our hubs|smart TVs|the remote".split("|")
)
GROUPS = (
    "children from {n} years", "adults only", "children above {n}", "people over {n}", "dogs over {n} kg", "beginners",
    "the whole family", "children between {n} and 17", "cats and small dogs", "trained staff", "schools", "babies",
)  # fmt: skip
PAYMENTS = tuple(
    "credit card|debit card|bank transfer|invoice|cash|direct debit|gift card|instalments|cheque|mobile payment".split(
        "|"
    )
)
THINGS = tuple(
    "users|devices|rooms|programmes|recipes|alarms|cameras|people|presets|languages|profiles|speeds|modes|lights|"
    "schedules|levels|family members|cups|stations|sensors|buttons|channels|locations|fingerprints|cards".split("|")
)
GOODS = tuple(
    "lamp|kettle|speaker|vase|mirror|cable|chair|table|jacket|filter|screen|camera|bottle|plate|charger|case|bag|book|"
    "cup|clock|fan|shoe|toy|shelf|carpet|lid|remote|helmet|pan|desk|stand|adapter|manual|battery".split("|")
)
SETTINGS = tuple(
    "night mode|volume|timer|brightness|language|temperature unit|child lock|wifi password|schedule|alarm tone|"
    "eco mode|motion zone|clock|holiday mode|room plan|sensitivity|auto lock|guest access|notifications".split("|")
)
SIGNALS = tuple(
    "red|green|blue|white|orange|steady red|slow blue|flashing yellow|flashing red|purple|"
    "pulsing white|blinking green".split("|")
)
BUTTONS = tuple("left|right|round|upper|lower|blue|side|middle|top|star|moon|plus|back|power|mode|start".split("|"))
ASPECTS = tuple(
    "handle|lid|strap|screen size|grip|tilt angle|stand|blade|drum|mesh|cover|voltage|pressure|"
    "flow rate|humidity range|"
    "frequency|resolution|thickness|serial number|lock|hinge|coating|lens|viewing angle|memory|contract|deposit|"
    "insurance|membership|bonus|model year|test mark|pattern|finish|logo|tray|base|pump rate|pollen rating|grind size|"
    "slot width|bar|refill|starter kit|inner pot|outer shell|class|index|password|room number|aisle|badge|motto".split(
        "|"
    )
)
SUBSTANCES = tuple(
    "lemon|vinegar|warm water|soap|salt|sugar|rice|fish|meat|bread|vegetables|juice|wax|oil|sand|wool|paper towels|"
    "chalk|baking powder|distilled water|car seats|carpets|curtains|bottles|plants|flowers|birds|windows|letters|"
    "sunlight|heat|steam|wind|rain|moss|honey|ice|air|dust|ash|clay|seeds|roots|leather shoes|winter boots|"
    "soft cheese|nuts|cotton cloth".split("|")
)

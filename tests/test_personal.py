"""What counts as personal, secret or toxic, and what only looks like it."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import personal as measured
from engine.privacy import personal, secrets, toxic
from studio.folders import CODE

MARKED = CODE.parent / "shared" / "data" / "presidio" / "synth_dataset_v2.json"


def kinds(text: str, scan=personal.scan) -> dict[str, str]:
    return {found.kind: found.text for found in scan(text)}


HOLDS = [
    ("email", "Write to jo.doe+cups@acme.co.uk, please.", "jo.doe+cups@acme.co.uk"),
    ("phone", "Call me at +49 (0)30 901820 after ten.", "+49 (0)30 901820"),
    ("phone", "Sie erreichen mich unter 030/1234567 am Abend.", "030/1234567"),
    ("phone", "My cell: 415-555-2671 x12", "415-555-2671 x12"),
    ("iban", "Refund to DE89 3704 0044 0532 0130 00 by Friday", "DE89 3704 0044 0532 0130 00"),
    ("iban", "refund to gb82west12345698765432", "gb82west12345698765432"),
    ("card", "4111 1111 1111 1111 was charged twice", "4111 1111 1111 1111"),
    ("ssn", "Her SSN is 536-90-4399.", "536-90-4399"),
    ("url", "It is on https://cups.acme.org/a?b=1.", "https://cups.acme.org/a?b=1"),
    ("url", "Look at acme.com/help", "acme.com/help"),
    ("ip", "blocked 203.99.113.7 again", "203.99.113.7"),
    ("ip", "from 2003:db8:0:1:1:1:1:1 again", "2003:db8:0:1:1:1:1:1"),
    ("wallet", "send it to 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"),
    ("national id", "codice fiscale RSSMRA85T10A562S", "RSSMRA85T10A562S"),
    ("name", "Sehr geehrte Frau Yıldız, danke.", "Yıldız"),
    ("name", "My name is Ann O'Neill and I am late.", "Ann O'Neill"),
    ("address", "We live at 12 Old Mill Road, Apt. 4", "12 Old Mill Road, Apt. 4"),
    ("address", "Lieferung in die Lindenstraße 12a bitte", "Lindenstraße 12a"),
]


@pytest.mark.parametrize(("kind", "text", "found"), HOLDS)
def test_personal_data_is_found_with_both_its_ends(kind, text, found):
    assert kinds(text) == {kind: found}
    (only,) = personal.scan(text)
    assert text[only.start : only.end] == found and 0 < only.score <= 1


HOLDS_NOTHING = [
    "Your order 2024-000123-77 left on 2024-05-12 12:30:45.",
    "Invoice number 4155552671 is paid.",
    "It weighs 1 234 567 grams and costs 12.50.",
    "4111 1111 1111 1112 is no card: its check digit is wrong.",
    "DE89 3704 0044 0532 0130 01 is no IBAN either.",
    "Thanks.It works, e.g. with report.py, i.e. well.so what",
    "Version 3.11.7 at 12:30:45",
    "Dear customer, dear Team, hello there!",
    "999.300.1.2",
    "Write to ann@example.org or call +1 202-555-0123; see www.example.com and 192.0.2.7",
    "",
]


@pytest.mark.parametrize("text", HOLDS_NOTHING)
def test_what_only_looks_like_it_is_left_alone(text):
    assert personal.scan(text) == []


def test_of_two_that_overlap_the_longer_stays():
    assert kinds("http://10.0.0.1/a?b=ann@acme.org") == {"url": "http://10.0.0.1/a?b=ann@acme.org"}
    assert kinds("ann@acme.org") == {"email": "ann@acme.org"}


def test_what_is_found_stays_out_of_logs_and_tracebacks():
    (found,) = personal.scan("ann@acme.org")
    assert "ann" not in repr(found)


def test_counts_are_said_in_words():
    said = personal.kinds_said({"iban": 1, "email": 1200, "ip": 2, "address": 3})
    assert said == "1,200 e-mail addresses, 3 street addresses, 2 IP addresses, 1 IBAN"


def test_many_texts_are_scanned_one_by_one_and_progress_is_told():
    told = []
    found = list(personal.scan_many(["ann@acme.org", "", "nothing"], lambda *at: told.append(at)))
    assert [len(each) for each in found] == [1, 0, 0]
    assert told == [(3, 3)]


def test_scanning_loads_no_torch_and_asks_no_network():
    program = (
        "import socket, sys\n"
        "def refuse(*_, **__): raise AssertionError('it asked the network')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "from engine.privacy import personal\n"
        "assert 'presidio_analyzer' not in sys.modules and 'spacy' not in sys.modules\n"
        "print(len(personal.scan('ann@acme.org, www.acme.co.uk, +49 30 901820')))\n"
        "print(sorted({'torch', 'transformers'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=CODE)
    assert done.stdout.splitlines() == ["3", "[]"], done.stderr
    assert socket.socket.connect is not None


@pytest.mark.skipif(not MARKED.exists(), reason="the marked texts of presidio-research are not on this machine")
def test_what_has_a_shape_is_found_nine_times_of_ten_and_found_rightly():
    rows = json.loads(Path(MARKED).read_text())
    for row in rows:
        row["found"] = personal.scan(row["full_text"])
    for kind in ("email", "phone", "iban", "card", "url", "ip", "ssn"):
        seen = measured.compare(rows, kind)
        assert seen.marked >= 14, kind
        assert seen.right / seen.found >= 0.9 and seen.covered / seen.marked >= 0.9, (kind, seen)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("password", "password: Hunter2!x"),
        ("password", "Dein Passwort ist Sommer2024!"),
        ("password", "PIN: 4821"),
        ("token", "api_key = 'a8F3kd93jfKDl29fjsLw'"),
        ("token", "use AKIAIOSFODNN7EXAMPLE for it"),
        ("token", "Authorization: Bearer abcDEF1234567890ghij"),
        ("token", "ghp_" + "a1B2" * 9),
        ("connection", "postgres://bob:s3cr3t@db.acme.com/x"),
        ("private key", "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----"),
    ],
)
def test_secrets_are_found(kind, text):
    assert list(kinds(text, secrets.scan)) == [kind]


@pytest.mark.parametrize(
    "text",
    [
        "password: at least 12 characters, one of them a digit",
        "Your password is incorrect.",
        "Passwort: ********",
        "api_key = <your key>",
        "api_key = os.environ['KEY']",
        "The secret is patience",
        "https://user:password@host/ shows the form",
        "sk-learn-is-a-library-of-many-words",
        "A token is about four letters; PIN is required",
        "git commit 3f786850e387550fdab836ed7e6dc881de23001b",
    ],
)
def test_what_speaks_about_secrets_is_none(text):
    assert secrets.scan(text) == []


def test_a_word_of_the_list_is_found_and_within_another_word_it_is_not():
    assert [(one.kind, one.text) for one in toxic.scan("You IDIOT. So ein Trottel!")] == [
        ("insult", "IDIOT"),
        ("insult", "Trottel"),
    ]
    assert [one.kind for one in toxic.scan("I will kill you")] == ["threat"]
    assert toxic.scan("The class in Scunthorpe needs a skill; therapist, Essex, shell") == []

"""Columns: what a column of a table can be for an example, and which names people give it. Pure."""

import unicodedata

USER, ASSISTANT, SYSTEM, CONVERSATION = "user", "assistant", "system", "conversation"
LABEL, TAGS, GROUP, SPLIT, SOURCE = "label", "tags", "group", "split", "source"
WEIGHT, REJECTED, TOOLS, LEFT_OUT = "weight", "rejected", "tools", ""

FIELDS = {  # what a column can be, in words
    USER: "what the user says",
    ASSISTANT: "the answer",
    LABEL: "the answer, a label",
    SYSTEM: "the system prompt",
    CONVERSATION: "a whole conversation",
    TOOLS: "the tools",
    TAGS: "tags",
    GROUP: "the group it belongs to",
    SPLIT: "train, validation or test",
    SOURCE: "where it is from",
    WEIGHT: "whether the answer is learned (1 or 0)",
    REJECTED: "a worse answer",
    LEFT_OUT: "left out",
}
SEVERAL = (USER, TAGS, SOURCE, GROUP, LEFT_OUT)  # fields that several columns may have

# English, German, French, Spanish, Italian, Portuguese, Dutch; without spaces, signs and accents
NAMES = {
    CONVERSATION: "messages conversation conversations dialog dialogue dialogs chat turns transcript request "
    "requestbody unterhaltung gesprach conversacion conversazione conversa gesprek chatlog history",
    USER: "user usermessage message prompt question query utterance input instruction request ask customer human "
    "customermessage inquiry enquiry problem task rough original before sentence utterances q "
    "nutzer benutzer frage nachricht anfrage eingabe kunde kundennachricht anweisung "
    "utilisateur demande consigne entree pregunta mensaje entrada usuario consulta instruccion "
    "domanda messaggio richiesta utente istruzione pergunta mensagem usuario instrucao "
    "vraag bericht gebruiker invoer opdracht quest context passage",
    ASSISTANT: "assistant assistantmessage answer output completion response reply chosen target expected ideal gold "
    "preferredoutput preferred onbrand rewritten rewrite after corrected final better bot model responsebody choices a "
    "antwort ausgabe entgegnung reponse sortie respuesta salida risposta uscita resposta saida antwoord uitvoer",
    LABEL: "label intent class category categorie kategorie klasse etikett etiquette etiqueta categoria clase classe "
    "etichetta klas sentiment",
    REJECTED: "rejected nonpreferredoutput nonpreferred worse bad rejectedanswer dispreferred abgelehnt rejete "
    "rechazada rifiutata",
    SYSTEM: "system systemprompt systemmessage developer persona systemanweisung promptsysteme sistema",
    TOOLS: "tools functions werkzeuge outils herramientas strumenti",
    TAGS: "tags tag topic topics keyword keywords schlagwort schlagworte thema themen theme themes mots tema temas "
    "etiquetas argomento onderwerp",
    GROUP: "group groupid customerid conversationid threadid thread ticketid document documentid docid template "
    "templateid session sessionid gruppe groupe grupo gruppo groep userid clientid kundennummer",
    SPLIT: "split set fold partition subset datasetsplit partofthefile aufteilung",
    SOURCE: "source origin url link reference quelle herkunft origine fuente fonte bron",
    WEIGHT: "weight gewicht poids peso",
    LEFT_OUT: "id uuid index no nr number row model usage created createdat timestamp date time object finishreason "
    "systemfingerprint customid statuscode error paralleltoolcalls temperature topp maxtokens stream seed user_agent "
    "latency cost score rating",
}
KNOWN = {name: field for field, names in NAMES.items() for name in names.split()}
SPLITS = {
    "train": "train training trn learn ubung entrainement entrenamiento",
    "validation": "validation valid val dev development eval tuning validierung validacion",
    "test": "test testing tst heldout holdout",
}
SPLIT_OF = {name: split for split, names in SPLITS.items() for name in names.split()}


def plain(name: str) -> str:
    """A name without case, accents, spaces and signs."""
    letters = unicodedata.normalize("NFKD", name).casefold()
    return "".join(sign for sign in letters if sign.isalnum())


def field(name: str) -> str | None:
    """The field that a column's name means, '' for one to leave out, None when it means nothing here."""
    return KNOWN.get(plain(name))


def split(value: object) -> str | None:
    """train, validation or test, as a value says it (`oos_val` says validation); '' for nothing, None for anything
    else."""
    words = "".join(sign if sign.isalpha() else " " for sign in unicodedata.normalize("NFKD", str(value or "")))
    found = {SPLIT_OF[word] for word in words.casefold().split() if word in SPLIT_OF}
    if not words.strip() and not str(value or "").strip():
        return ""
    return found.pop() if len(found) == 1 else None


def split_tags(value: object) -> list[str]:
    """The tags in a cell: a list, or words parted by commas, semicolons or bars."""
    values = value if isinstance(value, list) else _parted(str(value))
    return [tag for one in values if (tag := str(one).strip())]


def _parted(text: str) -> list[str]:
    sign = next((sign for sign in (";", "|", ",") if sign in text), "\n")
    return text.split(sign)

"""Deeds: the events of the record in plain words. Pure."""

from studio.audit import Event
from studio.ui import notices

WORDS = {
    "dataset.import": "brought {source} into {subject}",
    "dataset.mend": "mended line {line} of {source}",
    "reject.accept": "took the repair of {n} rows of {subject}",
    "reject.discard": "discarded {n} rows of {subject}",
    "reject.take_back": "took {n} discarded rows of {subject} back",
    "reject.return": "brought {n} corrected rows back into {subject}",
    "dataset.pseudonyms": "put stand-ins for personal data into {examples} examples of {subject}",
    "pseudonyms.forget": "deleted the key to the stand-ins of {subject}",
    "example.write": "wrote an example for {dataset}",
    "example.edit": "edited an example of {dataset}",
    "example.edit_many": "changed {n} examples of {subject}",
    "example.replace": "replaced words in {n} examples of {subject}",
    "example.undo_many": "took back what was done to {n} examples of {subject}",
    "example.comment": "commented on an example of {dataset}",
    "preference.set": "set a preference: {subject} {value}",
    "example.paste": "pasted {n} rough messages into {subject}",
    "guide.save": "saved version {version} of the style guide of {subject}",
    "contradiction.settle": "settled a contradiction in {dataset}",
    "snapshot.freeze": "froze {dataset}",
    "test.look": "looked at a test set: {why}",
    "dataset.export": "took {n} examples of {subject} out as {form}",
    "run.launch": "launched the run {name}",
    "run.stop": "stopped a run",
    "run.resume": "resumed a run",
    "run.pause": "paused a run",
    "queue.move": "moved {subject} to place {to} of the queue",
    "queue.schedule": "changed when {subject} starts",
    "queue.pause": "paused the queue",
    "queue.resume": "let the queue go on",
    "queue.night": "set the night hours: {night_from} to {night_until}",
    "model.add": "added the model {subject}",
    "model.check": "had it checked whether {subject} is served as it was trained",
    "model.tag": "gave {subject} the tags {tags}",
    "model.archive": "archived the model {subject}",
    "model.restore": "offers the model {subject} again",
    "model.delete": "deleted the model {subject}",
    "model.merge": "had {subject} merged into its base",
    "model.convert": "had {subject} written as GGUF",
    "model.push": "had {subject} pushed to {where}",
    "model.move": "found the model {subject} in a new place",
    "corpus.freeze": "froze the {documents} documents of {library}",
    "reward.save": "set what the reward {subject} pays for",
    "reward.delete": "deleted the reward {subject}",
    "library.add": "added {documents} documents to {subject}",
    "candidate.add": "made the candidate {name}",
    "candidate.rename": "renamed a candidate to {name}",
    "evaluation.start": "started the evaluation {name}",
    "evaluation.stop": "stopped an evaluation",
    "evaluation.resume": "resumed an evaluation",
    "evaluation.pull": "brought in {responses} answers",
    "making.start": "asked {model} to draft examples for {dataset}",
    "making.stop": "stopped a making",
    "making.resume": "resumed a making",
    "making.take": "brought {drafts} drafts into {dataset}, for review",
    "pairs.deal": "dealt pairs to judge",
    "pair.judge": "judged a pair",
    "pair.unjudge": "took a verdict back",
    "verdicts.learn": "made {n} preference pairs of the verdicts on {evaluation} for {subject}",
    "scan.start": "scanned {dataset} for what speaks against it",
    "scan.stop": "stopped a scan",
    "duplicate.settle": "kept two look-alikes of {dataset}",
    "member.welcome": "welcomed {subject} as {role}",
    "price.set": "set the price of {subject}",
    "engine.add": "added the engine {subject} at {url}",
    "engine.remove": "forgot the engine {subject}",
    "key.make": "made a key for {name}",
    "key.revoke": "revoked the key of {name}",
}


def said(event: Event) -> str:
    """What was done, as Markdown; an event without words of its own is shown by its name."""
    words = WORDS.get(event.verb, "{verb} {subject}")
    values = {"verb": event.verb, "subject": event.subject, "dataset": event.subject.split("/")[0], **event.detail}
    known = {name: notices.plain(str(value)) for name, value in values.items()}
    try:
        return words.format_map(known)
    except KeyError:  # written by an older version, with other details
        return notices.plain(f"{event.verb} {event.subject}")

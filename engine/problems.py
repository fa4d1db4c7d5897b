"""Problem: the one kind of error that is meant for the person at the keyboard."""


class Problem(Exception):
    """What happened, why, and what to do, each a sentence with the values in it.

    Pages and the command line show it as it is; anything else that is raised is a bug and keeps its traceback.
    """

    def __init__(self, what: str, why: str = "", do: str = "") -> None:
        self.what, self.why, self.do = what, why, do
        super().__init__(" ".join(part for part in (what, why, do) if part))

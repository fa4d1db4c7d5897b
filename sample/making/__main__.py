"""Rewrites the sample project's files: `python -m sample.making`."""

from pathlib import Path

from sample.making.files import files

SAMPLE = Path(__file__).resolve().parents[1]


def main() -> None:
    made = files()
    for path in (SAMPLE / "documents").glob("*.md"):
        if f"documents/{path.name}" not in made:
            path.unlink()
    for name, text in made.items():
        path = SAMPLE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    print(f"{len(made)} files written to {SAMPLE}")


if __name__ == "__main__":
    main()

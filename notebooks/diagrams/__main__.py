"""Write the diagrams: python -m notebooks.diagrams"""

from pathlib import Path

from . import its_uses, the_model

DIAGRAMS = the_model.DIAGRAMS | its_uses.DIAGRAMS


def main() -> None:
    for number, draw in DIAGRAMS.items():
        file = Path(__file__).with_name(f"{number}.svg")
        file.write_text(draw().svg(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()

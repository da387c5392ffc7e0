"""Write the diagrams: python -m notebooks.diagrams

The Chinese ones are the same drawings with the words of zh.txt (`English ⇒ Chinese`, one a line).
"""

from pathlib import Path

from . import its_uses, the_model

DIAGRAMS = the_model.DIAGRAMS | its_uses.DIAGRAMS
ENGLISH = Path(__file__).parent
CHINESE = ENGLISH.parent / "zh" / "diagrams"


def chinese_words() -> dict[str, str]:
    lines = (ENGLISH / "zh.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split(" ⇒ ") for line in lines)


def main() -> None:
    CHINESE.mkdir(exist_ok=True)
    for folder, words in ((ENGLISH, None), (CHINESE, chinese_words())):
        for number, draw in DIAGRAMS.items():
            file = folder / f"{number}.svg"
            file.write_text(draw().svg(words), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()

"""Slides and handouts: python -m notebooks.teaching slides FOLDER [03 05 …] [--lang zh]

Writes one file for each notebook, with its pictures and formulas in it. Slides: turn them over with
→ and ←; printed, each is a page. `tags` instead of slides or handouts marks in the notebooks where
slides begin. Needs nbconvert, which comes with the extra `notebooks`.
"""

import argparse
import sys
from pathlib import Path

import nbformat

from minibert.common.files import replacing

from .export import ENDINGS, NOTEBOOKS, export, tagged


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=("slides", "handouts", "tags"))
    parser.add_argument("folder", type=Path, nargs="?", help="where to write")
    parser.add_argument("names", nargs="*", help="beginnings: 03 05; all without")
    parser.add_argument("--lang", choices=("en", "zh"), default="en")
    chosen = parser.parse_args()
    source = NOTEBOOKS / "zh" if chosen.lang == "zh" else NOTEBOOKS
    files = [file for name in chosen.names or [""] for file in source.glob(f"{name}*.ipynb")]
    if not files or not (chosen.folder or chosen.kind == "tags"):
        sys.exit("no such notebooks" if chosen.folder else "name the folder where to write")
    if chosen.folder and chosen.folder.exists() and not chosen.folder.is_dir():
        sys.exit(f"{chosen.folder} is a file; name a folder")
    for file in sorted(files):
        if chosen.kind == "tags":
            with replacing(file) as temporary:
                nbformat.write(tagged(nbformat.read(file, as_version=4)), temporary)
        else:
            chosen.folder.mkdir(parents=True, exist_ok=True)
            text = export(file, chosen.kind)
            with replacing(chosen.folder / (file.stem + ENDINGS[chosen.kind])) as temporary:
                temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

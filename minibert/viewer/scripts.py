"""Modules of JavaScript as one script: from a file that was double-clicked, browsers import none.

    joined(Path("page/main.js"))

A module may only `import { name, … } from "./file.js";`, and no two may have the same name at the
top.
"""

import re
from pathlib import Path

IMPORT = re.compile(r'^import \{[^}]*\} from "(\.[^"]*)";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(async )?(function|class|const|let) )", re.MULTILINE)


def modules(file: Path) -> list[Path]:
    """A module of JavaScript and all that it imports, each after what it imports itself."""
    found: list[Path] = []
    for path in IMPORT.findall(file.read_text(encoding="utf-8")):
        found += modules((file.parent / path).resolve())
    return list(dict.fromkeys([*found, file]))


def joined(file: Path) -> str:
    """One script of all these modules: without `import` and `export`, they see each other."""
    sources = [
        f"// {'/'.join(module.parts[-2:])}\n{module.read_text(encoding='utf-8')}"
        for module in modules(file)
    ]
    return "\n".join(EXPORT.sub("", IMPORT.sub("", source)) for source in sources)

"""Fonts for pictures that have Chinese characters."""

import re

# Their files on Linux, Windows and macOS.
CHINESE = re.compile(
    "sans-?cjk|wqy|msyh|simhei|pingfang|hiragino|heiti|arial unicode", re.IGNORECASE
)


def fonts() -> list[str]:
    """Names of matplotlib's own font and, for what it lacks, of one with Chinese characters."""
    from matplotlib.font_manager import FontProperties, findSystemFonts, fontManager

    files = [file for file in findSystemFonts() if CHINESE.search(file)]
    if not files:
        return ["DejaVu Sans"]
    chosen = min(files, key=lambda file: ("Regular" not in file, file))
    fontManager.addfont(chosen)
    return ["DejaVu Sans", FontProperties(fname=chosen).get_name()]

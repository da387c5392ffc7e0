"""A formula in LaTeX as a small SVG, so that a page needs neither MathJax nor a network."""

import base64
import functools
from html import escape

from matplotlib import rc_context
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.textpath import TextPath, text_to_path

LETTERS = {Path.MOVETO: "M", Path.LINETO: "L", Path.CURVE3: "Q", Path.CURVE4: "C"}


@functools.cache
def formula(latex: str) -> str:
    """An <img> as high as the text around it, standing on the text's line."""
    text, font = f"${latex.strip()}$", FontProperties(size=100)
    with rc_context({"mathtext.fontset": "cm"}):
        path = TextPath((0, 0), text, prop=font)
        width, height, depth = text_to_path.get_text_width_height_descent(text, font, ismath=True)
    steps = []
    for points, code in path.iter_segments(simplify=False):
        numbers = " ".join(f"{number:.0f}" for number in points)
        steps.append("Z" if code == Path.CLOSEPOLY else LETTERS[code] + numbers)
    box = f"-2 {depth - height - 2:.0f} {width + 4:.0f} {height + 4:.0f}"
    shapes = f'<path transform="scale(1 -1)" d="{"".join(steps)}"/>'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}">{shapes}</svg>'
    data = base64.b64encode(svg.encode()).decode()
    style = f"height:{(height + 4) / 100:.2f}em;vertical-align:{-(depth + 2) / 100:.2f}em"
    alt = escape(latex.strip())
    return f'<img class="math" alt="{alt}" style="{style}" src="data:image/svg+xml;base64,{data}">'

"""One HTML file per answer: nothing fetched, styles and pictures inline, no script; in the style of ``base.html.j2``.

A page is a template that extends the base; its pictures are SVG elements (few marks) or PNG data (many).
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.report import palette

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.figure import Figure

HERE = Path(__file__).parent


def page(template: str, context: dict[str, Any], *, folder: Path = HERE) -> str:
    """The page; every name that the template uses must be given. ``folder`` holds a template of another package."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader([folder, HERE]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**context, colours=palette)


def drawing(picture: Figure, name: str) -> Markup:
    """A picture as an element of a page; ``name`` keeps its ids apart."""
    from markupsafe import Markup

    return Markup(palette.svg(picture, name))


def image(picture: Figure, dpi: int = 130) -> str:
    """A picture as the source of an ``img``: for many marks, which would make a large SVG."""
    return f"data:image/png;base64,{base64.b64encode(palette.png(picture, dpi=dpi)).decode()}"

"""Turns the equations of a page into MathML while the site is built, so that they need no script and no network."""

import html
import re

from latex2mathml.converter import convert

EQUATION = re.compile(r'<(span|div) class="arithmatex">\\[\[(](.*?)\\[\])]</\1>', re.DOTALL)
"""What the extension arithmatex makes of $...$ (span) and $$...$$ (div)."""


def on_page_content(content: str, **unused: object) -> str:
    """Return the HTML of a page with its equations as MathML."""
    return EQUATION.sub(_mathml, content)


def _mathml(found: re.Match[str]) -> str:
    return convert(html.unescape(found[2]), display="block" if found[1] == "div" else "inline")

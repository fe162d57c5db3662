"""From a template and what it shows to one file that needs nothing else.

The policy in the page's head allows its own style sheet and nothing else: no script, no picture, no address.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING

from lens_gate.reports.escape import plain, with_code
from lens_gate.reports.numbers import plural
from lens_gate.reports.svg import OUTLINES, Markup

if TYPE_CHECKING:
    from jinja2 import Environment

_HERE = files("lens_gate.reports.html") / "templates"


def document(template: str, *, style: str, script: str = "", **shown: object) -> str:
    """Return the page that a template makes of what it is given; all of it is text, unless it is Markup.

    `style` names the sheet that its kind of pages has beside the one that all share.
    """
    sheet = style_sheet("style.css", style)
    own = {"style": Markup(sheet), "script": Markup(script) if script else "", "policy": policy(sheet, script)}
    return _templates().get_template(template).render(**own, outlines=OUTLINES, **shown)


def policy(sheet: str, script: str = "") -> str:
    """Return the content security policy: digests allow the style sheet and the script as they stand in the page."""
    scripts = f"script-src 'sha256-{_digest(script)}'; " if script else ""
    return f"default-src 'none'; style-src 'sha256-{_digest(sheet)}'; {scripts}base-uri 'none'; form-action 'none'"


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@cache
def style_sheet(*names: str) -> str:
    """Return style sheets as one, on as few lines as it can be read on."""
    lines = (line.strip() for name in names for line in source(name).splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("/*"))


def source(name: str) -> str:
    """Return a file beside the templates."""
    return (_HERE / name).read_text(encoding="utf-8")


@cache
def _templates() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined  # noqa: PLC0415 only who writes a page waits for it

    made = Environment(
        loader=FunctionLoader(source),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_harmless,
    )
    made.filters["plural"] = plural
    made.filters["coded"] = _coded
    return made


def _coded(text: str) -> Markup:
    """Mark what stands between backticks in a sentence as code; all of it stays text."""
    return Markup(with_code(text, words=_escaped, code=lambda part: f"<code>{_escaped(part)}</code>"))


def _escaped(text: str) -> str:
    return escape(plain(text))


def _harmless(value: object) -> object:
    """Take control characters and direction marks out of every text, wherever it comes from."""
    return plain(value) if isinstance(value, str) and not hasattr(value, "__html__") else value

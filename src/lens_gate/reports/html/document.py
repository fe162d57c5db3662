"""From a template and what it shows to one file that needs nothing else.

The policy in the page's head allows its own style sheet and nothing else: no script, no picture, no address.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from lens_gate.reports.escape import plain
from lens_gate.reports.numbers import plural
from lens_gate.reports.svg import Markup

if TYPE_CHECKING:
    from jinja2 import Environment

_HERE = files("lens_gate.reports.html") / "templates"


def document(template: str, **shown: object) -> str:
    """Return the page that a template makes of what it is given; all of it is text, unless it is Markup."""
    return _templates().get_template(template).render(style=Markup(style_sheet()), policy=policy(), **shown)


def policy() -> str:
    """Return the content security policy: the digest allows this style sheet, as it stands in the page."""
    digest = base64.b64encode(hashlib.sha256(style_sheet().encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


@cache
def style_sheet() -> str:
    """Return the style sheet that all pages share, on as few lines as it can be read on."""
    lines = (line.strip() for line in _source("style.css").splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("/*"))


def _source(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


@cache
def _templates() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined  # noqa: PLC0415 only who writes a page waits for it

    made = Environment(
        loader=FunctionLoader(_source),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_harmless,
    )
    made.filters["plural"] = plural
    return made


def _harmless(value: object) -> object:
    """Take control characters and direction marks out of every text, wherever it comes from."""
    return plain(value) if isinstance(value, str) and not hasattr(value, "__html__") else value

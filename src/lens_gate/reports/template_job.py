"""What is asked of a template; apart from what renders it, which loads a template engine."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

ESCAPED: Final = re.compile(r"\.(html?|xml|svg)(\.(j2|jinja2?|tmpl|template))?$", re.IGNORECASE)
"""The names of templates and reports in which values are escaped, unless they are marked as safe."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateJob:
    """A template with what it is given: `context` is a JSON object, so that nothing in it can do anything."""

    name: str
    text: str
    context: str
    escaped: bool

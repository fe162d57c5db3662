"""What GitLab's REST interface says where it does not do what it is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from gitlab.exceptions import GitlabError, GitlabParsingError, RedirectError
from requests import Response
from typing_extensions import override

from lens_gate.ci.asking import PatientAsking, Refusal, on_one_line, wait_in
from lens_gate.ci.gitlab.hints import ADDRESS, TOKEN


@dataclass(slots=True)
class Heard:
    """The headers of the last answer: the client's errors do not carry them."""

    headers: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, response: Response, *_: object, **__: object) -> None:
        """Keep what an answer says beside its body."""
        self.headers = {name.lower(): value for name, value in response.headers.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking(PatientAsking):
    """Errands on GitLab by python-gitlab, which would sleep as long as a server asks, without an end."""

    heard: Heard

    platform: ClassVar[str] = "GitLab"
    token_hint: ClassVar[str] = TOKEN
    permission_hint: ClassVar[str] = TOKEN
    address_hint: ClassVar[str] = ADDRESS

    @override
    def _refusal(self, error: Exception) -> Refusal | None:
        if not isinstance(error, GitlabError) or isinstance(error, RedirectError | GitlabParsingError):
            return None
        if (status := error.response_code) is None:
            return None
        said = on_one_line(str(error.error_message))
        return Refusal(status=status, said=said, is_limit=status == 429, asked_wait_s=wait_in(self.heard.headers))

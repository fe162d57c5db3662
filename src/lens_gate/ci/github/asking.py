"""What GitHub's REST interface says where it does not do what it is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from github import GithubException
from typing_extensions import override

from lens_gate.ci.asking import PatientAsking, Refusal, on_one_line, wait_in

_SECONDARY_LIMIT_S = 60.0
"""What a secondary limit that names no time takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking(PatientAsking):
    """Errands on GitHub by PyGithub."""

    platform: ClassVar[str] = "GitHub"
    token_hint: ClassVar[str] = "Give the step the job's token: `env: GITHUB_TOKEN: ${{ github.token }}`."
    permission_hint: ClassVar[str] = (
        "Give the job `permissions: {permission}`; a pull request from a fork never gets it."
    )
    address_hint: ClassVar[str] = "Does a proxy or a login page stand before the address in GITHUB_API_URL?"

    @override
    def _refusal(self, error: Exception) -> Refusal | None:
        if not isinstance(error, GithubException):
            return None
        said = _said(error)
        if not _is_limit(error, said):
            return Refusal(status=error.status, said=said)
        return Refusal(status=error.status, is_limit=True, asked_wait_s=self._asked_wait(error, said))

    def _asked_wait(self, error: GithubException, said: str) -> float | None:
        headers = _headers(error)
        if (asked := wait_in(headers)) is not None:
            return asked
        reset = headers.get("x-ratelimit-reset", "")
        if headers.get("x-ratelimit-remaining") == "0" and reset.isdigit():
            return max(1.0, float(reset) - self.waiting.now())
        return _SECONDARY_LIMIT_S if "secondary" in said.lower() else None


def _is_limit(error: GithubException, said: str) -> bool:
    headers = _headers(error)
    spent = "retry-after" in headers or headers.get("x-ratelimit-remaining") == "0" or "rate limit" in said.lower()
    return error.status == 429 or (error.status == 403 and spent)


def _headers(error: GithubException) -> dict[str, str]:
    return {str(name).lower(): str(value) for name, value in (error.headers or {}).items()}


def _said(error: GithubException) -> str:
    """Return GitHub's own message with what it says about single fields."""
    data: Any = error.data
    if not isinstance(data, dict):
        return ""
    return on_one_line(" ".join([str(data.get("message", "")), *(str(one) for one in data.get("errors") or () if one)]))

"""What people can do about what cannot be published on GitLab."""

from __future__ import annotations

from typing import Final

EXTRA: Final = "Install it: pip install 'lens-gate[gitlab]'"

TOKEN: Final = (
    "Make a project or group access token (role Reporter, scope `api`), and give it to the job as a masked variable "
    "GITLAB_TOKEN: the job's own token (CI_JOB_TOKEN) may read notes, and write none."
)

IN_A_FORK: Final = (
    "The pipeline of a merge request from a fork runs in the fork, without the variables of this project. A member can "
    "run it here: `Run pipeline` on the merge request's page, after reading the change."
)

ADDRESS: Final = "CI_API_V4_URL must be the address under which GitLab's interface answers."

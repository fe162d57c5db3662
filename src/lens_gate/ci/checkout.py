"""What the checkout of a pipeline left out: the branch that a pull request goes to, and the commit before its merge.

Pipelines check out one commit by default. Two more are enough: the first parent of the merge commit is the version that
a change is compared with, and the target branch holds the configuration that the change is held against.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import replace

from lens_gate.ci.repository import ChangePlace, Repository, branch_of_origin
from lens_gate.errors import UsageProblem


def fetch_base(
    repository: Repository,
    target: str | None,
    place: ChangePlace,
    environment: Mapping[str, str],
    say: Callable[[str], None],
) -> None:
    """Fetch what is missing of `target` (refs/remotes/origin/main) and of the commit that the change is compared with.

    That is the first parent of the checked-out merge commit, or where the platform says that the change left. Where it
    fails that is said, with what to do; whoever needs the commits will not find them.
    """
    wanted = []
    if target is not None and not repository.knows(target):
        branch = target.removeprefix(branch_of_origin(""))
        wanted.append(f"+refs/heads/{branch}:{target}")
    if place.left_at is not None and not repository.knows(place.left_at):
        wanted.append(place.left_at)
    elif repository.branch() is None and (parent := repository.missing_parent()):
        wanted.append(parent)
    if not wanted:
        return
    try:
        replace(repository, env={**environment, **credentials(repository, environment)}).fetch(*wanted)
    except UsageProblem as error:
        say(f"warning: {error}")
    else:
        say(f"fetched what this is compared with: {', '.join(wanted)}")


def credentials(repository: Repository, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables by which git shows GITHUB_TOKEN to GitHub alone; none where the checkout left its own.

    A second header beside that of `actions/checkout` would be refused, and one on the command line seen by everyone.
    """
    server, token = environment.get("GITHUB_SERVER_URL"), environment.get("GITHUB_TOKEN")
    if not server or not token or repository.shows_credentials():
        return {}
    shown, number = base64.b64encode(f"x-access-token:{token}".encode()).decode(), _settings_there(environment)
    return {
        "GIT_CONFIG_COUNT": str(number + 1),
        f"GIT_CONFIG_KEY_{number}": f"http.{server}/.extraheader",
        f"GIT_CONFIG_VALUE_{number}": f"AUTHORIZATION: basic {shown}",
    }


def _settings_there(environment: Mapping[str, str]) -> int:
    """Return how many settings of git the environment holds already: ours stand behind them."""
    count = environment.get("GIT_CONFIG_COUNT", "0")
    return int(count) if count.isdecimal() else 0

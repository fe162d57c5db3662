"""What comes after a run: the command to give next, and whose rules judge it."""

from __future__ import annotations

from collections.abc import Sequence

from lens_gate.artifacts.run import ArmIdentity, Run
from lens_gate.config.load import NO_FILE
from lens_gate.reports.escape import plain, shell_command
from lens_gate.reports.facts import answered, is_itself
from lens_gate.reports.page import Onward
from lens_gate.reports.words import listed
from lens_gate.vocabulary.outcomes import Ending
from lens_gate.vocabulary.requests import Arm

RUN_FILE = "RUN_FILE"
"""Stands for the file of a run where its name is not known."""

_CONFIGURATION_ENDINGS = (".yaml", ".yml", ".toml")


def onward(run: Run, file: str) -> Onward | None:
    """Return what to do next with a run that was not judged; None where it measured nothing that could be judged."""
    if is_itself(run.comparison):
        return Onward("Next", shell_command("lens-gate", "doctor", "--input", file))
    if run.ending is Ending.INTERRUPTED and not run.plan.looks:
        return Onward("To go on, with your other options", resuming(run.arms, file))
    if not answered(run)[1]:
        return None
    return Onward("Next", shell_command("lens-gate", "gate", *own_options(run.arms), file))


def resuming(arms: Sequence[ArmIdentity], file: str = RUN_FILE) -> str:
    """Return the command that goes on with an interrupted run; one that looks at its pairs can't be gone on with."""
    return shell_command("lens-gate", "run", *own_options(arms), "--resume", file)


def configured_by(arms: Sequence[ArmIdentity]) -> tuple[str, ...]:
    """Return the configuration files that a run was made with; none where there was no file."""
    labels = [plain(arm.label) for arm in arms if arm.arm is Arm.CANDIDATE]
    files = labels[0].split(", ") if labels else []
    named = all(file != NO_FILE and file.endswith(_CONFIGURATION_ENDINGS) for file in files)
    return tuple(files) if named else ()


def whose_rules(applied: Sequence[str], arms: Sequence[ArmIdentity], *, chosen: bool) -> str:
    """Say which files' rules are applied; a warning where they are not the run's own, and nobody chose them.

    `applied` are the files that were read, `chosen` says whether the command line named them.
    """
    own = configured_by(arms)
    told = f"Rules: {listed(list(applied))}" if applied else "Rules: the defaults, as there is no configuration file"
    if not own or _bare(own) == _bare(applied):
        return f"{told}."
    if chosen:
        return f"{told}; the run was made with {listed(list(own))}."
    return (
        f"warning: {told[0].lower()}{told[1:]}, but the run was made with {listed(list(own))}: "
        f"its own rules are applied with {' '.join(_options(own))}."
    )


def _bare(files: Sequence[str]) -> list[str]:
    """Return names without folders: the same file is named otherwise from another folder."""
    return [file.replace("\\", "/").rpartition("/")[2] for file in files]


def own_options(arms: Sequence[ArmIdentity]) -> list[str]:
    """Return the options that name the configuration files that a run was made with."""
    return _options(configured_by(arms))


def _options(files: Sequence[str]) -> list[str]:
    return [word for file in files for word in ("-c", file)]

"""A configuration held against everything that a run of it would refuse, without sending anything."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from lens_gate.config.load import LoadedConfig
from lens_gate.config.model import Config
from lens_gate.config.problems import Collected
from lens_gate.load.arms.resolve import resolve_prompts
from lens_gate.load.schedule.settings import ScheduleSettings, schedule_settings
from lens_gate.steps.judging.judge import require_readable
from lens_gate.steps.resolving.certificates import located, require_usable
from lens_gate.steps.resolving.placing import placing
from lens_gate.steps.resolving.replaying import check_log
from lens_gate.steps.running.findable import require_known
from lens_gate.steps.running.foreseen import require_by_itself


def checked_whole(
    loaded: LoadedConfig, *, folder: Path, environment: Mapping[str, str], on: datetime
) -> ScheduleSettings | None:
    """Return the pace of a configuration whose keys are right, and whose files lie in a folder.

    Raises one ConfigProblem that tells, each with its line, all that is wrong between keys.
    """
    config, found = loaded.config, Collected()

    def read_file(name: str) -> bytes:
        return (folder / name).read_bytes()

    found.of(lambda: require_readable(config, loaded))
    found.of(lambda: require_usable(located(config, folder), loaded, environment))
    found.of(lambda: check_log(config, folder))
    found.of(lambda: require_known(_phone_regions(config)))
    settings = found.of(lambda: schedule_settings(config))
    prompts = found.of(lambda: resolve_prompts(config.workload.prompts, read_file))
    if settings is not None and prompts is not None:
        found.of(lambda: settings.cache.require_possible(prompts))
        found.of(lambda: require_by_itself(config, read_file, on))
    with placing(loaded, {}):
        found.tell()
    return settings


def _phone_regions(config: Config) -> tuple[str, ...]:
    detection = config.privacy and config.privacy.pii_detection
    return detection.phone_regions if detection else ()

"""The rows of the table of keys that say where runs are stored, for how long, and which of them is the baseline."""

from __future__ import annotations

from collections.abc import Mapping

from lens_gate.config.status import SENDING, Effect, Later, Status

STORING: Mapping[str, Status] = {
    "regression.baseline.source": Effect(
        "steps", "a store, a stored run, or a folder of stored runs to compare with (docs/baselines.md)"
    ),
    "regression.baseline.select": Effect("steps", "which run of a store is the baseline"),
    "regression.baseline.name": Effect("steps", "the baseline that `select: named` takes, and that is renewed"),
    "regression.baseline.branch": Effect(
        "steps", "the branch of `select: branch`, and whose runs alone renew a baseline by themselves"
    ),
    "regression.baseline.tag": Effect("steps", "the tag of `select: tag`"),
    "regression.baseline.window": Effect("steps", "how many good runs `select: rolling` looks back on"),
    "regression.baseline.anchor": Effect(
        "steps", "a named baseline that stays, beside the one that moves: reports say how far a run lies from it"
    ),
    "regression.baseline.must_match": Effect(
        "steps", "in what a stored run may not differ; any other difference is told, and compared"
    ),
    "regression.baseline.update_frequency": Effect(
        "steps", "how often `ci` makes a good run of `branch` the baseline; without it nobody but a person does"
    ),
    "regression.baseline.min_sample_size": Effect(
        "steps", "how many measured requests a baseline of a store must hold"
    ),
    "output.database.enabled": Effect("steps", "whether runs are stored in this database"),
    "output.database.type": Effect("steps", "sqlite, postgres or mysql"),
    "output.database.connection": Effect("steps", "its file (sqlite) or address; it may hold variables"),
    "output.database.table_prefix": Effect("steps", "what the names of its tables begin with"),
    "output.remote[].type": Effect("steps", "s3 or gcs"),
    "output.remote[].enabled": Effect("steps", "whether runs are stored there"),
    "output.remote[].bucket": Effect("steps", "the bucket that runs are stored in"),
    "output.remote[].prefix": Effect("steps", "where in it; `results/` at its end is the folder of the history"),
    "output.remote[].region": Effect("steps", "the region of the bucket"),
    "output.remote[].reports": Effect("steps", "whether `ci` puts its `report.html` there as well, below `reports/`"),
    "stores.git.remote": Effect(
        "steps", "the remote that branches of stores lie on, or the address of a repository; default: `origin`"
    ),
    "stores.git.author": Effect("steps", "who commits there, as `NAME <ADDRESS>`; default: the bot, or who git says"),
    "stores.s3.region": Effect("steps", "the region of buckets; default: where the AWS tools look"),
    "stores.s3.endpoint": Effect("steps", "the address of a store other than Amazon's"),
    "stores.s3.path_style": Effect("steps", "whether the bucket stands in the path, as some other stores want it"),
    "stores.s3.profile": Effect("steps", "the profile of the AWS tools whose credentials are used"),
    "stores.gcs.project": Effect("steps", "the project that is billed; default: that of the credentials"),
    "stores.gcs.endpoint": Effect("steps", "another address than Google's public one"),
    "stores.sql.table_prefix": Effect("steps", "what the names of tables begin with"),
    "privacy.retention.results": Effect("steps", "how old runs get before `lens-gate baseline prune` removes them"),
    "privacy.retention.logs": Later(text="deleting old logs; `logging.file` rotates them", commands=SENDING),
    "privacy.retention.traces": Later(text="deleting old traces; none are written", commands=SENDING),
}

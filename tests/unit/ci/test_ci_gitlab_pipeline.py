from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lens_gate.ci.gitlab.pipeline import MergeRequest, Pipeline, read_pipeline
from lens_gate.ci.gitlab.reports import DOTENV_BYTES, MOST_REMARKS, code_quality, dotenv, open_metrics
from lens_gate.errors import PublishFailed
from lens_gate.vocabulary.publishing import Annotation, Level
from tests.fakes.gitlab import MERGED_SHA, PATH, SHA, VARIABLES

HERE = VARIABLES | {"CI_API_V4_URL": "https://gitlab.corp.example/git/api/v4", "CI_SERVER_URL": "https://other.example"}
BRANCH = {name: value for name, value in HERE.items() if not name.startswith("CI_MERGE_REQUEST")}
VALUES = {
    "verdict": "regression",
    "exit-code": "1",
    "mean-latency-ms": "512.3",
    "cost-usd": "",
    "report": "results/r.md",
}


def test_a_pipeline_for_a_merge_request_is_read_with_the_head_of_its_branch() -> None:
    assert read_pipeline(HERE) == Pipeline(
        id=900,
        job_id=9001,
        commit=SHA,
        server_url="https://gitlab.corp.example/git",
        project_url=f"https://gitlab.example/{PATH}",
        request=MergeRequest(project="7", number=12),
    )


def test_without_the_address_of_the_interface_that_of_the_instance_is_taken() -> None:
    environment = {name: value for name, value in HERE.items() if name != "CI_API_V4_URL"}
    assert read_pipeline(environment).server_url == "https://other.example"


def test_a_pipeline_of_a_fork_is_known_by_the_project_it_runs_in() -> None:
    assert not read_pipeline(HERE).elsewhere
    assert read_pipeline(HERE | {"CI_PROJECT_ID": "8"}).elsewhere


@pytest.mark.parametrize(
    ("listed", "request_of"),
    [
        ("", None),
        ("acme/widgets!3", MergeRequest(project="acme/widgets", number=3)),
        ("acme/widgets!3,acme/widgets!4", None),
        ("acme/widgets!x", None),
    ],
)
def test_a_pipeline_for_a_branch_has_the_only_open_request(listed: str, request_of: MergeRequest | None) -> None:
    pipeline = read_pipeline(BRANCH | {"CI_OPEN_MERGE_REQUESTS": listed})
    assert pipeline.request == request_of
    assert pipeline.commit == MERGED_SHA
    assert pipeline.url_of(41) == f"https://gitlab.example/{PATH}/-/pipelines/41"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CI_PIPELINE_ID", ""),
        ("CI_PIPELINE_ID", "9; rm"),
        ("CI_COMMIT_SHA", "main"),
        ("CI_API_V4_URL", "ftp://gitlab.example"),
        ("CI_PROJECT_URL", "https://"),
    ],
)
def test_what_gitlab_does_not_set_so_is_refused_by_its_name(name: str, value: str) -> None:
    with pytest.raises(PublishFailed, match=name):
        read_pipeline(BRANCH | {name: value})


def test_values_become_variables_of_later_jobs() -> None:
    assert dotenv(VALUES).splitlines() == [
        "LENS_GATE_VERDICT=regression",
        "LENS_GATE_EXIT_CODE=1",
        "LENS_GATE_MEAN_LATENCY_MS=512.3",
        "LENS_GATE_COST_USD=",
        "LENS_GATE_REPORT=results/r.md",
    ]


@given(values=st.dictionaries(st.from_regex(r"[a-z][a-z0-9-]*", fullmatch=True), st.text(max_size=900), max_size=30))
def test_no_value_makes_a_second_variable_or_a_file_that_gitlab_refuses(values: dict[str, str]) -> None:
    text = dotenv(values)
    assert len(text.encode()) <= DOTENV_BYTES
    lines = text.split("\n")[:-1]
    assert all(line.startswith("LENS_GATE_") and line.isascii() and line.isprintable() for line in lines)
    assert len(lines) <= len(values)


def test_numbers_become_metrics() -> None:
    assert open_metrics(VALUES) == (
        "# TYPE lens_gate_exit_code gauge\nlens_gate_exit_code 1\n"
        "# TYPE lens_gate_mean_latency_ms gauge\nlens_gate_mean_latency_ms 512.3\n# EOF\n"
    )
    assert open_metrics({}) == "# EOF\n"


def test_remarks_on_lines_are_a_code_quality_report() -> None:
    remarks = [
        Annotation(level=Level.ERROR, title="first token", message="15 % later.", path="lens-gate.yaml", line=9),
        Annotation(level=Level.NOTICE, title="cost", message="dearer.", path="lens-gate.yaml"),
        Annotation(level=Level.WARNING, title="nowhere", message="told in the note."),
    ]
    first, second = json.loads(code_quality(remarks))
    assert first["description"] == "first token: 15 % later."
    assert first["location"] == {"path": "lens-gate.yaml", "lines": {"begin": 9}}
    assert (first["severity"], second["severity"]) == ("major", "info")
    assert second["location"]["lines"]["begin"] == 1
    assert first["fingerprint"] != second["fingerprint"]
    assert json.loads(code_quality([])) == []


def test_a_remark_keeps_its_fingerprint_when_only_its_numbers_change() -> None:
    one = Annotation(level=Level.ERROR, title="first token", message="15 % later.", path="a.yaml", line=9)
    other = Annotation(level=Level.ERROR, title="first token", message="17 % later.", path="a.yaml", line=9)
    prints = [json.loads(code_quality([remark]))[0]["fingerprint"] for remark in (one, other)]
    assert prints[0] == prints[1]


def test_remarks_are_bounded() -> None:
    many = [Annotation(level=Level.ERROR, title=str(n), message="m", path="a.yaml", line=1) for n in range(300)]
    assert len(json.loads(code_quality(many))) == MOST_REMARKS

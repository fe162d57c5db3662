from __future__ import annotations

import pytest

from lens_gate.config.load import LoadedConfig, Source, load_config
from lens_gate.config.trust import (
    check_keys_go_to_public_addresses,
    check_keys_stay_home,
    check_stores_stay_home,
    trusted_notifications,
)
from lens_gate.errors import ConfigProblem, SecurityRefusal

TRUSTED = """\
profiler: {name: "nightly ${BRANCH:-main}"}
providers:
  - name: openai
    api_key: ${OPENAI_API_KEY}
    models: [m]
  - name: proxy
    api_key: ${PROXY_KEY}
    endpoint: https://llm.corp.example:8443/v1
    headers: {X-Tenant: "${TENANT}"}
    models: [m]
  - name: local
    endpoint: ${LOCAL_URL:-http://127.0.0.1:8080}/v1
    api_key: ${LOCAL_KEY}
    models: [m]
regression:
  notifications: [{type: slack, webhook: "https://hooks.slack.example/${SLACK_TOKEN}"}]
"""


def loaded(text: str) -> LoadedConfig:
    return load_config([Source("a.yaml", text)])


def refused(candidate: str, trusted: str = TRUSTED) -> str:
    with pytest.raises(SecurityRefusal) as caught:
        check_keys_stay_home(loaded(candidate), loaded(trusted))
    return str(caught.value)


def changed(old: str, new: str) -> str:
    assert old in TRUSTED
    return TRUSTED.replace(old, new)


def test_the_same_configuration_is_trusted() -> None:
    check_keys_stay_home(loaded(TRUSTED), loaded(TRUSTED))


@pytest.mark.parametrize(
    "candidate",
    [
        changed("models: [m]", "models: [{id: other, max_tokens: 9}]"),
        changed("8443/v1", "8443/v2?x=1"),
        changed("https://llm.corp.example:8443", "HTTPS://LLM.corp.example:8443"),
        changed("name: openai\n", "name: openai\n    endpoint: https://api.openai.com:443/v1\n"),
        changed("nightly ${BRANCH:-main}", "weekly ${BRANCH}"),
        TRUSTED.replace("providers:\n", "providers:\n  - {name: free, endpoint: http://evil.example, models: [m]}\n"),
        changed("${OPENAI_API_KEY}", "sk-of-the-author"),
        changed("profiler:", "workload: {prompts: [{template: '${OPENAI_API_KEY}'}]}\nprofiler:"),
    ],
)
def test_changes_that_send_no_key_elsewhere_are_fine(candidate: str) -> None:
    check_keys_stay_home(loaded(candidate), loaded(TRUSTED))


OPENAI = "name: openai\n"
ELSEWHERE = [
    "https://evil.example/v1",
    "http://api.openai.com/v1",
    "https://api.openai.com:8443/v1",
    "https://api.openai.com.evil.example/v1",
    "https://api.openai.com./v1",
    "https://evil.example?https://api.openai.com",
    "${LOCAL_URL:-http://127.0.0.1:8080}/v1",
    "https://api.openai.com${X:-.evil.example}/v1",
    "${X:-https://evil.example}",
    "https://llm.corp.example:8443/v1",
]


@pytest.mark.parametrize("endpoint", ELSEWHERE)
def test_a_key_that_would_go_to_another_origin_is_refused(endpoint: str) -> None:
    message = refused(changed(OPENAI, f"{OPENAI}    endpoint: '{endpoint}'\n"))
    assert message.startswith("a.yaml:4: ") or "reads the variable" in message


def test_the_refusal_names_provider_variable_host_place_and_next_step() -> None:
    message = refused(changed(OPENAI, f"{OPENAI}    endpoint: https://evil.example/v1\n"))
    assert (
        "a.yaml:4: the provider `openai` would send the variable OPENAI_API_KEY to https://evil.example:443" in message
    )
    assert "the trusted configuration sends it to https://api.openai.com:443 only" in message
    assert "trusted branch first" in message


def test_the_key_of_one_provider_does_not_go_to_another_trusted_host() -> None:
    assert "OPENAI_API_KEY to https://llm.corp.example:8443" in refused(changed("${PROXY_KEY}", "${OPENAI_API_KEY}"))
    assert "to https://api.anthropic.com:443" in refused(changed("name: openai", "name: anthropic"))
    assert "to no address" in refused(changed("name: openai", "name: unknown"))


def test_a_trusted_proxy_may_be_left_for_the_public_address_of_the_same_name() -> None:
    trusted = changed(OPENAI, f"{OPENAI}    endpoint: https://litellm.corp.example/v1\n")
    check_keys_stay_home(loaded(TRUSTED), loaded(trusted))


def test_a_variable_that_the_trusted_configuration_does_not_name_is_refused_even_with_a_default() -> None:
    message = refused(changed("${BRANCH:-main}", "${AWS_SECRET_ACCESS_KEY:-}"))
    assert "a.yaml:1: `profiler.name` reads the variable AWS_SECRET_ACCESS_KEY" in message


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("${BRANCH:-main}", "${OPENAI_API_KEY}"),
        ("models: [m]", "models: [{id: '${OPENAI_API_KEY}'}]"),
        ("models: [m]", "models: [{id: m, params: {user: '${OPENAI_API_KEY}'}}]"),
        ('X-Tenant: "${TENANT}"', 'X-Tenant: "${OPENAI_API_KEY}"'),
        ("profiler:", "output: {files: [{type: json, path: '${OPENAI_API_KEY}.json'}]}\nprofiler:"),
        ("profiler:", "target: {command: 'x ${OPENAI_API_KEY}', ready_url: http://localhost}\nprofiler:"),
    ],
)
def test_a_key_is_not_read_at_another_kind_of_place(old: str, new: str) -> None:
    assert "reads the variable OPENAI_API_KEY, which the trusted configuration reads only at" in refused(
        TRUSTED.replace(old, new) if old in TRUSTED else ""
    )


def test_a_header_goes_where_the_key_may_go() -> None:
    candidate = changed("https://llm.corp.example:8443/v1", "https://evil.example/v1").replace("${PROXY_KEY}", "sk-own")
    assert "TENANT to https://evil.example:443" in refused(candidate)


def test_a_webhook_with_a_token_keeps_its_address() -> None:
    candidate = loaded(changed("hooks.slack.example", "evil.example"))
    assert trusted_notifications(candidate, loaded(TRUSTED)) == frozenset()
    assert trusted_notifications(loaded(TRUSTED), loaded(TRUSTED)) == {0}


def test_an_address_with_a_variable_is_trusted_only_as_written() -> None:
    assert "LOCAL_URL" in refused(changed("127.0.0.1:8080", "evil.example"))
    assert "LOCAL_KEY" in refused(changed("${LOCAL_URL:-http://127.0.0.1:8080}/v1", "http://127.0.0.1:8080/v1"))


TARGET = "target: {command: ./serve, ready_url: 'http://127.0.0.1:{port}/health'}\n"


def test_a_target_receives_only_keys_that_the_trusted_configuration_gives_a_target() -> None:
    assert "OPENAI_API_KEY to http://127.0.0.1:{port}" in refused(TARGET + TRUSTED)
    own = TARGET.replace("}\n", ", provider: local}\n")
    trusted = own + TRUSTED
    check_keys_stay_home(loaded(trusted), loaded(trusted))
    check_keys_stay_home(loaded(trusted.replace("./serve", "./serve --fast")), loaded(trusted))
    message = refused(
        own.replace("provider: local", "provider: local, endpoint: https://evil.example") + TRUSTED, trusted
    )
    assert "a.yaml:1: the provider `local` would send the variable" in message
    assert "evil.example" in message
    check_keys_stay_home(loaded(own.replace("provider: local", "provider: free") + TRUSTED), loaded(TRUSTED))


@pytest.mark.parametrize(
    "source",
    [
        "/proc/self/environ",
        "../../proc/self/environ",
        "prompts/../../x",
        "..",
        "~/.netrc",
        "C:\\x",
        "\\\\host\\x",
        "a\\..\\..\\x",
        "${HOME}/x",
    ],
)
def test_prompts_come_from_files_inside_the_repository(source: str) -> None:
    prompts = (
        f"workload: {{prompts: [{{template: '{{{{x}}}}', variables: {{x: {{type: file, source: '{source}'}}}}}}]}}\n"
    )
    assert "a.yaml:1: `workload.prompts[0].variables.x.source` would send a file outside" in refused(prompts + TRUSTED)


def test_a_log_that_is_played_again_lies_inside_the_repository() -> None:
    message = refused("workload: {replay: {source: /proc/self/environ}}\n" + TRUSTED)
    assert "a.yaml:1: `workload.replay.source` would send a file outside" in message
    check_keys_stay_home(loaded("workload: {replay: {source: logs/a.jsonl}}\n" + TRUSTED), loaded(TRUSTED))


def test_prompt_files_inside_the_repository_are_fine() -> None:
    prompts = "workload: {prompts: [{template: '{{x}}', variables: {x: {type: file, source: a..b/..c/x.txt}}}]}\n"
    check_keys_stay_home(loaded(prompts + TRUSTED), loaded(TRUSTED))
    shared = prompts.replace("a..b/..c/x.txt", "/srv/prompts/x.txt")
    check_keys_stay_home(loaded(shared + TRUSTED), loaded(shared + TRUSTED))


@pytest.mark.parametrize("path", ["/var/set_env", "../x.json", "${BRANCH:-/var/x}"])
def test_results_are_written_inside_the_repository(path: str) -> None:
    outputs = f"output: {{files: [{{type: csv, path: '{path}'}}]}}\n"
    inside = "output: {files: [{type: csv, path: 'results/${BRANCH:-main}-{{timestamp}}.csv'}]}\n"
    message = refused(outputs + TRUSTED, inside + TRUSTED)
    assert "a.yaml:1: `output.files[0].path` would write a file outside the repository" in message
    check_keys_stay_home(loaded(inside + TRUSTED), loaded(inside + TRUSTED))


HANDING = 'target: {command: "app {port}", ready_url: "http://127.0.0.1:{port}/", environment: [%s]}\n'


def test_a_target_is_handed_only_variables_that_the_trusted_configuration_hands_it() -> None:
    trusted = HANDING % "APP_KEY"
    check_keys_stay_home(loaded(HANDING % "APP_KEY"), loaded(trusted))
    check_keys_stay_home(loaded(HANDING % ""), loaded(trusted))
    assert "OPENAI_API_KEY" in refused(HANDING % "APP_KEY, OPENAI_API_KEY", trusted)
    assert "a.yaml:1" in refused(HANDING % "APP_KEY", "version: '1.0'\n")


PRIVATE = """\
providers:
  - name: corp
    api_key: ${CORP_KEY}
    endpoint: https://llm.corp.example/v1
    tls: {ca_bundle: certs/ca.pem, client_certificate: certs/ci.pem, client_key_password: "${CI_PASSWORD}"}
    models: [m]
  - name: free
    endpoint: https://free.example
    models: [m]
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("certs/ca.pem", "certs/mine.pem"),
        ("certs/ci.pem", "certs/other.pem"),
        ("client_key_password: ", "server_name: evil.example, client_key_password: "),
        ("    tls: {ca_bundle: certs/ca.pem,", "    tls: {"),
        ("    tls:", "    # tls:"),
        ("endpoint: https://free.example", "endpoint: https://free.example\n    tls: {ca_bundle: mine.pem}"),
        ("endpoint: https://free.example", "endpoint: https://free.example\n    tls: {server_name: llm.corp.example}"),
        ("name: free\n    endpoint: https://free.example", "name: free\n    endpoint: https://llm.corp.example:443/v2"),
    ],
)
def test_certificates_are_those_that_the_trusted_configuration_names_for_an_address(old: str, new: str) -> None:
    assert old in PRIVATE
    assert "with another `tls` section than the trusted configuration" in refused(PRIVATE.replace(old, new), PRIVATE)


def test_a_client_certificate_does_not_open_another_address() -> None:
    literal = PRIVATE.replace(', client_key_password: "${CI_PASSWORD}"', "").replace("${CORP_KEY}", "none")
    message = refused(literal.replace("https://llm.corp.example/v1", "https://admin.corp.example"), literal)
    assert "a.yaml:5: the provider `corp` would reach https://admin.corp.example:443 with another `tls`" in message


def test_certificates_as_trusted_may_be_used_by_any_provider_of_that_address() -> None:
    check_keys_stay_home(loaded(PRIVATE), loaded(PRIVATE))
    check_keys_stay_home(loaded(PRIVATE.replace("name: corp", "name: renamed")), loaded(PRIVATE))
    check_keys_stay_home(loaded(PRIVATE.replace("https://free.example", "https://new.example")), loaded(PRIVATE))


def test_the_password_of_a_key_is_read_by_no_other_key() -> None:
    candidate = PRIVATE.replace("api_key: ${CORP_KEY}", "api_key: ${CI_PASSWORD}")
    assert "reads the variable CI_PASSWORD, which the trusted configuration reads only at" in refused(
        candidate, PRIVATE
    )


def test_where_nobody_vouches_no_certificates_are_taken() -> None:
    public = "providers: [{name: openai, api_key: '${K}', models: [m]}]"
    check_keys_go_to_public_addresses(loaded(public))
    with pytest.raises(SecurityRefusal, match="another `tls` section"):
        check_keys_go_to_public_addresses(loaded(public.replace("models", "tls: {ca_bundle: mine.pem}, models")))


@pytest.mark.parametrize(
    ("tls", "said"),
    [
        ("{client_key: a.pem}", "goes with a `client_certificate` only"),
        ("{client_key_password: a}", "goes with a `client_certificate` only"),
        ("{server_name: 'https://x'}", "the name of a host"),
        ("{verify: false}", "verify"),
    ],
)
def test_what_a_tls_section_cannot_say_is_refused(tls: str, said: str) -> None:
    with pytest.raises(ConfigProblem, match=said):
        loaded(f"providers: [{{name: p, endpoint: 'https://p.example', tls: {tls}, models: [m]}}]")


def test_http2_needs_an_encrypted_address() -> None:
    with pytest.raises(ConfigProblem, match="agree on it while they set up TLS"):
        loaded("providers: [{name: p, endpoint: 'HTTP://p.example', http2: true, models: [m]}]")
    for endpoint in ("https://p.example", "${URL}"):
        loaded(f"providers: [{{name: p, endpoint: '{endpoint}', http2: true, models: [m]}}]")
    loaded("providers: [{name: p, endpoint: 'http://p.example', http2: false, models: [m]}]")


def test_a_tls_section_needs_an_encrypted_address() -> None:
    with pytest.raises(ConfigProblem, match="https://"):
        loaded("providers: [{name: p, endpoint: 'HTTP://p.example', tls: {server_name: p}, models: [m]}]")
    loaded("providers: [{name: p, endpoint: '${URL}', tls: {server_name: p}, models: [m]}]")


STORES = [
    "output: {remote: [{type: s3, bucket: other}]}\n",
    "output: {database: {enabled: true, connection: other.db}}\n",
    "regression: {baseline: {source: 's3://other/x'}}\n",
    "regression: {baseline: {source: 'git:other'}}\n",
    "regression: {baseline: {source: /outside}}\n",
]


@pytest.mark.parametrize("candidate", STORES)
def test_a_store_that_nobody_vouches_for_is_not_opened_with_the_credentials_of_the_pipeline(candidate: str) -> None:
    assert "is a store that the trusted configuration does not name" in refused(candidate, "profiler: {name: x}\n")
    with pytest.raises(SecurityRefusal, match="is a store that the trusted configuration does not name"):
        check_keys_go_to_public_addresses(loaded(candidate))
    check_keys_stay_home(loaded(candidate), loaded(candidate))


def test_a_folder_of_the_repository_is_a_store_for_anybody() -> None:
    check_keys_stay_home(loaded("regression: {baseline: {source: runs/}}\n"), loaded("profiler: {name: x}\n"))


def test_a_candidate_reaches_stores_in_no_other_way() -> None:
    trusted = TRUSTED + "stores: {s3: {endpoint: https://s3.corp.example}}\n"
    check_keys_stay_home(loaded(trusted), loaded(trusted))
    for changed_stores in ("{s3: {endpoint: https://evil.example}}", "{git: {remote: 'ext::sh -c id'}}"):
        assert "`stores` is a store that the trusted" in refused(TRUSTED + f"stores: {changed_stores}\n", trusted)


NEWS = """\
regression:
  notifications:
    - {type: slack, webhook: "https://hooks.slack.example/${SLACK_TOKEN}", conditions: ["branch == 'main'"]}
    - {type: pagerduty, integration_key: "${PAGERDUTY_KEY}"}
"""


@pytest.mark.parametrize(
    ("old", "new", "sent"),
    [
        ("branch == 'main'", "regression_detected", {0, 1}),
        ("type: slack,", "type: slack, name: ours, when: failing, strict: true,", {0, 1}),
        ("hooks.slack.example", "evil.example", {1}),
        ("${SLACK_TOKEN}", "${OPENAI_API_KEY}", {1}),
        ("https://hooks.slack.example/${SLACK_TOKEN}", "https://evil.example/mine", {1}),
        ("type: slack,", "type: teams,", {1}),
        ("type: slack,", "type: slack, forks: true,", {1}),
        ("type: slack,", "type: slack, name: '${OPENAI_API_KEY}',", {1}),
        ("branch == 'main'", "branch == '${OPENAI_API_KEY}'", {1}),
        ('"${PAGERDUTY_KEY}"', '"${PAGERDUTY_KEY}", endpoint: "https://evil.example"', {0}),
        ('"${PAGERDUTY_KEY}"', '"${PAGERDUTY_KEY:-x}"', {0}),
    ],
)
def test_a_notification_is_sent_only_where_one_of_the_trusted_configuration_goes(
    old: str, new: str, sent: set[int]
) -> None:
    assert old in NEWS
    candidate, trusted = loaded(NEWS.replace(old, new)), loaded(NEWS)
    assert trusted_notifications(candidate, trusted) == sent
    assert trusted_notifications(candidate, loaded("version: '1.0'\n")) == frozenset()
    check_keys_stay_home(candidate, trusted)
    check_stores_stay_home(candidate, trusted)


def test_an_unknown_destination_of_news_refuses_no_measurement() -> None:
    check_keys_go_to_public_addresses(loaded(NEWS))
    check_keys_stay_home(loaded(NEWS), loaded("version: '1.0'\n"))

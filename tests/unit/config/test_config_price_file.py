from __future__ import annotations

import pytest

from lens_gate.config.load import Source
from lens_gate.config.price_file import ModelPrice, load_prices
from lens_gate.errors import ConfigProblem

PLAIN = "models:\n  gpt-small: {input_per_million: 1.5, output_per_million: 6}\n"


def problem(text: str, name: str = "prices.yaml") -> ConfigProblem:
    with pytest.raises(ConfigProblem) as caught:
        load_prices(Source(name, text))
    return caught.value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("prices.yaml", PLAIN),
        ("prices.json", '{"models": {"gpt-small": {"input_per_million": 1.5, "output_per_million": 6}}}'),
        ("prices.toml", '[models."gpt-small"]\ninput_per_million = 1.5\noutput_per_million = 6\n'),
    ],
)
def test_a_price_list_is_yaml_json_or_toml(name: str, text: str) -> None:
    prices = load_prices(Source(name, text))
    assert prices.currency == "USD"
    assert prices.price("openai", "gpt-small") == ModelPrice(input_per_million=1.5, output_per_million=6)
    assert prices.price("openai", "other") is None


def test_an_entry_that_names_the_provider_wins() -> None:
    prices = load_prices(
        Source("p.yaml", f"{PLAIN}  azure/gpt-small: {{input_per_million: 2, output_per_million: 8}}\n")
    )
    azure, openai = prices.price("azure", "gpt-small"), prices.price("openai", "gpt-small")
    assert azure is not None
    assert openai is not None
    assert (azure.input_per_million, openai.input_per_million) == (2, 1.5)


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        ("", "prices.yaml:1", "`models` is missing", "Add `models` here."),
        ("models: {}", "prices.yaml:1", "`models`: expected at least 1 item, got a section", None),
        (f"curency: EUR\n{PLAIN}", "prices.yaml:1", "unknown key `curency`", "Did you mean `currency`?"),
        (f"zzz: 1\n{PLAIN}", "prices.yaml:1", "unknown key `zzz`", "Known here: currency, exchange_rates, models."),
        (
            f"{PLAIN}currency: euro\n",
            "prices.yaml:3",
            '`currency`: expected a currency in three capital letters, such as EUR, got "euro"',
            None,
        ),
        (
            f"{PLAIN}exchange_rates:\n  EURO: 0.9\n",
            "prices.yaml:4",
            '`exchange_rates.EURO`: expected a currency in three capital letters, such as EUR, got "EURO"',
            None,
        ),
        (
            f"{PLAIN}exchange_rates: {{EUR: 0}}",
            "prices.yaml:3",
            "`exchange_rates.EUR`: expected more than 0, got 0",
            None,
        ),
        ("models:\n  m:\n    input_per_million: 1\n", "prices.yaml:2", "`models.m.output_per_million` is missing",
         "Add `output_per_million` here."),
        ("models:\n  m: 4\n", "prices.yaml:2", "`models.m`: expected a section of keys, got 4", None),
        (
            "models:\n  m:\n    input_per_million: -1\n    output_per_million: 1\n",
            "prices.yaml:3",
            "`models.m.input_per_million`: expected at least 0, got -1",
            None,
        ),
        ("models: [", "prices.yaml:1", "not YAML: expected the node content, but found '<stream end>'", None),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_line(text: str, place: str, message: str, hint: str | None) -> None:
    told = problem(text)
    assert (told.place, told.message) == (place, message)
    assert hint is None or told.hint == hint


def test_several_problems_are_told_at_once_and_nobody_is_sent_to_a_command_that_does_not_read_it() -> None:
    told = problem("models:\n  m: {input_per_milion: 1, output_per_million: -1}\n")
    assert told.message.startswith("3 problems")
    assert "Did you mean `input_per_million`" in told.message
    assert told.place == "prices.yaml"
    assert "validate" not in (told.hint or "")

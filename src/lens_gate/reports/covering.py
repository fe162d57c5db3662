"""What a pass does not cover, each with the command or the key that would cover it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from lens_gate.artifacts.analysis import Analysis, CoveredBy, Need
from lens_gate.artifacts.run import Uncovered
from lens_gate.reports.escape import plain, shortened
from lens_gate.reports.facts import is_itself, uncovered_lines
from lens_gate.reports.headlines import A_PAIR, against, asking_for, price
from lens_gate.reports.numbers import plural
from lens_gate.reports.page import Gap
from lens_gate.reports.reasons import told
from lens_gate.reports.words import PHRASES, in_words, sentence
from lens_gate.vocabulary.metrics import Hypothesis
from lens_gate.vocabulary.outcomes import Remedy

COVERED_WITHOUT_NONCE = "Covered without `workload.cache.nonce`, or with `nonce: end`."

_LONGEST_LINE = 600

_REMEDIES: Mapping[Remedy, str] = {
    Remedy.BOTH_AT_ONCE: "Covered by pairs: measure both versions at the same time, with your other options:",
    Remedy.STREAMS: "Covered by streamed answers: no `stream: false` in `params`, `format: sse` where it is `generic`.",
    Remedy.LONGER_ANSWERS: "Covered by streamed answers of two tokens or more: raise `max_tokens`, and ask for more.",
    Remedy.PRICES: "Covered with a price: set `input_usd_per_million` and `output_usd_per_million` of the model.",
    Remedy.TOKEN_COUNTS: "Covered by a server that counts tokens; of a `generic` endpoint, `response.output_tokens` "
    "says where they stand.",
    Remedy.CACHE_COUNTS: "Covered by a server that reports cached tokens (vLLM: --enable-prompt-tokens-details); of a "
    "`generic` endpoint, `response.cached_tokens` says where they stand.",
    Remedy.NO_NONCE: COVERED_WITHOUT_NONCE,
    Remedy.MENDING: "Covered once that is mended, and measured again.",
}
_ONCE_BOTH_HAVE_IT = "Covered once both versions have it."
_COMMAND_OF_BOTH = "lens-gate ci --against-ref main"


_TOPICS: Mapping[str, str] = {
    PHRASES[Hypothesis.TTFT_TAIL_EXCESS].label: "slow first tokens",
    PHRASES[Hypothesis.TTFT_TAIL_EXCEEDANCE].label: "slow first tokens",
}
"""What two questions are called together."""
_MOST_TOPICS = 3


def not_covered(analysis: Analysis) -> tuple[str, ...]:
    """Name what a pass says nothing of, each once and in few words, as a headline does."""
    asked = [in_words(text).partition(": ") for row in analysis.coverage for text in row.not_covered]
    topics = [_TOPICS.get(plain(name), plain(name)) if colon else "some checks" for name, colon, _ in asked]
    named = list(dict.fromkeys([*topics, *(["what only one version has"] if analysis.uncovered else [])]))
    more = len(named) - _MOST_TOPICS + 1
    return tuple(named) if more <= 1 else (*named[: _MOST_TOPICS - 1], f"{more} more")


def gaps(analysis: Analysis, names: Mapping[str, str]) -> tuple[Gap, ...]:
    """Return what is not covered; what has the same remedy stands together, in the order of its first line."""
    found: dict[tuple[str, str | None], list[str]] = {}
    for text, remedy, command in (*_unanswered(analysis, names), *_alone(analysis.uncovered)):
        found.setdefault((remedy, command), []).append(text)
    return tuple(Gap(texts=tuple(texts), remedy=remedy, command=command) for (remedy, command), texts in found.items())


def _unanswered(analysis: Analysis, names: Mapping[str, str]) -> Iterator[tuple[str, str, str | None]]:
    everything = [(row.series, text, by) for row in analysis.coverage for text, by in row.gaps]
    more_pairs = [by for _, _, by in everything if by is not None and by.remedy is Remedy.PAIRS]
    of_pairs = _with_more_pairs(analysis, more_pairs)
    for series, text, by in everything:
        line = shortened(sentence(f"{names.get(series, plain(series))}: {_why(text, by)}"), _LONGEST_LINE)
        if by is None:
            yield line, "", None
        elif by.remedy is Remedy.PAIRS:
            yield line, *of_pairs
        else:
            yield line, _REMEDIES[by.remedy], _COMMAND_OF_BOTH if by.remedy is Remedy.BOTH_AT_ONCE else None


def _why(text: str, by: CoveredBy | None) -> str:
    """Return what is not covered, and why: in reasons where they have numbers."""
    asked, colon, _ = in_words(text).partition(": ")
    return f"{asked}: {told(by.because)}" if colon and by is not None and by.because else in_words(text)


def _with_more_pairs(analysis: Analysis, wanted: Sequence[CoveredBy]) -> tuple[str, str | None]:
    """Return the remedy and the one command for all rare events together, with what it takes where that is known."""
    if not wanted:
        return "", None
    most = Need(pairs=max(by.pairs or 0 for by in wanted), usd=None, minutes=None)
    least = analysis.covering if analysis.covering and analysis.covering.pairs == most.pairs else most
    remedy = f"Covered by {plural(least.pairs, 'pair')} a model{price(least)}. {A_PAIR}"
    if is_itself(analysis.comparison):
        return remedy, None
    words = sorted({by.cover for by in wanted if by.cover is not None})
    cover = f" --cover {','.join(words)}" if words else ""
    asked = asking_for(least, len(analysis.coverage))
    return f"{remedy} With your other options:", f"lens-gate ci {against(analysis.comparison)}{asked}{cover}"


def _alone(uncovered: Sequence[Uncovered]) -> Iterator[tuple[str, str, None]]:
    for text in uncovered_lines(uncovered):
        yield text, _ONCE_BOTH_HAVE_IT, None

"""Numbers as people read them: the only place where floats are rounded.

A true minus, a sign on every change, a no-break space before the unit, three significant digits for times.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import ceil, floor, isfinite, log10
from typing import Literal, assert_never

from lens_gate.vocabulary.metrics import Direction

NBSP = "\u00a0"
MINUS = "−"
NOTHING = "–"
EffectUnit = Literal["%", "points"]

_SMALLEST = 0.001
_SPANS = ((3600, "h"), (60, "min"), (1, "s"))
_ENDLESS = 1_000_000
_LIMIT_DECIMALS = 4
_MOST_DECIMALS = 8
_UNITS = {"1/s": "/s"}


def known(value: float | None) -> float | None:
    """Return the number, or None where it is missing, infinite or no number."""
    return float(value) if value is not None and isfinite(value) else None


def three_digits(value: float) -> str:
    """Return three significant digits without an exponent; below a thousandth only that it is less."""
    if value == 0:
        return "0"
    if abs(value) < _SMALLEST:
        return f"under {_SMALLEST}"
    rounded = _rounded(value)
    decimals = max(0, 2 - floor(log10(abs(rounded))))
    return _true_minus(f"{rounded:,.{decimals}f}")


def share_of(part: int, whole: int) -> str:
    """Return a share that says 100 % and 0 % only where that is exactly so."""
    if not whole:
        return NOTHING
    rounded = round(100 * part / whole, 1)
    inside = min(max(rounded, 0.1), 99.9) if 0 < part < whole else rounded
    return percent(inside)


def milliseconds(value: float) -> str:
    """Return milliseconds in their unit: `17.6 ms`, from a second on `3.22 s`."""
    if value and abs(_rounded(value)) >= 1000:
        return f"{three_digits(value / 1000)}{NBSP}s"
    return f"{three_digits(value)}{NBSP}ms"


def usd(value: float) -> str:
    """Return dollars: two decimals from one dollar on, three significant digits below."""
    sign = MINUS if value < 0 else ""
    size = _rounded(abs(value)) if value else 0.0
    if size >= 1 or size == 0:
        return f"{sign}${abs(value):,.2f}"
    if size < 1e-6:
        return f"{sign}under $0.000001"
    return f"{sign}${size:.{2 - floor(log10(size))}f}"


def usd_as_set(value: float) -> str:
    """Return dollars that somebody set, such as a price or a cap, without digits that nobody wrote: `$0.50`."""
    whole, _, decimals = usd(value).partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"


def money(value: float, currency: str) -> str:
    """Return an amount in any currency, in the digits of dollars: `$1.20`, `1.20 EUR`."""
    return usd(value) if currency == "USD" else f"{usd(value).replace('$', '')}{NBSP}{currency}"


def percent(value: float, *, beside: float | None = None) -> str:
    """Return a share that carries no sign, such as `99.5 %`; beside a limit as `signed` does."""
    return _true_minus(f"{value:.{_decimals(value, beside)}f}") + f"{NBSP}%"


def percent_of(fraction: float) -> str:
    """Return a round share of all, such as `95 %`."""
    return f"{100 * fraction:.4g}{NBSP}%"


def whole_percent(fraction: float) -> str:
    """Return a share of all that is known roughly, such as `84 %`."""
    return f"{100 * fraction:.0f}{NBSP}%"


def tick_ms(value: float) -> str:
    """Return milliseconds at which an axis has a tick, without digits that say nothing: `2.5 ms`, `10 ms`, `1.5 s`."""
    return f"{value / 1000:.4g}{NBSP}s" if value >= 1000 else f"{value:.4g}{NBSP}ms"


def span(seconds: float, longest: float) -> str:
    """Return a time since the start, in the unit that suits the `longest` of its axis: `30 s`, `2.5 min`, `3 h`."""
    size, unit = next((size, unit) for size, unit in _SPANS if longest >= 3 * size or size == 1)
    return f"{seconds / size:.4g}{NBSP}{unit}"


def count(value: float) -> str:
    """Return a whole number with its thousands apart."""
    return _true_minus(f"{value:,.0f}")


def share(value: float) -> str:
    """Return a fraction as a percentage."""
    return percent(100 * value)


_FORMATS: Mapping[str, Callable[[float], str]] = {
    "ms": milliseconds,
    "USD": usd,
    "%": percent,
    "share": share,
    "of asked": share,
}
_SHARES = frozenset({"share", "of asked"})
_COUNTED = frozenset({"requests", "tokens", "pairs", "models"})


def quantity(value: float | None, unit: str, *, beside: float | None = None) -> str:
    """Return a measured value in its unit, or a dash where there is none.

    Where a value and the limit `beside` it would read alike and are not, each tells the other apart: both in one unit,
    and in the fewest decimals in which they differ.
    """
    number, text = known(value), _quantity(value, unit)
    if number is None or beside is None or number == beside or text != _quantity(beside, unit):
        return text
    scale, name = (100.0, "%") if unit in _SHARES else (1.0, _UNITS.get(unit, unit))
    digits = next((few for few in range(1, 12) if round(scale * number, few) != round(scale * beside, few)), 12)
    if unit == "USD":
        return _true_minus(f"{'-' if number < 0 else ''}${abs(number):,.{max(2, digits)}f}")
    return _true_minus(f"{scale * number:,.{digits}f}{NBSP}{name}".rstrip(NBSP))


def _quantity(value: float | None, unit: str) -> str:
    number = known(value)
    if number is None:
        return NOTHING
    if unit in _FORMATS:
        return _FORMATS[unit](number)
    if unit in _COUNTED and number.is_integer():
        return plural(int(number), unit.removesuffix("s")).replace(" ", NBSP)
    return f"{three_digits(number)}{NBSP}{_UNITS.get(unit, unit)}".rstrip(NBSP)


def decimal(value: float, digits: int) -> str:
    """Return a plain number with so many decimals, such as a correlation or a factor."""
    text = f"{value:,.{digits}f}"
    return _true_minus(text if float(text.replace(",", "")) else text.lstrip("-"))


def signed(value: float, *, beside: float | None = None) -> str:
    """Return a change with its sign and one decimal; `±0.0` for one that rounds to nothing.

    With more decimals where it would otherwise read like the limit that it stands `beside`, on one of its sides.
    """
    if abs(value) >= _ENDLESS:
        return f"beyond {MINUS if value < 0 else '+'}{_ENDLESS:,}"
    text = f"{value:+,.{_decimals(value, beside)}f}"
    return "±0.0" if text in {"+0.0", "-0.0"} else _true_minus(text)


def size(value: float, unit: EffectUnit, *, beside: float | None = None) -> str:
    """Return how large a change is, without its sign: `8.2 %`; beside a limit as `signed` does."""
    return f"{signed(abs(value), beside=beside).lstrip('+±')}{NBSP}{unit}"


def _decimals(value: float, beside: float | None) -> int:
    """Return the fewest decimals, one at least, by which a number lies on its own side of the limit beside it."""
    if beside is None or abs(value) == abs(beside):
        return 1
    size, told, above = abs(value), _as_told(abs(beside)), abs(value) > abs(beside)
    rounded = ((digits, round(size, digits)) for digits in range(1, _MOST_DECIMALS))
    return next((digits for digits, one in rounded if (one > told if above else one < told)), _MOST_DECIMALS)


def change(value: float | None, unit: EffectUnit, *, beside: float | None = None) -> str:
    """Return a change such as `+14.8 %` or `−0.4 points`, or a dash; beside a limit as `signed` does."""
    number = known(value)
    return NOTHING if number is None else f"{signed(number, beside=beside)}{NBSP}{unit}"


def signed_tick(value: float, unit: EffectUnit) -> str:
    """Return a change at which an axis has a tick, such as `+10 %`; no change has no sign."""
    text = f"{value:+,.3f}".rstrip("0").rstrip(".") if value else "0"
    return f"{_true_minus(text)}{NBSP}{unit}" if unit == "%" else _true_minus(text)


def signed_quantity(value: float, unit: str) -> str:
    """Return a difference of two measured values with its sign, such as `+74 ms`."""
    sign = MINUS if value < 0 else "+"
    return f"{sign}{quantity(abs(value), unit)}"


def interval(lower: float | None, upper: float | None, *, beside: float | None = None) -> str:
    """Return the bounds of a change, without the unit, which stands beside them; beside a limit as `signed` does."""
    if known(lower) is None:
        return NOTHING if upper is None or known(upper) is None else f"up to {signed(upper, beside=beside)}"
    bottom = signed(lower or 0.0, beside=beside)
    if upper is None or known(upper) is None:
        return f"{bottom} and more"
    return f"{bottom} to {signed(upper, beside=beside)}"


def limit(value: float | None, unit: EffectUnit, worse: Direction) -> str:
    """Return the change that is allowed: `+5 %`, `−10 points` where less is worse, `±2 %` where either counts."""
    number = known(value)
    sign = {Direction.LOWER_IS_BETTER: "+", Direction.HIGHER_IS_BETTER: MINUS, Direction.TWO_SIDED: "±"}[worse]
    return NOTHING if number is None else f"{sign}{allowance(number, unit)}"


def allowance(value: float, unit: EffectUnit) -> str:
    """Return a limit as it was set, without its sign: `5 %`, `150.5 %`, `2 points`."""
    return f"{f'{_as_told(value):,.{_LIMIT_DECIMALS}f}'.rstrip('0').rstrip('.')}{NBSP}{unit}"


def _as_told(limit: float) -> float:
    """Return a limit as it is printed: in the decimals that people set, which one that is calculated has more of."""
    return round(limit, _LIMIT_DECIMALS)


def slope(value: float, unit: EffectUnit) -> str:
    """Return a change from run to run, which may be small, in three significant digits: `+0.401 %`."""
    return f"{MINUS if value < 0 else '+'}{three_digits(abs(value))}{NBSP}{unit}"


def at_worst(harm: float, worse: Direction, *, beside: float | None = None) -> str:
    """Return a bound on the harm in the direction in which the change is told, without its unit.

    Beside a limit as `signed` does.
    """
    match worse:
        case Direction.LOWER_IS_BETTER:
            return signed(harm, beside=beside)
        case Direction.HIGHER_IS_BETTER:
            return signed(-harm, beside=beside)
        case Direction.TWO_SIDED:
            return f"±{signed(abs(harm), beside=beside).lstrip('+±')}"
        case _ as never:
            assert_never(never)


def headline_size(value: float, unit: EffectUnit) -> str:
    """Return the size of a change without sign and decimals, as a headline says it."""
    if abs(value) >= _ENDLESS:
        return f"over {_ENDLESS:,}{NBSP}{unit}"
    whole = floor(abs(value) + 0.5)
    name = "point" if unit == "points" and whole <= 1 else unit
    return f"{whole:,}{NBSP}{name}" if whole else f"under 1{NBSP}{name}"


def probability(value: float) -> str:
    """Return a probability in two significant digits."""
    return f"{value:.2g}"


def duration(seconds: float) -> str:
    """Return a duration in words, in its two largest units."""
    whole = round(seconds)
    if whole < 60:
        return plural(whole, "second")
    if whole < 3600:
        return _joined(plural(whole // 60, "minute"), whole % 60, "second")
    minutes = round(whole / 60)
    return _joined(plural(minutes // 60, "hour"), minutes % 60, "minute")


def minutes(value: float) -> str:
    """Return a forecast of minutes, rounded up to whole ones."""
    return plural(max(1, ceil(value)), "minute")


def plural(number: int, word: str) -> str:
    """Return `1 check`, `12 checks`."""
    return f"{count(number)} {word}" if number == 1 else f"{count(number)} {word}s"


def cents_up(usd_value: float) -> str:
    """Return dollars rounded up to cents, as an option takes them, with a fifth on top: money is reserved ahead."""
    return f"{max(1, ceil(usd_value * 120)) / 100:.2f}"


def precise(value: float) -> str:
    """Return a number for programs, in the twelve digits on which all machines agree."""
    return f"{value:.12g}"


def exact(value: float) -> str:
    """Return a number for machines, in six significant digits."""
    return f"{value:.6g}"


def _joined(large: str, rest: int, word: str) -> str:
    return f"{large} {plural(rest, word)}" if rest else large


def _rounded(value: float) -> float:
    return round(value, 2 - floor(log10(abs(value))))


def _true_minus(text: str) -> str:
    return text.replace("-", MINUS)

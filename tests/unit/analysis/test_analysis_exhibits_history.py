"""The levels and columns of a history: steps beside their dates, and nothing lost of 10,000 runs."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from lens_gate.analysis.exhibits_history import MOST_POINTS, history_exhibit, newest_part
from lens_gate.artifacts.exhibits import HistoryExhibit
from lens_gate.stats.change_points import FEWEST_RUNS
from tests.builders import SERIES
from tests.histories import FIRST_DAY, MEDIAN, a_record, a_trend, noisy, only_series, records_of, stepped


def test_a_level_is_the_middle_between_two_shifts_and_holds_nine_of_ten_runs() -> None:
    series = only_series(records_of(stepped(0.16)))
    [shift] = series.shifts
    before, after = history_exhibit(series).levels
    values = [point.value for point in series.points]
    assert (before.first, before.end, after.first, after.end) == (0, shift.index, shift.index, len(values))
    assert before.value == pytest.approx(np.median(values[: shift.index]))
    inside = [before.low <= value <= before.high for value in values[: shift.index]]
    assert 0.85 <= sum(inside) / len(inside) <= 0.95


def test_a_line_without_a_shift_has_one_level_and_one_without_runs_none() -> None:
    drawn = history_exhibit(only_series(records_of(noisy(20))))
    assert [(one.first, one.end) for one in drawn.levels] == [(0, 20)]
    assert drawn.columns == ()
    assert drawn.seconds[:2] == (0.0, 86_400.0)
    nothing = a_trend([*records_of(noisy(3)), a_record(9, values={("openai/new", MEDIAN): None})])
    empty = next(series for series in nothing.series if not series.points)
    assert history_exhibit(empty) == HistoryExhibit(seconds=(), levels=())


@pytest.mark.parametrize(("runs", "levels"), [(3, 0), (FEWEST_RUNS - 1, 0), (FEWEST_RUNS, 1)])
def test_a_line_of_too_few_runs_to_shift_has_no_level(runs: int, levels: int) -> None:
    assert len(history_exhibit(only_series(records_of(noisy(runs)))).levels) == levels


def test_one_run_alone_is_a_line_too() -> None:
    drawn = history_exhibit(only_series(records_of([0.0])))
    assert drawn.seconds == (0.0,)
    assert [column.middle for column in drawn.spark] == [1500.0]


def test_columns_stand_at_their_time_and_keep_every_extreme() -> None:
    count = MOST_POINTS + 200
    # Nine tenths of the runs lie in the first tenth of the time.
    hours = np.concatenate([np.linspace(0, 100, count * 9 // 10), np.linspace(101, 1000, count - count * 9 // 10)])
    level = np.where(hours > 500, 2.0, 1.0)
    level[7] = 9.0
    records = [
        a_record(n, values={(SERIES, MEDIAN): float(level[n])}, start=FIRST_DAY + timedelta(hours=float(hours[n])))
        for n in range(count)
    ]
    drawn = history_exhibit(only_series(records))
    assert 100 < len(drawn.columns) <= 400
    assert max(column.largest for column in drawn.columns) == 9.0
    first_high = next(column for column in drawn.columns if column.middle == 2.0)
    assert first_high.at == pytest.approx(0.5, abs=0.02)
    assert len(drawn.spark) <= 60


def test_the_newest_part_of_a_line_has_its_runs_and_the_shifts_within_it() -> None:
    series = only_series(records_of(stepped(0.3, before=80, after=20)))
    [shift] = series.shifts
    part = newest_part(series, 30)
    assert part is not None
    assert part.points == series.points[-31:]
    [moved] = part.shifts
    assert part.points[moved.index].run == shift.run
    before, after = history_exhibit(part).levels
    assert after.value > 1.2 * before.value


def test_a_shift_before_the_newest_part_is_none_of_its() -> None:
    part = newest_part(only_series(records_of(stepped(0.3, before=40, after=60))), 30)
    assert part is not None
    assert part.shifts == ()
    assert len(history_exhibit(part).levels) == 1


def test_a_line_that_is_hardly_longer_or_has_few_runs_of_late_has_no_part() -> None:
    assert newest_part(only_series(records_of(noisy(40))), 30) is None
    assert newest_part(only_series(records_of(noisy(46))), 30) is not None
    rare = [a_record(12 * n, 1500.0 + n % 3) for n in range(12)]
    assert newest_part(only_series(rare), 30) is None
    nothing = a_trend([*records_of(noisy(3)), a_record(9, values={("openai/new", MEDIAN): None})])
    assert newest_part(next(series for series in nothing.series if not series.points), 30) is None

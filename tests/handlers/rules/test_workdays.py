"""Working days of the official calendar: make-up weekends, long holidays, and years that nobody has published."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.official_years import OfficialYear
from handlers.rules.workdays import CalendarUnknown, WorkCalendar, official_calendar

KNOWN_DAYS = st.dates(date(2004, 1, 1), date(2025, 12, 31))


@pytest.mark.rule("DDL-04")
@pytest.mark.parametrize(
    "day",
    [
        date(2023, 10, 7),  # Saturday after National Day, made up
        date(2023, 10, 8),  # Sunday, made up
        date(2024, 2, 4),  # Sunday before Spring Festival, made up
        date(2024, 2, 9),  # 除夕 2024: the notice only encouraged leave
        date(2024, 2, 18),  # Sunday after Spring Festival, made up
        date(2025, 1, 26),  # Sunday before Spring Festival, made up
        date(2025, 2, 8),
        date(2026, 1, 4),
        date(2026, 2, 14),
        date(2026, 2, 28),
        date(2026, 5, 9),
        date(2026, 9, 20),
        date(2026, 10, 10),
    ],
)
def test_make_up_weekends_and_the_last_day_before_spring_festival_2024_are_workdays(day: date) -> None:
    assert official_calendar().is_workday(day)


@pytest.mark.parametrize(
    "day",
    [
        date(2023, 9, 29),  # Friday, Mid-Autumn
        date(2023, 10, 6),  # Friday, end of National Day
        date(2024, 2, 16),  # Friday of Spring Festival week
        date(2020, 1, 31),  # Friday: the holiday that was extended in 2020
        date(2026, 10, 7),
        date(2024, 3, 2),  # an ordinary Saturday
    ],
)
def test_holidays_and_ordinary_weekends_are_no_workdays(day: date) -> None:
    assert not official_calendar().is_workday(day)


@pytest.mark.rule("JUR-01", "DDL-03")
@pytest.mark.parametrize(
    ("found_on", "workdays", "due_on"),
    [
        (date(2023, 9, 28), 1, date(2023, 10, 7)),  # eight days off, then a made-up Saturday
        (date(2024, 2, 9), 1, date(2024, 2, 18)),  # S03
        (date(2025, 1, 24), 1, date(2025, 1, 26)),  # S04, Friday to a made-up Sunday
        (date(2025, 1, 27), 1, date(2025, 2, 5)),  # S04, Monday before the holiday
        (date(2026, 9, 30), 1, date(2026, 10, 8)),  # S07
        (date(2023, 8, 4), 1, date(2023, 8, 7)),  # an ordinary Friday
        (date(2023, 8, 5), 1, date(2023, 8, 7)),  # found on a Saturday
        (date(2023, 8, 1), 20, date(2023, 8, 29)),
        (date(2023, 8, 1), 0, date(2023, 8, 1)),
    ],
)
def test_a_limit_runs_from_the_day_after_over_working_days_only(found_on: date, workdays: int, due_on: date) -> None:
    calendar = official_calendar()

    assert calendar.add_workdays(found_on, workdays) == due_on
    assert calendar.due(found_on, workdays).on == due_on
    assert calendar.due(found_on, workdays).provisional is None


@pytest.mark.parametrize(
    ("day", "workdays", "year"),
    [
        (date(2026, 12, 31), 1, 2027),  # S06
        (date(2026, 12, 10), 20, 2027),
        (date(2027, 5, 3), 1, 2027),
        (date(2003, 12, 1), 3, 2003),
    ],
)
def test_a_year_without_an_official_calendar_is_named_and_never_guessed(day: date, workdays: int, year: int) -> None:
    with pytest.raises(CalendarUnknown) as caught:
        official_calendar().add_workdays(day, workdays)

    assert caught.value.year == year
    assert f"{year}年" in caught.value.message


def test_a_weekday_and_a_sunday_of_an_unknown_year_are_both_refused() -> None:
    for day in (date(2027, 3, 3), date(2027, 3, 7)):
        with pytest.raises(CalendarUnknown):
            official_calendar().is_workday(day)


def test_a_limit_that_reaches_an_unknown_year_is_provisional_and_says_which() -> None:
    due = official_calendar().due(date(2026, 12, 31), 1)

    # New Year's Day 2027 is a Friday; the Monday after it is the first day that may count.
    assert due.on == date(2027, 1, 4)
    assert due.provisional == "2027年放假安排尚未公布，暂按周一至周五计算"


def test_a_provisional_limit_skips_the_fixed_public_holidays() -> None:
    due = official_calendar().due(date(2027, 9, 30), 1)

    # 1 October 2027 is a Friday, then a weekend that holds the rest of the fixed days.
    assert due.on == date(2027, 10, 4)


def test_a_limit_over_two_unknown_years_names_both() -> None:
    due = official_calendar().due(date(2027, 12, 30), 3)

    assert due.provisional == "2027年、2028年放假安排尚未公布，暂按周一至周五计算"


def test_a_limit_that_ends_on_the_last_known_day_is_final() -> None:
    assert official_calendar().due(date(2026, 12, 30), 1).provisional is None


def test_a_negative_limit_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="negative"):
        official_calendar().add_workdays(date(2023, 8, 1), -1)


def test_an_entered_year_wins_over_the_package_and_fills_what_it_lacks() -> None:
    entered = {
        2026: OfficialYear(year=2026, notice="另行通知", off_days=frozenset({date(2026, 3, 4)}), work_days=frozenset()),
        2027: OfficialYear(
            year=2027,
            notice="测试通知",
            off_days=frozenset({date(2027, 1, 1)}),
            work_days=frozenset({date(2027, 1, 2)}),
        ),
    }
    calendar = WorkCalendar(entered)

    assert not calendar.is_workday(date(2026, 3, 4))
    assert calendar.add_workdays(date(2026, 12, 31), 1) == date(2027, 1, 2)
    assert calendar.due(date(2026, 12, 31), 1).provisional is None


def test_working_days_between_count_the_end_and_not_the_start() -> None:
    calendar = official_calendar()

    assert calendar.workdays_between(date(2023, 9, 28), date(2023, 10, 8)) == 2
    assert calendar.workdays_between(date(2026, 10, 8), date(2026, 10, 9)) == 1
    assert calendar.workdays_between(date(2023, 8, 1), date(2023, 8, 1)) == 0
    assert calendar.workdays_between(date(2023, 8, 2), date(2023, 8, 1)) == 0


@given(KNOWN_DAYS, st.integers(1, 60))
def test_what_is_added_is_counted_between_and_ends_on_a_workday(day: date, workdays: int) -> None:
    calendar = official_calendar()

    due_on = calendar.add_workdays(day, workdays)

    assert calendar.is_workday(due_on)
    assert calendar.workdays_between(day, due_on) == workdays


@given(st.dates(date(2020, 1, 1), date(2028, 12, 31)), st.integers(0, 40))
def test_a_later_start_is_never_due_earlier(day: date, workdays: int) -> None:
    calendar = official_calendar()

    assert calendar.due(day, workdays).on <= calendar.due(day + timedelta(days=1), workdays).on

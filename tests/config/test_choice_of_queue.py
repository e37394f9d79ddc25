"""`TONGBAN_JOBS`: where jobs wait, and where that cannot be."""

from __future__ import annotations

import pytest

from config.settings import SettingsError, from_environment

POSTGRES = "postgresql://tongban@db/tongban"


def test_jobs_wait_in_the_embedded_table_where_nothing_is_said() -> None:
    assert from_environment({}).jobs == "embedded"


def test_procrastinate_is_chosen_on_postgresql() -> None:
    settings = from_environment({"TONGBAN_JOBS": "procrastinate", "TONGBAN_DATABASE_URL": POSTGRES})

    assert settings.jobs == "procrastinate"


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        pytest.param({"TONGBAN_JOBS": "celery"}, "may be one of embedded, procrastinate", id="unknown"),
        pytest.param({"TONGBAN_JOBS": "procrastinate"}, "needs PostgreSQL", id="on SQLite"),
        pytest.param(
            {"TONGBAN_JOBS": "procrastinate", "TONGBAN_DATABASE_URL": POSTGRES, "TONGBAN_MODE": "training"},
            "training cannot move",
            id="with a movable clock",
        ),
    ],
)
def test_a_choice_that_cannot_work_is_refused_at_the_start(environment: dict[str, str], sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        from_environment(environment)

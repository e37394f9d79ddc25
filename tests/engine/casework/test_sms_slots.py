"""Slots of text messages below HTTP: configurations that come later, two administrators at once."""

from __future__ import annotations

import threading
from datetime import date

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.casework import sms_slots, sms_templates
from engine.casework.province import configuration_for
from engine.db import transaction
from engine.errors import Conflict, NotAllowed
from engine.models import ServiceConfiguration, SlotBinding
from tests.factories_intake import GUANGZHOU, TIANHE, make_officer

SERVICE = "medical_expense"


def bound(session: Session, content: str = "您的业务已办结。") -> int:
    """A published template of 广州."""
    admin = make_officer(session, GUANGZHOU, "city_administrator")
    category = sms_templates.add_category(session, admin, "大类")
    session.flush()
    template = sms_templates.add_template(
        session, admin, category_id=category.id, function_code="A", name="名", content=content
    )
    session.flush()
    return sms_templates.publish(session, template.id, admin, version=1).id


@pytest.mark.rule("CFG-10")
def test_a_choice_counts_for_the_districts_from_today_and_not_before(session: Session) -> None:
    template_id = bound(session)
    admin = make_officer(session, GUANGZHOU, "city_administrator")

    sms_slots.choose(session, admin, SERVICE, version=1, choices={"completion": template_id})

    today = configuration_for(session, TIANHE, SERVICE, date(2023, 8, 1))
    yesterday = configuration_for(session, TIANHE, SERVICE, date(2023, 7, 31))
    assert today.sms["completion"] == "您的业务已办结。"
    assert (yesterday.version, today.version) == (1, 2)
    assert today.materials == yesterday.materials
    assert (today.limit_workdays, today.review_levels) == (yesterday.limit_workdays, yesterday.review_levels)


@pytest.mark.rule("CFG-10")
def test_a_choice_outlives_a_configuration_that_comes_into_force_later(session: Session) -> None:
    template_id = bound(session)
    admin = make_officer(session, GUANGZHOU, "city_administrator")
    now = configuration_for(session, GUANGZHOU, SERVICE, date(2023, 8, 1))
    session.add(
        ServiceConfiguration(
            city_code=GUANGZHOU,
            service=SERVICE,
            version=2,
            valid_from=date(2024, 1, 1),
            limit_workdays=now.limit_workdays + 5,
            review_levels=now.review_levels,
            distribution_mode=now.distribution_mode,
            materials=now.materials,
            sms=now.sms,
            switches=now.switches,
        )
    )
    session.flush()

    sms_slots.choose(session, admin, SERVICE, version=2, choices={"completion": template_id})

    later = configuration_for(session, GUANGZHOU, SERVICE, date(2024, 1, 1))
    assert later.sms["completion"] == "您的业务已办结。"
    assert later.limit_workdays == now.limit_workdays + 5
    assert later.valid_from == date(2024, 1, 1)
    assert session.get(SlotBinding, (later.id, "completion")) is not None


def test_an_administrator_of_a_district_does_not_write_the_texts_of_the_city(session: Session) -> None:
    with pytest.raises(NotAllowed):
        sms_templates.add_category(session, make_officer(session, TIANHE, "city_administrator"), "大类")


@pytest.mark.postgres
@pytest.mark.rule("SMS-03")
def test_of_two_administrators_who_choose_at_once_one_is_told(postgres_app: Flask) -> None:
    with transaction() as session:
        template_id = bound(session)
        admin = make_officer(session, GUANGZHOU, "city_administrator")
    together = threading.Barrier(2)
    outcomes: list[str] = []

    def choose(slot: str) -> None:
        with postgres_app.app_context():
            try:
                with transaction() as session:
                    together.wait(10)
                    sms_slots.choose(session, admin, SERVICE, version=1, choices={slot: template_id})
                outcomes.append("chosen")
            except Conflict as error:
                outcomes.append(error.code)

    threads = [threading.Thread(target=choose, args=(slot,)) for slot in ("completion", "urging")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["chosen", "stale_version"]
    with transaction() as session:
        versions = session.scalars(
            select(ServiceConfiguration.version).where(
                ServiceConfiguration.city_code == GUANGZHOU, ServiceConfiguration.service == SERVICE
            )
        ).all()
    assert sorted(versions) == [1, 2]

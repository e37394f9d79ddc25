"""Handing in an application: its place, its gates, notices, refusal."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from config.catalogue import services
from engine.actor import Actor
from engine.casework import acceptance, applications, materials, routing, tasks
from engine.db import transaction
from engine.errors import Conflict, InvalidInput, NotAllowed, NotFound, RuleRefused
from engine.models import (
    Agency,
    Application,
    CaseEvent,
    Incident,
    Instance,
    IssuedDocument,
    Message,
    Person,
    ServiceConfiguration,
    Task,
)
from tests.conftest import FixedClock
from tests.factories import identity_number, make_person
from tests.factories_intake import (
    GUANGZHOU,
    PANYU,
    SHENZHEN,
    TIANHE,
    ZHONGSHAN,
    ZHUHAI,
    benefit_form,
    facts_for,
    forms_for,
    install,
    lump_sum_notice,
    make_command,
    make_officer,
    make_relation,
    outlet_of,
)
from tests.factories_people import RARE_NAME

TOWN = "442000001"


@pytest.fixture(autouse=True)
def _province(request: pytest.FixtureRequest) -> None:
    if "session" in request.fixturenames:
        install(request.getfixturevalue("session"))


@pytest.fixture
def acceptor(session: Session) -> Actor:
    """At a counter in 深圳."""
    return make_officer(session, SHENZHEN, "acceptor")


@pytest.fixture
def insured(session: Session) -> None:
    """The usual worker was insured in 中山 when injured and is insured in 深圳 today."""
    make_relation(session, make_person(), ZHONGSHAN, until_on=date(2022, 12, 31))
    make_relation(session, make_person(), SHENZHEN, from_on=date(2023, 1, 1), employer=2)


def submit(session: Session, acceptor: Actor, *wanted: str, **others: Any) -> Application:
    command = make_command(*wanted, outlet=outlet_of(session, acceptor.agency_code), **others)
    return applications.submit_application(session, command, acceptor)


def failed(application: Application) -> list[str]:
    return [gate["rule"] for gate in application.gates if not gate["passed"]]


def nothing_is_stored(session: Session) -> bool:
    return session.scalar(select(func.count()).select_from(Application)) == 0


def faults(session: Session, acceptor: Actor, **others: Any) -> set[str]:
    """The fields that are refused when the usual command is changed."""
    command = make_command(outlet=outlet_of(session, acceptor.agency_code)) | others
    with pytest.raises(InvalidInput) as refused:
        applications.submit_application(session, command, acceptor)
    assert nothing_is_stored(session)
    return set(refused.value.fields)


# --- where it belongs


@pytest.mark.rule("ROU-01", "ROU-02")
def test_a_worker_who_has_moved_is_routed_to_where_he_was_insured_at_the_injury(
    session: Session, acceptor: Actor, insured: None
) -> None:
    application = submit(session, acceptor)

    assert (application.state, application.handling_agency_code) == ("draft", ZHONGSHAN)
    assert application.accepting_agency_code == SHENZHEN
    assert applications.is_cross_place(session, application)
    assert application.checklist["medical_expense"]


@pytest.mark.rule("ROU-02")
def test_an_application_at_the_place_of_insurance_is_local(session: Session, insured: None) -> None:
    application = submit(session, make_officer(session, ZHONGSHAN, "acceptor"))

    assert not applications.is_cross_place(session, application)


@pytest.mark.rule("ROU-02")
@pytest.mark.parametrize(
    ("accepting", "handling", "cross_place"),
    [
        (TIANHE, TIANHE, False),
        (GUANGZHOU, TIANHE, False),
        (TIANHE, GUANGZHOU, False),
        (TIANHE, PANYU, False),  # two districts of one city share its pooling area
        (TOWN, ZHONGSHAN, False),
        (TIANHE, ZHONGSHAN, True),
        (SHENZHEN, GUANGZHOU, True),
        ("440099", GUANGZHOU, True),
    ],
)
def test_elsewhere_is_another_pooling_area(session: Session, accepting: str, handling: str, cross_place: bool) -> None:
    agencies = {agency.code: agency for agency in session.scalars(select(Agency))}
    town = next(agency.code for agency in agencies.values() if agency.superior_code == ZHONGSHAN)

    accepting = town if accepting == TOWN else accepting

    assert routing.is_cross_place(agencies[accepting], agencies[handling]) is cross_place


def test_the_relation_with_a_town_of_a_city_without_districts_is_handled_by_the_city(
    session: Session, acceptor: Actor
) -> None:
    town = session.scalars(select(Agency.code).where(Agency.superior_code == ZHONGSHAN).limit(1)).one()
    make_relation(session, make_person(), town)

    assert submit(session, acceptor).handling_agency_code == ZHONGSHAN


@pytest.mark.rule("ROU-06")
def test_no_relation_is_a_task_for_a_supervisor_and_never_a_default(session: Session, acceptor: Actor) -> None:
    application = submit(session, acceptor)

    assert (application.state, application.handling_agency_code) == ("unresolved", None)
    assert application.routing["state"] == "none"
    assert "未找到" in application.routing["reason"]
    assert application.checklist == {}
    task = session.scalars(select(Task).where(Task.application_id == application.id)).one()
    assert (task.role, task.agency_code, task.element_id) == ("supervisor", SHENZHEN, "choose_relation")
    instance = session.scalars(select(Instance).where(Instance.application_id == application.id)).one()
    assert instance.subject == "application"


@pytest.mark.rule("ROU-06")
def test_several_relations_are_a_task_too_even_with_one_agency(session: Session, acceptor: Actor) -> None:
    make_relation(session, make_person(), ZHONGSHAN, employer=1)
    make_relation(session, make_person(), ZHONGSHAN, employer=2)

    application = submit(session, acceptor)

    assert (application.state, application.routing["state"]) == ("unresolved", "several")
    assert len(application.routing["relation_ids"]) == 2


@pytest.mark.rule("ROU-06", "ACC-05")
def test_the_chosen_relation_brings_gates_and_checklist(session: Session, acceptor: Actor) -> None:
    make_relation(session, make_person(), ZHONGSHAN, employer=1)
    chosen = make_relation(session, make_person(), ZHUHAI, employer=2)
    application = submit(session, acceptor, injured_on="2019-06-30")
    assert failed(application) == []

    supervisor = make_officer(session, SHENZHEN, "supervisor")
    routing.choose_relation(session, application, relation_id=chosen.id, reason="责任单位在珠海参保", actor=supervisor)

    assert (application.handling_agency_code, application.state) == (ZHUHAI, "blocked")
    assert failed(application) == ["SCO-03"]
    assert application.routing["state"] == "chosen"
    event = session.scalars(select(CaseEvent).where(CaseEvent.kind == "relation_chosen")).one()
    assert (event.officer_id, event.opinion) == (supervisor.officer_id, "责任单位在珠海参保")


def test_an_agency_can_be_chosen_by_its_code_or_its_division(session: Session, acceptor: Actor) -> None:
    supervisor = make_officer(session, SHENZHEN, "supervisor")
    by_agency, by_division = submit(session, acceptor), submit(session, acceptor)

    routing.choose_relation(session, by_agency, agency_code=ZHONGSHAN, reason="经核实", actor=supervisor)
    routing.choose_relation(session, by_division, agency_code="442000", reason="经核实", actor=supervisor)

    assert by_agency.handling_agency_code == by_division.handling_agency_code == ZHONGSHAN
    assert materials.missing_materials(session, by_agency)


@pytest.mark.parametrize(
    ("choice", "field"),
    [
        ({"relation_id": 999_999}, "relation_id"),
        ({"agency_code": "999999"}, "agency_code"),
        ({"agency_code": "\x00"}, "agency_code"),
        ({}, "relation_id"),
        ({"relation_id": 1, "agency_code": ZHONGSHAN}, "relation_id"),
        ({"agency_code": ZHONGSHAN, "reason": " "}, "reason"),
    ],
)
def test_a_choice_that_names_nothing_or_has_no_reason_is_refused(
    session: Session, acceptor: Actor, choice: dict[str, Any], field: str
) -> None:
    application = submit(session, acceptor)
    supervisor = make_officer(session, SHENZHEN, "supervisor")

    with pytest.raises(InvalidInput) as refused:
        routing.choose_relation(session, application, **{"reason": "经核实", "actor": supervisor, **choice})

    assert refused.value.fields.keys() == {field}
    assert application.state == "unresolved"


@pytest.mark.rule("ROU-06")
def test_the_supervisors_task_settles_the_relation_and_a_slip_of_the_pen_does_not_end_it(
    session: Session, acceptor: Actor
) -> None:
    application = submit(session, acceptor)
    task = session.scalars(select(Task).where(Task.application_id == application.id)).one()
    supervisor = make_officer(session, SHENZHEN, "supervisor")
    tasks.claim(session, task.id, supervisor)

    with pytest.raises(InvalidInput) as refused:
        tasks.complete(
            session, task.id, supervisor, outcome="done", fields={"agency": "999999", "reason": "经核实在中山参保"}
        )
    tasks.complete(
        session, task.id, supervisor, outcome="done", fields={"agency": ZHONGSHAN, "reason": "经核实在中山参保"}
    )

    assert refused.value.fields.keys() == {"fields.agency"}
    assert (application.state, application.handling_agency_code) == ("draft", ZHONGSHAN)
    instance = session.scalars(select(Instance).where(Instance.application_id == application.id)).one()
    assert instance.ended_at is not None
    assert session.scalars(select(Incident)).all() == []


def test_a_ticked_item_is_refused_also_while_the_place_is_not_known(session: Session, acceptor: Actor) -> None:
    with pytest.raises(InvalidInput) as refused:
        submit(session, acceptor, auxiliary=["third_party"], application_items=["no_such_item"])

    assert refused.value.fields.keys() == {"application_items.0"}


def test_a_relation_that_is_settled_is_not_chosen_again(session: Session, acceptor: Actor, insured: None) -> None:
    application = submit(session, acceptor)

    with pytest.raises(Conflict):
        routing.choose_relation(session, application, agency_code=ZHUHAI, reason="改到珠海", actor=acceptor)


# --- gates


@pytest.mark.rule("SCO-03")
def test_s19_an_injury_before_the_limit_is_blocked_elsewhere_and_taken_at_home(
    session: Session, acceptor: Actor, insured: None
) -> None:
    elsewhere = submit(session, acceptor, injured_on="2019-06-30")
    first_day = submit(session, acceptor, injured_on="2019-07-01")
    at_home = submit(session, make_officer(session, ZHONGSHAN, "acceptor"), injured_on="2019-06-30")

    assert (elsewhere.state, failed(elsewhere)) == ("blocked", ["SCO-03"])
    said = next(gate["message"] for gate in elsewhere.gates if gate["rule"] == "SCO-03")
    assert "中山市" in said
    assert "大厅" in said
    assert (first_day.state, at_home.state) == ("draft", "draft")


@pytest.mark.rule("SCO-10")
def test_s01_the_plan_is_in_force_from_its_day(session: Session, clock: FixedClock, insured: None) -> None:
    zhuhai = make_officer(session, ZHUHAI, "acceptor")

    clock.set("2023-07-14T16:00")
    before = submit(session, zhuhai)
    clock.set("2023-07-17T09:00")
    after = submit(session, zhuhai)

    assert (before.state, failed(before)) == ("blocked", ["SCO-10"])
    assert after.state == "draft"


@pytest.mark.rule("SCO-04")
def test_advance_payment_is_blocked_elsewhere(session: Session, acceptor: Actor, insured: None) -> None:
    application = submit(session, acceptor, advance_payment=True)

    assert (application.state, failed(application)) == ("blocked", ["SCO-04"])


@pytest.mark.rule("ROU-05")
def test_switching_the_mode_off_counts_for_new_applications_at_once(
    session: Session, acceptor: Actor, insured: None
) -> None:
    before = submit(session, acceptor)
    row = session.scalars(
        select(ServiceConfiguration).where(
            ServiceConfiguration.city_code == ZHONGSHAN, ServiceConfiguration.service == "medical_expense"
        )
    ).one()
    row.distribution_mode = "local"

    after = submit(session, acceptor)
    at_home = submit(session, make_officer(session, ZHONGSHAN, "acceptor"))

    assert (before.state, failed(after), at_home.state) == ("draft", ["ROU-05"], "draft")


@pytest.mark.rule("SCO-01")
def test_a_service_outside_the_eleven_is_refused_with_the_article_and_nothing_is_stored(
    session: Session, acceptor: Actor, insured: None
) -> None:
    command = make_command(outlet=outlet_of(session, SHENZHEN)) | {"services": ["injury_recognition"]}

    with pytest.raises(RuleRefused) as refused:
        applications.submit_application(session, command, acceptor)

    assert refused.value.code == "service_not_province_wide"
    assert "工伤认定" in refused.value.message
    assert refused.value.because[0]["article"]
    assert nothing_is_stored(session)


@pytest.mark.rule("SCO-01", "SCO-05")
@pytest.mark.parametrize("service", list(services()))
def test_each_of_the_eleven_is_taken_at_a_counter_elsewhere(
    session: Session, acceptor: Actor, insured: None, service: str
) -> None:
    application = submit(session, acceptor, service)

    assert (application.state, list(application.checklist)) == ("draft", [service])
    assert application.content["facts"][service]


@pytest.mark.rule("SCO-06")
@pytest.mark.parametrize("kind", ["hall", "platform", "bank"])
def test_every_kind_of_outlet_takes_applications_for_its_agency(
    session: Session, acceptor: Actor, insured: None, kind: str
) -> None:
    command = make_command(outlet=outlet_of(session, SHENZHEN, kind))

    application = applications.submit_application(session, command, acceptor)

    assert (application.state, application.accepting_agency_code) == ("draft", SHENZHEN)


@pytest.mark.rule("SCO-05")
@pytest.mark.parametrize(
    ("applicant", "agent"),
    [
        ({"kind": "relative", "name": "何秀兰", "identity_number": identity_number(sequence=44)}, None),
        ({"kind": "employer", "name": "李经办"}, None),
        (
            {"kind": "agent", "name": "王代办", "identity_number": identity_number(sequence=45)},
            {"name": "王代办", "identity_number": identity_number(sequence=45)},
        ),
    ],
)
def test_relatives_employers_and_agents_may_apply(
    session: Session, acceptor: Actor, insured: None, applicant: dict[str, Any], agent: dict[str, Any] | None
) -> None:
    application = submit(session, acceptor, applicant={**applicant, "phone": "13800138009"}, agent=agent)

    assert (application.state, application.applicant_kind) == ("draft", applicant["kind"])


def test_one_application_for_several_services_shares_its_form(session: Session, acceptor: Actor, insured: None) -> None:
    application = submit(session, acceptor, "medical_expense", "inpatient_meals", "travel_expense")

    assert list(application.checklist) == ["medical_expense", "inpatient_meals", "travel_expense"]
    assert list(application.content["forms"]) == ["1-1"]


# --- bad input: a field, a sentence, nothing stored


WRONG = make_person().identity_number[:17] + ("0" if make_person().identity_number[17] != "0" else "1")


@pytest.mark.parametrize(
    ("others", "fields"),
    [
        ({"services": []}, {"services"}),
        ({"services": ["nonsense"]}, {"services.0", "facts.medical_expense", "forms.1-1"}),
        ({"services": ["medical_expense", "medical_expense"]}, {"services.1"}),
        ({"services": "medical_expense"}, {"services", "facts.medical_expense", "forms.1-1"}),
        ({"channel": "occupational"}, {"channel"}),
        ({"channel": "fax"}, {"channel"}),
        ({"outlet": "no-such"}, {"outlet"}),
        ({"outlet": 7}, {"outlet"}),
        ({"injured_on": "2023-08-02"}, {"injured_on"}),  # tomorrow
        ({"injured_on": "2022-02-30"}, {"injured_on"}),
        ({"injured_on": None}, {"injured_on"}),
        ({"injured_on": "1960-01-01"}, {"injured_on"}),  # before the worker was born
        ({"advance_payment": "no"}, {"advance_payment"}),
        ({"worker": None}, {"worker"}),
        ({"employer": {"name": "测试", "uscc": "91440000"}}, {"employer.uscc"}),
        ({"employer": {}}, {"employer.name"}),
        ({"agent": {"name": "王"}}, {"agent.identity_number"}),
        ({"application_items": "all"}, {"application_items"}),
        ({"auxiliary": [1]}, {"auxiliary.0"}),
        ({"auxiliary": ["三"]}, {"auxiliary.0"}),
        ({"forms": {}}, {"forms.1-1"}),
        ({"forms": []}, {"forms"}),
        ({"forms": {"1-1": benefit_form(), "1-8": {}}}, {"forms.1-8"}),
        ({"forms": {"1-1": benefit_form(phone="0760-88880001")}}, {"forms.1-1.phone"}),
        ({"facts": {}}, {"facts.medical_expense.lines", "facts.medical_expense.third_party"}),
        ({"facts": {"medical_expense": facts_for("medical_expense"), "travel_expense": {}}}, {"facts.travel_expense"}),
    ],
)
def test_bad_input_is_refused_field_by_field(
    session: Session, acceptor: Actor, insured: None, others: dict[str, Any], fields: set[str]
) -> None:
    assert faults(session, acceptor, **others) >= fields


def test_bad_input_of_one_field_blames_that_field_only(session: Session, acceptor: Actor, insured: None) -> None:
    assert faults(session, acceptor, channel="fax") == {"channel"}
    assert faults(session, acceptor, injured_on="2023-08-02") == {"injured_on"}
    assert faults(session, acceptor, worker=None) == {"worker"}
    assert faults(session, acceptor, employer={}) == {"employer.name"}


@pytest.mark.parametrize("amount", ["1.005", 920.5, "-1", "1e9", "NaN", 10**30])
def test_money_that_is_no_amount_is_refused(session: Session, acceptor: Actor, insured: None, amount: Any) -> None:
    facts = facts_for("medical_expense")
    facts["lines"][1]["amount"] = amount

    assert faults(session, acceptor, facts={"medical_expense": facts}) == {"facts.medical_expense.lines.1.amount"}


def test_a_wrong_check_digit_is_refused_without_repeating_the_number(
    session: Session, acceptor: Actor, insured: None
) -> None:
    command = make_command(outlet=outlet_of(session, SHENZHEN))
    command["worker"]["identity_number"] = WRONG

    with pytest.raises(InvalidInput) as refused:
        applications.submit_application(session, command, acceptor)

    assert "worker.identity_number" in refused.value.fields
    assert WRONG not in str(refused.value.fields)


def test_a_rare_name_is_kept_as_it_is(session: Session, acceptor: Actor) -> None:
    make_relation(session, RARE_NAME, ZHONGSHAN)

    application = submit(session, acceptor, person=RARE_NAME)
    session.flush()
    session.expire_all()

    assert session.get_one(Person, application.person_id).name == "𠮷田㛃"
    assert application.content["worker"]["name"] == "𠮷田㛃"


def test_the_same_person_is_found_again_however_the_number_is_written(
    session: Session, acceptor: Actor, insured: None
) -> None:
    first = submit(session, acceptor)
    command = make_command(outlet=outlet_of(session, SHENZHEN))
    number = make_person().identity_number
    command["worker"]["identity_number"] = f" {number[:6]} {number[6:].lower()} "

    second = applications.submit_application(session, command, acceptor)

    assert second.person_id == first.person_id
    assert second.content["worker"]["identity_number"] == number


def test_a_number_registered_under_another_name_is_not_overwritten(
    session: Session, acceptor: Actor, insured: None
) -> None:
    submit(session, acceptor)
    command = make_command(outlet=outlet_of(session, SHENZHEN))
    command["worker"]["name"] = command["applicant"]["name"] = "另一人"

    with pytest.raises(InvalidInput) as refused:
        applications.submit_application(session, command, acceptor)

    assert refused.value.fields.keys() == {"worker.name"}


def test_a_worker_who_applies_in_person_is_said_once(session: Session, acceptor: Actor, insured: None) -> None:
    application = submit(session, acceptor, applicant={"kind": "worker"})

    applicant = application.content["applicant"]
    assert (applicant["name"], applicant["phone"]) == (make_person().name, make_person().phone)


def test_a_dead_worker_does_not_apply(session: Session, acceptor: Actor, insured: None) -> None:
    with pytest.raises(InvalidInput) as refused:
        submit(session, acceptor, "death_benefit", applicant={"kind": "worker", "phone": "13800138000"})

    assert refused.value.fields.keys() == {"applicant.kind"}


# --- who may


def test_an_officer_takes_applications_only_at_the_outlets_of_the_own_agency(
    session: Session, acceptor: Actor, insured: None
) -> None:
    with pytest.raises(NotAllowed) as refused:
        applications.submit_application(session, make_command(outlet=outlet_of(session, ZHUHAI)), acceptor)

    assert refused.value.code == "other_outlet"
    assert nothing_is_stored(session)


def test_only_an_acceptor_takes_applications(session: Session, insured: None) -> None:
    with pytest.raises(NotAllowed):
        submit(session, make_officer(session, SHENZHEN, "first_reviewer"))


def test_a_third_agency_does_not_see_the_application(session: Session, acceptor: Actor, insured: None) -> None:
    application = submit(session, acceptor)

    assert applications.find_application(session, application.id, make_officer(session, ZHONGSHAN, "acceptor"))
    with pytest.raises(NotFound):
        applications.find_application(session, application.id, make_officer(session, ZHUHAI, "acceptor"))


# --- checks, notice, refusal


def hand_in_everything(session: Session, application: Application, acceptor: Actor, *except_: str) -> None:
    rows = materials.missing_materials(session, application)
    brought = [{"material": item.material} for item in rows if item.material not in except_]
    materials.collect(session, application.id, acceptor, brought)


@pytest.mark.rule("ACC-01")
def test_the_checks_on_the_spot_are_recorded_with_officer_and_time(
    session: Session, acceptor: Actor, insured: None
) -> None:
    application = submit(session, acceptor)
    hand_in_everything(session, application, acceptor)

    applications.record_checks(session, application.id, acceptor, eligible=True, complete=True)

    checked = application.eligibility_checked
    assert (checked["eligible"], checked["complete"], checked["by"]) == (True, True, acceptor.officer_id)
    assert checked["at"] == "2023-08-01T09:00:00+08:00"


@pytest.mark.rule("ACC-01")
def test_incomplete_materials_cannot_be_called_complete(session: Session, acceptor: Actor, insured: None) -> None:
    application = submit(session, acceptor)
    hand_in_everything(session, application, acceptor, "receipts")

    with pytest.raises(RuleRefused) as refused:
        applications.record_checks(session, application.id, acceptor, eligible=True, complete=True)

    assert refused.value.details == {"materials": ["receipts"]}
    applications.record_checks(session, application.id, acceptor, eligible=True, complete=False)
    assert application.eligibility_checked["complete"] is False


def documents(session: Session, application: Application) -> list[IssuedDocument]:
    query = select(IssuedDocument).where(IssuedDocument.application_id == application.id)
    return list(session.scalars(query.order_by(IssuedDocument.id)))


def test_s21_the_notice_lists_every_gap_even_where_the_officer_names_one(
    session: Session, acceptor: Actor, insured: None
) -> None:
    application = submit(session, acceptor)
    hand_in_everything(session, application, acceptor, "receipts", "diagnosis")

    applications.give_notice(
        session, application.id, acceptor, [{"material": "fee_list", "what": "缺少药品清单，请补齐。"}]
    )

    assert application.state == "notified"
    (document,) = documents(session, application)
    assert (document.kind, document.issuing_agency_code) == ("supplement_list", SHENZHEN)
    listed = {gap["material"]: gap["what"] for gap in document.content["materials"]}
    assert listed == {"receipts": "未提交", "fee_list": "缺少药品清单，请补齐。", "diagnosis": "未提交"}
    assert len(document.verification_code) == 12


def test_s21_on_return_only_the_listed_gaps_are_asked(session: Session, acceptor: Actor, insured: None) -> None:
    application = submit(session, acceptor)
    hand_in_everything(session, application, acceptor, "receipts")
    applications.give_notice(session, application.id, acceptor, [{"material": "fee_list", "what": "不清晰"}])
    assert {item.material for item in materials.missing_materials(session, application)} == {"receipts", "fee_list"}

    materials.collect(session, application.id, acceptor, [{"material": "receipts"}, {"material": "fee_list"}])

    assert materials.missing_materials(session, application) == []
    applications.record_checks(session, application.id, acceptor, eligible=True, complete=True)


def test_s21_a_second_notice_with_a_new_gap_is_refused(session: Session, acceptor: Actor, insured: None) -> None:
    application = submit(session, acceptor)
    hand_in_everything(session, application, acceptor, "receipts")
    applications.give_notice(session, application.id, acceptor)

    with pytest.raises(RuleRefused) as refused:
        applications.give_notice(
            session, application.id, acceptor, [{"material": "diagnosis", "what": "未盖章"}], reason="漏看了"
        )

    assert refused.value.code == "new_gap_in_later_notice"
    assert "诊断证明" in refused.value.message
    assert len(documents(session, application)) == 1


def test_s21_a_supervisor_may_add_a_gap_with_a_reason_only(session: Session, acceptor: Actor, insured: None) -> None:
    application = submit(session, acceptor)
    hand_in_everything(session, application, acceptor, "receipts")
    applications.give_notice(session, application.id, acceptor)
    supervisor = make_officer(session, SHENZHEN, "supervisor")
    gap = [{"material": "diagnosis", "what": "未盖章"}]

    with pytest.raises(RuleRefused):
        applications.give_notice(session, application.id, supervisor, gap)
    applications.give_notice(session, application.id, supervisor, gap, reason="首次告知时材料被遮挡")

    assert {item.material for item in materials.missing_materials(session, application)} == {"receipts", "diagnosis"}
    assert documents(session, application)[-1].content["reason"] == "首次告知时材料被遮挡"


def test_a_second_notice_may_repeat_what_is_still_missing(session: Session, acceptor: Actor, insured: None) -> None:
    application = submit(session, acceptor)
    applications.give_notice(session, application.id, acceptor)
    hand_in_everything(session, application, acceptor, "receipts")

    applications.give_notice(session, application.id, acceptor)

    assert [gap["material"] for gap in application.notices[-1]["missing"]] == ["receipts"]


@pytest.mark.parametrize(
    ("gap", "field"),
    [
        ({"material": "household_register"}, "missing.0.material"),
        # Obtained by data sharing: nobody may be sent home for it.
        ({"material": "recognition_decision"}, "missing.0.material"),
        ({"material": "receipts", "what": "缺\x00"}, "missing.0.what"),
        ({}, "missing.0.material"),
    ],
)
def test_nothing_beyond_the_list_can_be_asked_for(
    session: Session, acceptor: Actor, insured: None, gap: dict[str, Any], field: str
) -> None:
    application = submit(session, acceptor)

    with pytest.raises(InvalidInput) as refused:
        applications.give_notice(session, application.id, acceptor, [gap])

    assert refused.value.fields.keys() == {field}


def test_a_complete_file_needs_no_notice(session: Session, acceptor: Actor, insured: None) -> None:
    application = submit(session, acceptor)
    hand_in_everything(session, application, acceptor)

    with pytest.raises(RuleRefused, match="齐全"):
        applications.give_notice(session, application.id, acceptor)


def test_a_refusal_has_its_document_its_message_and_its_ground(
    session: Session, acceptor: Actor, insured: None
) -> None:
    application = submit(session, acceptor, injured_on="2019-06-30")

    applications.refuse_application(
        session, application.id, acceptor, opinion="不适用全省通办", ground="粤社保〔2023〕4号附件2第二条"
    )

    assert application.state == "refused"
    (document,) = documents(session, application)
    assert (document.kind, document.issuing_agency_code) == ("non_acceptance", SHENZHEN)
    assert document.content["ground"] == "粤社保〔2023〕4号附件2第二条"
    assert "2019年7月1日" in document.content["gates"][0]
    message = session.scalars(select(Message)).one()
    assert (message.slot, message.sender_agency_code) == ("not_injury_or_refusal", SHENZHEN)
    assert message.phone == make_person().phone
    event = session.scalars(select(CaseEvent).where(CaseEvent.kind == "application_refused")).one()
    assert event.because[0]["document"] == "粤社保〔2023〕4号附件2第二条"
    assert "2019 年 7 月 1 日" in event.because[1]["quote"]


@pytest.mark.parametrize(("opinion", "ground", "field"), [("", "条例", "opinion"), ("不符合", " ", "ground")])
def test_nothing_is_refused_without_opinion_and_ground(
    session: Session, acceptor: Actor, insured: None, opinion: str, ground: str, field: str
) -> None:
    application = submit(session, acceptor)

    with pytest.raises(InvalidInput) as refused:
        applications.refuse_application(session, application.id, acceptor, opinion=opinion, ground=ground)

    assert refused.value.fields.keys() == {field}
    assert application.state == "draft"


def test_a_second_refusal_hears_who_was_first_and_when(session: Session, acceptor: Actor, insured: None) -> None:
    application = submit(session, acceptor)
    applications.refuse_application(session, application.id, acceptor, opinion="不符合", ground="条例第十六条")

    with pytest.raises(Conflict) as refused:
        applications.refuse_application(session, application.id, acceptor, opinion="不符合", ground="条例第十六条")

    assert refused.value.details == {"what": "refused", "by": "测试员", "at": "2023-08-01T09:00:00+08:00"}
    assert "测试员于2023-08-01 09:00:00" in refused.value.message
    assert len(documents(session, application)) == 1


def test_a_second_acceptance_hears_who_was_first_and_when(session: Session, acceptor: Actor, insured: None) -> None:
    application = submit(session, acceptor)
    for item in materials.missing_materials(session, application):
        materials.collect(session, application.id, acceptor, [{"material": item.material}])
    applications.record_checks(session, application.id, acceptor, eligible=True, complete=True)
    acceptance.accept_application(session, application.id, acceptor)

    for again in (
        lambda: acceptance.accept_application(session, application.id, acceptor),
        lambda: applications.refuse_application(session, application.id, acceptor, opinion="不符合", ground="条例"),
    ):
        with pytest.raises(Conflict) as refused:
            again()

        assert refused.value.code == "application_accepted"
        assert refused.value.details == {"what": "accepted", "by": "测试员", "at": "2023-08-01T09:00:00+08:00"}
        assert "测试员于2023-08-01 09:00:00" in refused.value.message


def test_a_blocked_application_goes_no_further_than_refusal(session: Session, acceptor: Actor, insured: None) -> None:
    application = submit(session, acceptor, advance_payment=True)

    with pytest.raises(Conflict):
        applications.record_checks(session, application.id, acceptor, eligible=True, complete=False)
    with pytest.raises(Conflict):
        applications.give_notice(session, application.id, acceptor)


def test_a_form_can_come_after_the_application(session: Session, acceptor: Actor, insured: None) -> None:
    dates = {"employment_ended_on": "2022-06-30", "insurance_stopped_on": "2022-06-30"}
    application = submit(
        session,
        acceptor,
        "medical_lump_sum",
        facts={"medical_lump_sum": facts_for("medical_lump_sum") | dates},
        forms={"1-1": benefit_form()},
    )

    with pytest.raises(InvalidInput) as refused:
        applications.hand_in_forms(session, application.id, acceptor, {"1-3": lump_sum_notice(signed=False)})
    applications.hand_in_forms(session, application.id, acceptor, {"1-3": lump_sum_notice()})

    assert refused.value.fields.keys() == {"forms.1-3.signed"}
    assert application.content["forms"]["1-3"]["worker_name"] == make_person().name


def test_no_event_says_anything_about_the_person(session: Session, acceptor: Actor, insured: None) -> None:
    application = submit(session, acceptor)
    hand_in_everything(session, application, acceptor, "receipts")
    applications.give_notice(session, application.id, acceptor)
    applications.refuse_application(session, application.id, acceptor, opinion="不符合", ground="条例第十六条")

    person = make_person()
    for event in session.scalars(select(CaseEvent)):
        for secret in (person.name, person.identity_number, person.phone):
            assert secret not in str(event.details)


def test_forms_of_the_usual_command_are_those_each_service_needs() -> None:
    for code, service in services().items():
        assert set(service.forms) <= forms_for(code).keys()


# --- on the production kind of database


@pytest.mark.postgres
def test_two_counters_that_register_the_same_person_at_once_make_one_person(postgres_app: Flask) -> None:
    barrier = Barrier(2, timeout=20)

    def at_a_counter(agency: str) -> int:
        with postgres_app.app_context(), transaction() as session:
            acceptor = make_officer(session, agency, "acceptor")
            barrier.wait()
            return submit(session, acceptor, person=make_person(70)).person_id

    with transaction() as session:
        install(session)
    with ThreadPoolExecutor(2) as counters:
        found = list(counters.map(at_a_counter, [SHENZHEN, ZHUHAI]))

    assert found[0] == found[1]


@pytest.mark.postgres
def test_one_of_two_officers_who_refuse_at_once_is_told_of_the_other(postgres_app: Flask) -> None:
    with transaction() as session:
        install(session)
        make_relation(session, make_person(), ZHONGSHAN)
        acceptor = make_officer(session, SHENZHEN, "acceptor")
        application_id = submit(session, acceptor).id
    barrier = Barrier(2, timeout=20)

    def refuse(_: int) -> str:
        with postgres_app.app_context():
            barrier.wait()
            try:
                with transaction() as session:
                    applications.refuse_application(
                        session, application_id, acceptor, opinion="不符合", ground="条例第十六条"
                    )
            except Conflict as conflict:
                return conflict.code
            return "refused"

    with ThreadPoolExecutor(2) as officers:
        assert sorted(officers.map(refuse, range(2))) == ["application_refused", "refused"]

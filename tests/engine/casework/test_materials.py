"""Checklists, paper, images, and what is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.actor import Actor
from engine.casework import applications, materials
from engine.errors import Conflict, InvalidInput, NotAllowed, NotFound
from engine.files import LocalFiles
from engine.models import Application, CaseEvent
from engine.ports import ports
from tests.factories import make_person
from tests.factories_intake import (
    SHENZHEN,
    ZHONGSHAN,
    ZHUHAI,
    benefit_form,
    facts_for,
    install,
    make_command,
    make_officer,
    make_relation,
    outlet_of,
)

PDF, JPEG, PNG = b"%PDF-1.7 scan", b"\xff\xd8\xff\xe0 scan", b"\x89PNG\r\n\x1a\n scan"


@pytest.fixture(autouse=True)
def _province(session: Session) -> None:
    install(session)
    make_relation(session, make_person(), ZHONGSHAN)


@pytest.fixture
def acceptor(session: Session) -> Actor:
    return make_officer(session, ZHONGSHAN, "acceptor")


def submit(session: Session, acceptor: Actor, *services: str, **others: Any) -> Application:
    command = make_command(*services, outlet=outlet_of(session, acceptor.agency_code), **others)
    return applications.submit_application(session, command, acceptor)


def names(session: Session, application: Application) -> list[str]:
    return [item.material for item in materials.missing_materials(session, application)]


# --- the checklist


@pytest.mark.rule("ACC-05")
def test_the_checklist_is_the_handling_citys_wherever_the_application_is_handed_in(session: Session) -> None:
    shenzhen = make_person(2)
    make_relation(session, shenzhen, SHENZHEN)
    counter = make_officer(session, ZHUHAI, "acceptor")

    of_zhongshan = submit(session, counter)
    of_shenzhen = submit(session, counter, person=shenzhen)

    # 深圳 adds a material of its own.
    own = {item.material for item in materials.of_application(session, of_shenzhen.id)} - {
        item.material for item in materials.of_application(session, of_zhongshan.id)
    }
    assert own == {"accident_statement"}


@pytest.mark.rule("SCO-07")
def test_the_same_facts_have_the_same_checklist_at_every_counter(session: Session, acceptor: Actor) -> None:
    local = submit(session, acceptor)
    elsewhere = submit(session, make_officer(session, SHENZHEN, "acceptor"))

    assert local.checklist == elsewhere.checklist


def test_what_is_obtained_by_data_sharing_is_marked_with_its_basis_and_not_asked(
    session: Session, acceptor: Actor
) -> None:
    application = submit(session, acceptor)

    row = next(row for row in application.checklist["medical_expense"] if row["material"] == "recognition_decision")
    assert row["waived_because"][0]["article"] == "附件2 三（一）"
    assert "recognition_decision" not in names(session, application)


def test_a_material_of_several_services_is_one_line_for_all(session: Session, acceptor: Actor) -> None:
    application = submit(session, acceptor, "medical_expense", "inpatient_meals")

    items = {item.material: item for item in materials.of_application(session, application.id)}

    assert items["benefit_application"].services == ["medical_expense", "inpatient_meals"]
    assert items["receipts"].services == ["medical_expense"]
    assert len(items) == len(materials.of_application(session, application.id))


@pytest.mark.parametrize(
    ("facts", "material"),
    [
        ({"advanced_by_employer": "100.00"}, "advance_evidence"),
        (
            {"advanced_by_medical_insurance": "100.00", "medical_insurance_city": "中山市"},
            "medical_insurance_settlement",
        ),
        ({"third_party": True}, "third_party_papers"),
    ],
)
def test_what_the_claim_says_adds_its_material(
    session: Session, acceptor: Actor, facts: dict[str, Any], material: str
) -> None:
    plain = submit(session, acceptor)
    claimed = submit(session, acceptor, facts={"medical_expense": facts_for("medical_expense") | facts})

    assert material not in names(session, plain)
    assert material in names(session, claimed)


def test_what_the_officer_ticks_adds_its_material(session: Session, acceptor: Actor) -> None:
    application = submit(session, acceptor, auxiliary=["guardian_applies"], application_items=["recurrence"])

    assert "guardian_evidence" in names(session, application)
    row = next(row for row in application.checklist["medical_expense"] if row["material"] == "recurrence_confirmation")
    assert (row["kind"], row["item"]) == ("application_items", "recurrence")


def test_a_ticked_item_that_the_city_does_not_know_is_refused(session: Session, acceptor: Actor) -> None:
    with pytest.raises(InvalidInput) as refused:
        submit(session, acceptor, auxiliary=["third_party", "no_such_item"])

    assert refused.value.fields.keys() == {"auxiliary.1"}


def test_a_card_of_another_province_adds_the_copy_of_the_account(session: Session, acceptor: Actor) -> None:
    card = {"card_bank": "测试银行", "card_holder": "陈测", "card_account": "6222020000000000001"}
    form = benefit_form(guangdong_card=False, **card)

    assert "account_copy" in names(session, submit(session, acceptor, forms={"1-1": form}))


# --- paper


@pytest.mark.rule("ACC-01")
def test_missing_is_every_required_material_until_its_paper_is_there(session: Session, acceptor: Actor) -> None:
    application = submit(session, acceptor)
    before = names(session, application)

    materials.collect(
        session, application.id, acceptor, [{"material": "receipts", "copies": 3}, {"material": "fee_list"}]
    )

    assert "receipts" in before
    assert names(session, application) == [name for name in before if name not in ("receipts", "fee_list")]


def test_paper_is_recorded_with_who_took_it_and_where_it_lies(session: Session, acceptor: Actor) -> None:
    application = submit(session, acceptor)

    materials.collect(session, application.id, acceptor, [{"material": "receipts", "copies": 2}])
    (item,) = materials.collect(session, application.id, acceptor, [{"material": "receipts", "copies": 1}])

    assert item.paper_copies == 3
    assert (item.collected_by_id, item.collected_agency_code) == (acceptor.officer_id, ZHONGSHAN)


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"material": "passport"}, "items.0.material"),
        ({}, "items.0.material"),
        ({"material": "receipts", "copies": 0}, "items.0.copies"),
        ({"material": "receipts", "copies": 2**40}, "items.0.copies"),
        ({"material": "receipts", "copies": True}, "items.0.copies"),
    ],
)
def test_paper_that_cannot_be_recorded_is_refused(
    session: Session, acceptor: Actor, row: dict[str, Any], field: str
) -> None:
    application = submit(session, acceptor)

    with pytest.raises(InvalidInput) as refused:
        materials.collect(session, application.id, acceptor, [row])

    assert refused.value.fields.keys() == {field}


def test_only_the_accepting_counter_takes_paper(session: Session, acceptor: Actor) -> None:
    application = submit(session, make_officer(session, SHENZHEN, "acceptor"))

    with pytest.raises(NotAllowed):
        materials.collect(session, application.id, acceptor, [{"material": "receipts"}])
    with pytest.raises(NotFound):
        stranger = make_officer(session, ZHUHAI, "acceptor")
        materials.collect(session, application.id, stranger, [{"material": "receipts"}])


def test_a_refused_application_takes_no_paper(session: Session, acceptor: Actor) -> None:
    application = submit(session, acceptor)
    applications.refuse_application(
        session, application.id, acceptor, opinion="不属于工伤", ground="工伤保险条例第十六条"
    )

    with pytest.raises(Conflict):
        materials.collect(session, application.id, acceptor, [{"material": "receipts"}])


# --- images


@pytest.mark.parametrize("content", [PDF, JPEG, PNG])
def test_an_image_is_stored_under_its_hash(session: Session, acceptor: Actor, content: bytes) -> None:
    application = submit(session, acceptor)

    item = materials.add_image(session, application.id, "receipts", content, acceptor)

    (sha256,) = item.images
    assert ports().files.get(sha256) == content
    assert item.imaged_by_id == acceptor.officer_id


def test_the_same_scan_twice_is_listed_once_and_others_keep_their_order(session: Session, acceptor: Actor) -> None:
    application = submit(session, acceptor)

    for content in (PDF, JPEG, PDF):
        item = materials.add_image(session, application.id, "receipts", content, acceptor)

    assert [ports().files.get(sha256) for sha256 in item.images] == [PDF, JPEG]
    events = session.scalars(select(CaseEvent).where(CaseEvent.kind == "material_imaged"))
    assert len(list(events)) == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "空"),
        (PDF + b"\0" * (10 * 1024 * 1024), "10MB"),
        (b"<html>", "PDF、JPEG、PNG"),
        (b"PK\x03\x04 docx", "PDF、JPEG、PNG"),
        # The name does not matter, and the mark must stand at the very beginning.
        (b" %PDF-1.7", "PDF、JPEG、PNG"),
    ],
)
def test_what_is_no_scan_is_refused(session: Session, acceptor: Actor, content: bytes, said: str) -> None:
    application = submit(session, acceptor)

    with pytest.raises(InvalidInput) as refused:
        materials.add_image(session, application.id, "receipts", content, acceptor)

    assert said in refused.value.fields["content"][0]


def test_ten_megabytes_are_still_taken(session: Session, acceptor: Actor) -> None:
    application = submit(session, acceptor)
    content = PDF + b"\0" * (materials.LARGEST_IMAGE - len(PDF))

    assert materials.add_image(session, application.id, "receipts", content, acceptor).images


def test_an_image_of_something_that_is_not_on_the_list_is_refused(session: Session, acceptor: Actor) -> None:
    application = submit(session, acceptor)

    with pytest.raises(InvalidInput):
        materials.add_image(session, application.id, "passport", PDF, acceptor)


def test_another_agency_cannot_add_images(session: Session) -> None:
    application = submit(session, make_officer(session, SHENZHEN, "acceptor"))

    with pytest.raises(NotFound):
        stranger = make_officer(session, ZHUHAI, "acceptor", "advanced_scanner")
        materials.add_image(session, application.id, "receipts", PDF, stranger)
    with pytest.raises(NotAllowed):
        handling = make_officer(session, ZHONGSHAN, "advanced_scanner")
        materials.add_image(session, application.id, "receipts", PDF, handling)
    with pytest.raises(NotAllowed):
        reviewer = make_officer(session, SHENZHEN, "first_reviewer")
        materials.add_image(session, application.id, "receipts", PDF, reviewer)


def test_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    files = LocalFiles(tmp_path / "files")

    sha256 = files.put(PDF)

    assert files.put(PDF) == sha256
    assert [path.name for path in (tmp_path / "files").rglob("*") if path.is_file()] == [sha256]


@pytest.mark.parametrize("name", ["../../etc/passwd", "0" * 63, "G" * 64, "", "0" * 64])
def test_nothing_but_a_stored_file_can_be_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(NotFound):
        LocalFiles(tmp_path).get(name)

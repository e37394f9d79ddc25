"""Death benefits: dependants, relatives, disputes about the account."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.orm import Session

from engine.errors import CannotProceed, InvalidInput, RuleRefused
from tests.factories import make_person
from tests.handlers.cases import Desk, make_desk


def relative(number: int, **more: Any) -> dict[str, Any]:
    person = make_person(number)
    return {"name": person.name, "identity_number": person.identity_number, "relation": "配偶", **more}


def dependant(number: int, **more: Any) -> dict[str, Any]:
    return relative(number, sex="female", born_on="1960-01-01", **more) | {"relation": "mother"}


def desk_with(
    session: Session,
    *,
    dependants: list[dict[str, Any]],
    relatives: list[dict[str, Any]],
    disputed: bool = False,
    forms: dict[str, Any] | None = None,
    person: int = 1,
) -> Desk:
    facts = {
        "died_on": "2023-06-20",
        "recognition_number": "样例1号",
        "within_paid_leave": True,
        "dependants": dependants,
        "relatives": relatives,
        "account_disputed": disputed,
    }
    desk = make_desk(session, "death_benefit", facts, forms=forms, person=person)
    desk.returned = desk.run("death.record_dependants")  # type: ignore[attr-defined]
    return desk


def verified(desk: Desk, *evidence: str | None) -> None:
    """Each dependant with its account evidence; None: not eligible."""
    desk.complete(
        "dependants",
        dependants=[
            {"dependant": n, "eligible": True, "account_evidence": one}
            if one
            else {"dependant": n, "eligible": False, "reason": "不符合条件"}
            for n, one in enumerate(evidence, start=1)
        ],
    )


LUMP_SUMS = [
    {"benefit": "funeral_grant", "amount": "52842.00", "basis": "6个月"},
    {"benefit": "death_lump_sum", "amount": "985660.00", "basis": "20倍"},
]
BOTH = 5284200 + 98566000


def determined(desk: Desk, benefits: list[dict[str, Any]], shares: list[tuple[str, int, str]] = []) -> None:  # noqa: B006
    desk.complete(
        "determination",
        benefits=benefits,
        shares=[{"benefit": benefit, "receiver": number, "amount": amount} for benefit, number, amount in shares],
    )
    desk.run("determination.record")
    desk.run("payee.to_relatives")


def pension(amount: str) -> dict[str, str]:
    return {"benefit": "dependants_pension", "amount": amount, "basis": "样例"}


def test_dependants_are_counted_and_a_dispute_is_told(session: Session) -> None:
    desk = desk_with(session, dependants=[dependant(2), dependant(3)], relatives=[relative(4)], disputed=True)

    assert desk.returned == {"dependant_count": 2, "account_disputed": True}  # type: ignore[attr-defined]


def test_the_same_dependant_twice_is_an_incident(session: Session) -> None:
    with pytest.raises(CannotProceed, match="两次"):
        desk_with(session, dependants=[dependant(2), dependant(2)], relatives=[relative(4)])


def test_a_dependant_of_another_deceased_worker_is_told_to_the_reviewers(session: Session) -> None:
    first = desk_with(session, dependants=[dependant(2)], relatives=[relative(4)])

    second = desk_with(session, dependants=[dependant(3), dependant(2)], relatives=[relative(4)], person=9)

    assert not first.events("dependant_found_elsewhere")
    assert second.events("dependant_found_elsewhere")[0].details == {"dependants": [2]}
    assert second.benefits.lines("dependant")[1].facts["also_in_cases"] == [first.case.id]


def test_no_name_or_number_of_a_dependant_is_on_a_line(session: Session) -> None:
    desk = desk_with(session, dependants=[dependant(2)], relatives=[relative(4)])

    line = desk.benefits.lines("dependant")[0]

    assert make_person(2).name not in f"{line.label}{line.facts}"
    assert make_person(2).identity_number not in str(line.facts)


@pytest.mark.rule("K-30")
def test_the_lump_sums_go_to_the_relative_and_the_pension_to_each_dependant(session: Session) -> None:
    account = {"bank": "样例银行", "account": "6200000000000000011"}
    desk = desk_with(
        session,
        dependants=[dependant(2, account_holder=make_person(2).name, **account), dependant(3)],
        relatives=[relative(4)],
    )
    verified(desk, "own_name", "own_name")

    determined(
        desk,
        [*LUMP_SUMS, pension("3900.01")],
        [("dependants_pension", 1, "1950.01"), ("dependants_pension", 2, "1950.00")],
    )

    assert desk.payments() == [
        ("relative", "social_security_card", None, BOTH, False, None),
        ("dependant", "personal_account", "6200000000000000011", 195001, True, "own_name"),
        ("dependant", "social_security_card", None, 195000, True, None),
    ]
    desk.run("determination.finish")
    desk.run("certification.start")
    assert desk.events("certification_started")[0].details["payees"] == 2


def test_several_relatives_share_each_lump_sum_to_the_cent(session: Session) -> None:
    desk = desk_with(session, dependants=[], relatives=[relative(4), relative(5)])
    desk.complete("dependants", dependants=[])
    shares = [
        ("funeral_grant", 1, "52842.00"),
        ("death_lump_sum", 1, "500000.00"),
        ("death_lump_sum", 2, "485660.00"),
    ]

    determined(desk, LUMP_SUMS, shares)

    assert [(one[0], one[3]) for one in desk.payments()] == [("relative", 55284200), ("relative", 48566000)]


def test_several_relatives_without_shares_are_refused(session: Session) -> None:
    desk = desk_with(session, dependants=[], relatives=[relative(4), relative(5)])

    with pytest.raises(InvalidInput) as refused:
        determined(desk, LUMP_SUMS)

    assert len(refused.value.fields["fields.shares"]) == 2


@pytest.mark.parametrize(
    ("shares", "field"),
    [
        ([("dependants_pension", 1, "3899.99")], "fields.shares"),  # a cent is missing
        ([("dependants_pension", 1, "3900.00"), ("dependants_pension", 2, "0")], "fields.shares.1.receiver"),
        ([("dependants_pension", 1, "1950"), ("dependants_pension", 1, "1950")], "fields.shares.1.receiver"),
        ([("dependants_pension", 3, "3900.00")], "fields.shares.0.receiver"),
    ],
)
def test_the_pension_is_shared_among_eligible_dependants_to_the_cent(
    session: Session, shares: list[tuple[str, int, str]], field: str
) -> None:
    desk = desk_with(session, dependants=[dependant(2), dependant(3)], relatives=[relative(4)])
    verified(desk, "own_name", None)

    with pytest.raises(InvalidInput) as refused:
        determined(desk, [pension("3900.00")], shares)

    assert list(refused.value.fields) == [field]


def test_every_dependant_is_verified(session: Session) -> None:
    desk = desk_with(session, dependants=[dependant(2), dependant(3)], relatives=[relative(4)])

    with pytest.raises(InvalidInput) as refused:
        verified(desk, "own_name")

    assert list(refused.value.fields) == ["fields.dependants"]


@pytest.mark.rule("FRM-1-5-18", "FRM-1-5-19")
def test_an_account_in_another_name_needs_the_notarised_authority(session: Session) -> None:
    account = {"bank": "样例银行", "account": "6200000000000000011", "account_holder": "他人"}
    desk = desk_with(session, dependants=[dependant(2, **account)], relatives=[relative(4)])

    for evidence in ("own_name", "notarised_proxy"):
        with pytest.raises(InvalidInput) as refused:
            verified(desk, evidence)
        assert list(refused.value.fields) == ["fields.dependants.0.account_evidence"]

    desk.image("notarised_proxy")
    verified(desk, "notarised_proxy")
    determined(desk, [pension("1950")], [("dependants_pension", 1, "1950")])
    assert desk.payments() == [
        ("dependant", "personal_account", "6200000000000000011", 195000, True, "notarised_proxy")
    ]


# Disputes about the account

JOINT = {
    "bank": "样例银行",
    "holder": "样例亲属",
    "account": "6200000000000000037",
    "signatories": [{"name": "样例亲属", "relation": "配偶"}],
    "all_relatives_signed": True,
}


def disputed(session: Session) -> Desk:
    desk = desk_with(session, dependants=[], relatives=[relative(4), relative(5)], disputed=True)
    desk.complete("dependants", dependants=[])
    return desk


@pytest.mark.rule("G228-10", "K-31")
def test_the_account_all_relatives_designated_gets_the_lump_sums(session: Session) -> None:
    desk = disputed(session)
    desk.image("joint_designation")

    desk.complete("joint_account", "settled", **JOINT)
    determined(desk, LUMP_SUMS)

    assert desk.payments() == [("relative", "joint_account", "6200000000000000037", BOTH, False, "joint_designation")]
    assert any("近亲属共同指定" in reason["quote"] for reason in desk.events("payees_recorded")[0].because)


@pytest.mark.rule("K-31")
def test_an_unsettled_dispute_holds_the_lump_sums_and_chooses_nobody(session: Session) -> None:
    desk = disputed(session)

    desk.complete("joint_account", "unsettled", "双方各持己见")
    determined(desk, LUMP_SUMS)

    assert desk.payments() == [("relative", "joint_account", None, BOTH, False, "held_disputed")]


@pytest.mark.rule("G228-10")
def test_a_designation_without_its_signed_image_is_refused(session: Session) -> None:
    desk = disputed(session)

    with pytest.raises(RuleRefused) as refused:
        desk.complete("joint_account", "settled", **JOINT)

    assert refused.value.because


@pytest.mark.rule("K-31")
def test_a_designation_that_not_everybody_signed_is_none(session: Session) -> None:
    desk = disputed(session)
    desk.image("joint_designation")

    with pytest.raises(InvalidInput) as refused:
        desk.complete("joint_account", "settled", **JOINT | {"all_relatives_signed": False})

    assert "暂缓支付" in refused.value.fields["fields.all_relatives_signed"][0]


def test_disputed_lump_sums_cannot_be_shared_by_an_officer(session: Session) -> None:
    desk = disputed(session)

    with pytest.raises(InvalidInput) as refused:
        determined(desk, LUMP_SUMS, [("funeral_grant", 1, "52842.00")])

    assert list(refused.value.fields) == ["fields.shares.0"]


@pytest.mark.rule("G228-16")
def test_relatives_may_designate_the_employers_account_with_their_signed_material(session: Session) -> None:
    form = {
        "account_kind": "employer_account",
        "employer_bank": "样例银行",
        "employer_holder": "中山市样例制造有限公司",
        "employer_account": "4400000001",
        "employer_account_reason": "joint_designation",
    }
    without = desk_with(session, dependants=[], relatives=[relative(4)], forms={"1-1": form})
    with_image = desk_with(session, dependants=[], relatives=[relative(4)], forms={"1-1": form})
    with_image.image("joint_designation")

    for desk in (without, with_image):
        determined(desk, LUMP_SUMS)

    assert without.payments()[0][0] == "relative"
    assert with_image.payments() == [("employer", "employer_account", "4400000001", BOTH, False, "joint_designation")]

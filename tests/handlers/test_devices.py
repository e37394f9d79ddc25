"""Assistive devices: limit of the catalogue, minimum life, replacement."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.orm import Session

from engine.errors import CannotProceed, InvalidInput
from tests.handlers.cases import Desk, make_desk


def device(amount: str, configured_on: str, previous_on: str | None = None) -> dict[str, Any]:
    line = {
        "label": "轮椅",
        "invoice_number": "1",
        "amount": amount,
        "configured_on": configured_on,
        "replacement": previous_on is not None,
    }
    return line | ({"previous_configured_on": previous_on} if previous_on else {})


def desk_with(session: Session, *lines: dict[str, Any], life: int = 36) -> tuple[Desk, dict[str, Any]]:
    facts = {
        "lines": list(lines),
        "third_party": False,
        "advanced_by_employer": "0.00",
        "advanced_by_medical_insurance": "0.00",
    }
    desk = make_desk(session, "assistive_device", facts)
    returned = desk.run("device.record")
    desk.complete(
        "device",
        devices=[
            {"line": n, "confirmation_number": "样例1号", "catalogue_limit": "1600.00", "minimum_life_months": life}
            for n in range(1, len(lines) + 1)
        ],
    )
    return desk, returned


@pytest.mark.parametrize(("price", "allowed"), [("1599.99", 159999), ("1600.00", 160000), ("1600.01", 160000)])
def test_the_fund_bears_the_price_up_to_the_limit_of_the_catalogue(session: Session, price: str, allowed: int) -> None:
    desk, returned = desk_with(session, device(price, "2023-05-01"))

    desk.run("device.determine")

    assert returned["replacement"] is False
    assert desk.benefits.determinations()[0].amount == allowed
    assert (desk.benefits.lines("device")[0].reason is None) == (price <= "1600.00")


@pytest.mark.parametrize(
    ("configured_on", "too_early"),
    [
        ("2023-05-30", True),  # the day before three years are over
        ("2023-05-31", False),
    ],
)
def test_a_replacement_before_the_minimum_life_is_found(session: Session, configured_on: str, too_early: bool) -> None:
    desk, returned = desk_with(session, device("1000", configured_on, "2020-05-31"))

    assert returned["replacement"] is True
    assert desk.run("device.check_replacement") == {"too_early": too_early}


def test_a_justified_early_replacement_is_paid(session: Session) -> None:
    desk, _ = desk_with(session, device("1000", "2023-01-01", "2022-01-01"))

    process = desk.complete("replacement", justified=True, reason="残肢萎缩")
    desk.run("device.determine")

    assert process["justified"] is True
    assert desk.benefits.determinations()[0].amount == 100000


def test_an_early_replacement_without_grounds_is_not_paid_and_other_devices_are(session: Session) -> None:
    desk, _ = desk_with(session, device("1000", "2023-01-01", "2022-01-01"), device("500", "2023-01-01"))

    desk.complete("replacement", justified=False, reason="无损坏证明")
    desk.run("device.determine")

    assert [line.allowed for line in desk.benefits.lines("device")] == [0, 50000]
    assert "无损坏证明" in (desk.benefits.lines("device")[0].reason or "")


def test_an_early_replacement_that_nobody_judged_is_an_incident(session: Session) -> None:
    desk, _ = desk_with(session, device("1000", "2023-01-01", "2022-01-01"))

    with pytest.raises(CannotProceed, match="提前更换"):
        desk.run("device.determine")


def test_every_device_is_confirmed(session: Session) -> None:
    desk, _ = desk_with(session, device("1000", "2023-01-01"))

    with pytest.raises(InvalidInput) as refused:
        desk.complete(
            "device",
            devices=[{"line": 2, "confirmation_number": "x", "catalogue_limit": "1", "minimum_life_months": 0}],
        )

    assert set(refused.value.fields) == {"fields.devices", "fields.devices.0.line"}


def test_a_device_is_paid_by_the_same_rules_as_an_expense(session: Session) -> None:
    desk, _ = desk_with(session, device("1000", "2023-01-01"))

    desk.run("device.determine")
    desk.run("payee.split", payee_rule="worker")
    desk.run("determination.finish")

    assert desk.payments() == [("worker", "social_security_card", None, 100000, False, None)]

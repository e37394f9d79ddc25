"""The eleven services as configured, and what a city may set otherwise."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from shutil import copy

import pytest

from config.catalogue import CHANNELS, SMS_SLOTS, functions, load_services, services
from config.files import FOLDER, ConfigError
from config.legal import rule_value

SOURCE = FOLDER / "services" / "inpatient_meals.yaml"


def changed(folder: Path, old: str, new: str) -> Path:
    """A folder whose only service is 住院伙食补助费 with one passage changed."""
    words = SOURCE.read_text(encoding="utf-8").replace("number: 4", "number: 1")
    assert old in words
    (folder / SOURCE.name).write_text(words.replace(old, new, 1), encoding="utf-8")
    return folder


@pytest.mark.rule("SCO-01")
def test_the_catalogue_has_the_eleven_services_in_the_order_of_the_plan() -> None:
    listed = rule_value("scheme.services", on=date(2023, 7, 15)).value

    assert tuple(services()) == listed
    assert len(listed) == 11


@pytest.mark.rule("SCO-02")
def test_the_eleven_services_map_to_nine_functions_without_a_rest() -> None:
    assert len(functions()) == 9
    assert functions()["工伤医疗/康复/辅助器具费"] == ("medical_expense", "rehabilitation_expense", "assistive_device")
    assert sorted(code for codes in functions().values() for code in codes) == sorted(services())


@pytest.mark.rule("ACC-05", "DDL-01")
def test_cities_differ_in_their_limit_and_the_others_have_the_provinces() -> None:
    service = services()["medical_expense"]

    limits = {city: service.for_city(city).limit_workdays for city in ("442099", "440399", "440199", "440599")}

    assert limits == {"442099": 15, "440399": 10, "440199": 12, "440599": 20}


@pytest.mark.rule("ACC-05")
def test_what_a_city_adds_stands_at_the_end_of_its_own_list_only() -> None:
    service = services()["medical_expense"]

    shenzhen = [row["code"] for row in service.for_city("440399").materials["counter"]["main"]]
    zhongshan = [row["code"] for row in service.for_city("442099").materials["counter"]["main"]]

    assert shenzhen == [*zhongshan, "accident_statement"]


@pytest.mark.rule("REV-04")
def test_review_levels_are_set_per_service_and_city() -> None:
    assert services()["medical_expense"].for_city("442099").review_levels == 2
    assert services()["referral_filing"].for_city("442099").review_levels == 1
    assert services()["referral_filing"].for_city("440399").review_levels == 2
    assert services()["death_benefit"].for_city("440199").review_levels == 3


@pytest.mark.rule("DDL-01")
def test_no_city_takes_longer_for_expenses_than_the_law_allows() -> None:
    statutory = rule_value("case.manual_reimbursement_workdays", on=date(2023, 12, 1)).value

    for code in ("medical_expense", "rehabilitation_expense", "assistive_device"):
        service = services()[code]
        assert all(service.for_city(city).limit_workdays <= statutory for city in (*service.cities, "440599"))


@pytest.mark.rule("CFG-03")
def test_each_service_has_the_six_lists_of_materials_and_the_occupational_one_is_empty() -> None:
    for service in services().values():
        materials = service.for_city("440199").materials

        assert set(materials) == set(CHANNELS)
        assert materials["counter"]["main"]
        assert materials["occupational"] == {"main": [], "auxiliary": [], "application_items": []}


def test_every_material_has_a_basis_in_law_or_says_that_it_is_assumed() -> None:
    for service in services().values():
        for material in service.materials.values():
            basis = material.row()["legal_basis"]
            assert basis["document"] and basis["quote"], (service.code, material.code)


@pytest.mark.rule("ACC-06")
def test_a_material_that_the_system_obtains_is_waivable_with_the_reason() -> None:
    rows = {row["code"]: row for row in services()["medical_expense"].for_city("442099").materials["counter"]["main"]}

    assert "全面推进简便办理" in rows["recognition_decision"]["waivable"]["because"][0]["quote"]
    assert rows["receipts"]["waivable"] is None


@pytest.mark.rule("G228-16")
def test_paying_the_employer_adds_the_signed_advance_evidence_to_the_list() -> None:
    for code in ("medical_expense", "rehabilitation_expense", "assistive_device"):
        auxiliary = services()[code].for_city("442099").materials["counter"]["auxiliary"]
        added = next(row for row in auxiliary if row["code"] == "advanced_by_employer")["materials"]
        assert [(row["code"], row["mandatory"]) for row in added] == [("advance_evidence", True)]


@pytest.mark.rule("SMS-07")
def test_the_acceptance_message_is_the_example_of_the_source() -> None:
    for service in services().values():
        assert service.sms["acceptance"] == "尊敬的 XM 先生/女士,你好, 您办理的YWMC在SLSJ受理成功。"


@pytest.mark.rule("SMS-02")
def test_each_service_has_the_nine_slots_and_an_empty_one_is_allowed() -> None:
    for service in services().values():
        assert tuple(service.sms) == SMS_SLOTS
        assert service.sms["receipt"] is None


@pytest.mark.rule("ROU-05")
def test_every_service_is_distributed_over_the_province_at_first() -> None:
    assert {service.distribution_mode for service in services().values()} == {"province"}


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("    limit_workdays: 10", "    limit_workdays: 16", "only shorten"),
        ("  value: 15", '  value: "15"', "whole number"),
        ("  value: 2\n", "  value: 4\n", "whole number from 0 to 3"),
        ("distribution_mode: province", "distribution_mode: everywhere", "none of province, local"),
        ("  dispatch: pool", "  dispatch: lottery", "none of pool"),
        ('forms: ["1-1"]', 'forms: ["1-9"]', "none of 1-1"),
        ('forms: ["1-1"]', 'forms: ["1-2"]', "form 1-2 is no material"),
        ("main: [benefit_application, ", "main: [benefit_application, ghost, ", "no material 'ghost'"),
        ("main: [benefit_application, ", "main: [benefit_application, benefit_application, ", "stands twice"),
        ("main: [benefit_application, discharge_papers, ", "main: [benefit_application, ", "no list asks for"),
        ("  receipt: null", "  receipts: null", "missing: receipt"),
        ("  receipt: null", f"  receipt: {'长' * 501}", "longer than 500"),
        ("code: inpatient_meals", "code: meals", "name of the file"),
        ("number: 1", "number: 2", "numbered 1 to n"),
        ("    mandatory: true", "    mandatory: perhaps", "true or false"),
        ("      document: work-injury-regulation", "      document: rumour", "rumour"),
        ("kind: benefit", "kind: favour", "none of benefit"),
        ("  supplement_stops_clock: false", "  supplement_stops_clock: no one knows", "true or false"),
    ],
)
def test_a_service_that_contradicts_itself_is_refused_with_the_place(
    tmp_path: Path, old: str, new: str, sentence: str
) -> None:
    with pytest.raises(ConfigError, match=sentence):
        load_services(changed(tmp_path, old, new))


@pytest.mark.rule("SMS-05")
def test_a_message_of_exactly_500_characters_is_taken(tmp_path: Path) -> None:
    loaded = load_services(changed(tmp_path, "  receipt: null", f"  receipt: {'长' * 500}"))

    assert len(loaded["inpatient_meals"].sms["receipt"] or "") == 500


def test_a_service_whose_number_is_taken_is_refused(tmp_path: Path) -> None:
    copy(SOURCE, tmp_path)

    with pytest.raises(ConfigError, match="numbered 1 to n"):
        load_services(tmp_path)

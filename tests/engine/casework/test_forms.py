"""Forms 1-1 to 1-8 and the facts of the services against their schemas."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest

from config.catalogue import services
from config.form_schemas import FormSchema, fact_schemas, form_schemas, party_schemas
from engine.casework.forms import REQUIRED, Desk, Faults, check_form, day, money
from handlers.rules import identity
from tests.factories import identity_number, make_person
from tests.factories_intake import benefit_form, facts_for, forms_for, lump_sum_notice

TODAY = date(2023, 8, 1)
PERSON = make_person()
APPLICATION = {
    "worker.name": PERSON.name,
    "worker.identity_type": "resident_identity_card",
    "worker.identity_number": PERSON.identity_number,
    "employer.name": "测试用人单位1",
    "injured_on": "2022-03-01",
}


def filled(schema: FormSchema, values: Any, **known: Any) -> tuple[dict[str, Any], dict[str, list[str]]]:
    faults = Faults()
    desk = Desk(identity=identity, today=TODAY)
    clean = check_form(
        schema,
        values,
        at="form",
        desk=desk,
        faults=faults,
        application=known.get("application", APPLICATION),
        forms=known.get("forms"),
    )
    return clean, faults.by_field


def faults_of(form: str, values: Mapping[str, Any]) -> dict[str, list[str]]:
    return filled(form_schemas()[form], values)[1]


def change(values: Mapping[str, Any], **others: Any) -> dict[str, Any]:
    return {**values, **others}


# --- the schemas themselves


def test_all_eight_forms_are_described_and_every_service_has_facts() -> None:
    assert list(form_schemas()) == [f"1-{number}" for number in range(1, 9)]
    assert set(fact_schemas()) == set(services())


@pytest.mark.parametrize("form", [f"1-{number}" for number in range(1, 9)])
def test_the_rules_of_a_form_are_numbered_without_a_gap(form: str) -> None:
    numbers = sorted({int(rule.removeprefix(f"FRM-{form}-")) for rule in form_schemas()[form].rules()})

    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("service", list(services()))
def test_the_usual_forms_and_facts_of_every_service_are_accepted(service: str) -> None:
    forms = {}
    for form, values in forms_for(service).items():
        forms[form], faults = filled(form_schemas()[form], values)
        assert faults == {}

    clean, faults = filled(fact_schemas()[service], facts_for(service), forms=forms)

    assert faults == {}
    assert clean


@pytest.mark.parametrize("schema", [*form_schemas().values(), *fact_schemas().values(), *party_schemas().values()])
@pytest.mark.parametrize(
    "value", [None, 1, -1, 10**30, 1.5, True, "", "文", "x" * 10_000, [], [1], {}, {"a": {}}, [[]]]
)
def test_no_value_in_any_field_makes_a_check_crash(schema: FormSchema, value: Any) -> None:
    for field in schema.fields:
        filled(schema, {field.id: value})
        if field.type == "list":
            filled(schema, {field.id: [{one.id: value for one in field.fields}]})


# --- types


@pytest.mark.parametrize(
    ("written", "kept"), [("0", "0.00"), ("120.5", "120.50"), ("007.10", "7.10"), ("9" * 12, "9" * 12 + ".00")]
)
def test_money_is_kept_with_two_decimals(written: str, kept: str) -> None:
    assert money(written) == kept


@pytest.mark.parametrize(
    "written",
    [
        1,
        120.5,
        True,
        None,
        "1.005",
        "-1",
        "+1",
        "1e3",
        "1,000",
        "１２",
        "",
        " 1",
        "1\n",
        "NaN",
        "9" * 13,
        ".5",
        "5.",
        ["1"],
    ],
)
def test_money_as_a_float_or_with_more_decimals_is_refused(written: Any) -> None:
    with pytest.raises(ValueError, match="两位小数"):
        money(written)


def test_a_day_is_written_in_one_way() -> None:
    assert day("2024-02-29") == date(2024, 2, 29)


@pytest.mark.parametrize(
    "written",
    [
        "2023-02-29",
        "20230301",
        "2023-W10-1",
        "2023-3-1",
        "2023-03-01T00:00",
        "0001-01-01",
        "9999-12-31",
        20230301,
        None,
    ],
)
def test_an_impossible_day_is_refused(written: Any) -> None:
    with pytest.raises(ValueError):
        day(written)


@pytest.mark.parametrize("value", [1.0, "3", True, 2**63, -1, None.__class__])
def test_an_integer_is_an_integer_within_its_range(value: Any) -> None:
    form = benefit_form(
        expenses=["medical"], invoice_total="1.00", expenses_signed_by="agent", expenses_signed_on="2022-03-01"
    )

    assert faults_of("1-1", change(form, invoice_count=value)).keys() == {"form.invoice_count"}


def test_control_characters_are_refused_and_rare_characters_are_kept() -> None:
    clean, faults = filled(form_schemas()["1-1"], benefit_form(relative_name="𠮷田", address="测试\x00路"))

    assert clean["relative_name"] == "𠮷田"
    assert faults == {"form.address": ["含有不可见的控制字符，请删除后重新填写。"]}


def test_text_of_ten_megabytes_is_refused() -> None:
    assert faults_of("1-1", benefit_form(address="长" * 10_000_000)) == {"form.address": ["不能超过200个字。"]}


def test_an_unknown_field_is_refused_without_repeating_much_of_it() -> None:
    (path,) = faults_of("1-1", benefit_form(**{"x" * 5000: 1}))

    assert len(path) < 60


def test_a_form_that_is_no_form_is_refused() -> None:
    assert filled(form_schemas()["1-1"], ["1-1"])[1] == {"form": ["应为一组填写项。"]}


def test_every_fault_is_reported_at_once() -> None:
    form = benefit_form(phone="+85291234567", address="", signed_on="2023-08-02", items=["graded", "graded"])

    assert faults_of("1-1", form).keys() == {"form.phone", "form.address", "form.signed_on", "form.items"}


# --- what forms say


def test_what_the_application_says_is_not_asked_again() -> None:
    clean, _ = filled(form_schemas()["1-1"], benefit_form())

    assert clean["worker_name"] == PERSON.name
    assert clean["identity_number"] == PERSON.identity_number


def test_what_the_application_says_must_not_be_contradicted() -> None:
    other = identity_number(born_on=date(1990, 1, 1))

    faults = faults_of("1-1", benefit_form(identity_number=other, injured_on="2022-03-02"))

    assert faults.keys() == {"form.identity_number", "form.injured_on"}


def test_the_check_digit_counts_for_identity_cards_only() -> None:
    known = {**APPLICATION, "worker.identity_type": "other", "worker.identity_number": "H1234567"}
    assert filled(form_schemas()["1-1"], benefit_form(), application=known)[1] == {}

    known = {**APPLICATION, "worker.identity_number": "H1234567"}
    assert filled(form_schemas()["1-1"], benefit_form(), application=known)[1].keys() == {"form.identity_number"}


@pytest.mark.parametrize(
    ("items", "wrong"),
    [
        (["not_graded", "graded"], True),
        (["leaving", "death"], True),
        (["leaving", "death_after_retirement"], True),
        ([], True),
        (["graded", "leaving"], False),
        (["inpatient_meals"], False),
    ],
)
def test_application_items_exclude_each_other_as_on_form_1_1(items: list[str], wrong: bool) -> None:
    form = {name: value for name, value in benefit_form(items=items).items() if name != "items_other"}

    assert (faults_of("1-1", form).keys() == {"form.items"}) is wrong


EXPENSES: dict[str, Any] = {
    "expenses": ["medical"],
    "invoice_count": 3,
    "invoice_total": "1000.00",
    "expenses_signed_by": "worker_or_relative",
    "expenses_signed_on": "2022-03-01",
}


def test_an_expense_claim_needs_count_total_and_its_own_signature() -> None:
    faults = faults_of("1-1", benefit_form(expenses=["medical"]))

    assert faults == {
        f"form.{name}": [REQUIRED]
        for name in ("invoice_count", "invoice_total", "expenses_signed_by", "expenses_signed_on")
    }


def test_advances_do_not_exceed_the_total() -> None:
    form = benefit_form(**EXPENSES, medical_insurance_city="中山市")

    assert faults_of("1-1", change(form, advanced_by_employer="600", advanced_by_medical_insurance="400")) == {}
    assert faults_of(
        "1-1", change(form, advanced_by_employer="600.01", advanced_by_medical_insurance="400")
    ).keys() == {"form.invoice_total"}


def test_an_advance_of_the_medical_insurance_needs_its_city() -> None:
    form = benefit_form(**EXPENSES)

    assert faults_of("1-1", change(form, advanced_by_medical_insurance="0.01")).keys() == {
        "form.medical_insurance_city"
    }
    assert faults_of("1-1", change(form, advanced_by_medical_insurance="0.00")) == {}


def test_an_employers_account_needs_its_reason() -> None:
    account = {"employer_bank": "测试银行", "employer_holder": "测试用人单位1", "employer_account": "44050012345678"}
    form = benefit_form(account_kind="employer_account", **account)

    assert faults_of("1-1", form) == {"form.employer_account_reason": [REQUIRED]}
    assert faults_of("1-1", change(form, employer_account_reason="advanced_by_employer")) == {}


def test_an_employers_account_beside_the_card_is_refused() -> None:
    assert faults_of("1-1", benefit_form(employer_account="44050012345678")).keys() == {"form.employer_account"}


def test_a_card_of_another_province_needs_the_account() -> None:
    faults = faults_of("1-1", benefit_form(guangdong_card=False))

    assert faults.keys() == {"form.card_bank", "form.card_holder", "form.card_account"}


@pytest.mark.parametrize("sentence", ["我已详细了解上述内容并同意", "我已了解上述内容并同意。"])
def test_the_sentence_of_form_1_3_is_copied_exactly(sentence: str) -> None:
    assert faults_of("1-3", lump_sum_notice()) == {}
    assert faults_of("1-3", lump_sum_notice(copied_sentence=sentence)).keys() == {"form.copied_sentence"}
    assert faults_of("1-3", lump_sum_notice(signed=False)).keys() == {"form.signed"}


RETIREMENT: dict[str, Any] = {
    "engineering_project": False,
    "mobile": "13800138000",
    "home_address": "广东省中山市石岐区测试路1号",
    "account_kind": "social_security_card",
    "way": "one",
    "medical_insurance": "withheld",
    "declared_way": "one",
    "declared_medical_insurance": "withheld",
    "signed": True,
    "signed_on": "2022-07-01",
}


def test_form_1_4_way_two_has_no_choice_of_medical_insurance() -> None:
    assert faults_of("1-4", RETIREMENT) == {}
    faults = faults_of("1-4", change(RETIREMENT, way="two", declared_way="two"))
    assert faults.keys() == {"form.medical_insurance", "form.declared_medical_insurance"}


def test_form_1_4_way_one_needs_the_choice() -> None:
    form = {name: value for name, value in RETIREMENT.items() if "medical_insurance" not in name}

    assert faults_of("1-4", form).keys() == {"form.medical_insurance", "form.declared_medical_insurance"}


def test_the_declaration_of_form_1_4_agrees_with_the_ticks() -> None:
    assert faults_of("1-4", change(RETIREMENT, declared_medical_insurance="self_paid")).keys() == {
        "form.declared_medical_insurance"
    }


def dependant(number: int, **others: Any) -> dict[str, Any]:
    return {
        "name": "陈小测",
        "identity_number": identity_number("440106", date(2015, 5, 1), number),
        "sex": "male" if number % 2 else "female",
        "born_on": "2015-05-01",
        "relation": "child",
        **others,
    }


def dependants_form(*rows: dict[str, Any]) -> dict[str, Any]:
    signature = {"name": "何秀兰", "capacity": "guardian", "signed_on": "2022-07-01"}
    return {"died_on": "2022-03-02", "dependants": list(rows), "committed": True, "signatures": [signature]}


def test_form_1_5_takes_more_than_three_dependants() -> None:
    assert faults_of("1-5", dependants_form(*(dependant(number) for number in range(1, 6)))) == {}


def test_a_dependant_named_twice_is_refused() -> None:
    faults = faults_of("1-5", dependants_form(dependant(1), dependant(2), dependant(1)))

    assert faults == {"form.dependants.2.identity_number": ["与前面的行重复。"]}


def test_sex_and_birth_of_a_dependant_agree_with_the_number() -> None:
    faults = faults_of("1-5", dependants_form(dependant(1, sex="female"), dependant(2, born_on="2015-05-02")))

    assert faults == {
        "form.dependants.0.identity_number": ["与填写的性别不一致。"],
        "form.dependants.1.identity_number": ["与填写的出生日期不一致。"],
    }


def test_form_1_7_asks_the_employer_only_of_the_employed() -> None:
    form = forms_for("remote_treatment_filing")["1-7"]

    assert faults_of("1-7", change(form, employed=True)).keys() == {"form.employer_opinion", "form.employer_seal"}
    assert faults_of("1-7", change(form, employer_opinion="同意")).keys() == {"form.employer_opinion"}


def test_form_1_7_ends_after_it_begins_and_a_change_says_what_changed() -> None:
    form = forms_for("remote_treatment_filing")["1-7"]

    assert faults_of("1-7", change(form, until_on="2022-03-31")).keys() == {"form.until_on"}
    assert faults_of("1-7", change(form, registration="change")).keys() == {"form.changes"}


def test_form_1_8_of_an_employer_needs_no_worker_and_that_of_a_relative_needs_the_relative() -> None:
    form = forms_for("referral_filing")["1-8"]
    unsigned = {name: value for name, value in form.items() if not name.startswith("signed")}
    seal = {"employer_seal": True, "employer_agent": "李测", "employer_signed_on": "2022-03-01"}

    assert faults_of("1-8", change(unsigned, applied_by="employer", **seal)) == {}
    assert faults_of("1-8", change(form, applied_by="relative")).keys() == {"form.relative_name", "form.relative_phone"}


def test_the_agencys_own_block_is_not_the_applicants() -> None:
    form = forms_for("referral_filing")["1-8"]

    assert faults_of("1-8", change(form, agency_opinion="同意")) == {"form.agency_opinion": ["此项由经办机构填写。"]}


def test_form_1_2_changes_the_bank_account_and_nothing_else() -> None:
    form = forms_for("bank_account_change")["1-2"]

    assert faults_of("1-2", change(form, changes=["bank_account", "address"])).keys() == {"form.changes"}


# --- facts


def facts_faults(
    service: str, facts: Mapping[str, Any], forms: Mapping[str, Any] | None = None
) -> dict[str, list[str]]:
    return filled(fact_schemas()[service], facts, forms=forms or {})[1]


def test_facts_that_a_form_says_are_taken_from_it_and_must_agree() -> None:
    forms = {"1-3": lump_sum_notice()}
    clean, faults = filled(fact_schemas()["medical_lump_sum"], facts_for("medical_lump_sum"), forms=forms)
    assert (clean["employment_ended_on"], faults) == ("2022-06-30", {})

    other = change(facts_for("medical_lump_sum"), employment_ended_on="2022-07-01")
    assert facts_faults("medical_lump_sum", other, forms).keys() == {"form.employment_ended_on"}


def test_advances_do_not_exceed_the_lines() -> None:
    facts = facts_for("medical_expense")  # 920.50 in all

    assert facts_faults("medical_expense", change(facts, advanced_by_employer="920.50")) == {}
    assert facts_faults("medical_expense", change(facts, advanced_by_employer="920.51")).keys() == {
        "form.advanced_by_employer"
    }


def test_a_stay_ends_after_it_begins_and_not_tomorrow() -> None:
    stay = {"hospital": "中山测试医院", "admitted_on": "2023-07-31", "discharged_on": "2023-07-30"}

    assert facts_faults("inpatient_meals", {"stays": [stay]}).keys() == {"form.stays.0.discharged_on"}
    assert facts_faults("inpatient_meals", {"stays": [change(stay, discharged_on="2023-08-02")]}).keys() == {
        "form.stays.0.discharged_on"
    }


def test_s24_an_account_that_is_not_the_card_needs_a_coded_reason() -> None:
    facts = {
        "bank": "测试银行",
        "holder": "测试用人单位1",
        "account": "44050012345678",
        "account_kind": "employer_account",
    }

    assert facts_faults("bank_account_change", facts).keys() == {"form.reason_code"}
    assert facts_faults("bank_account_change", change(facts, reason_code="passbook")).keys() == {"form.reason_code"}
    assert facts_faults("bank_account_change", change(facts, reason_code="advanced_by_employer")) == {}


def test_a_grade_needs_its_appraisal_and_no_grade_has_none() -> None:
    facts = facts_for("disability_benefit")

    without = {name: value for name, value in facts.items() if not name.startswith("apprais")}
    assert facts_faults("disability_benefit", without).keys() == {"form.appraised_on", "form.appraisal_number"}
    not_appraised = {name: value for name, value in without.items() if name != "grade"}
    assert facts_faults("disability_benefit", not_appraised) == {}


def test_more_rows_than_a_list_takes_are_refused_at_once() -> None:
    line = facts_for("medical_expense")["lines"][0]

    faults = facts_faults("medical_expense", change(facts_for("medical_expense"), lines=[line] * 501))

    assert faults == {"form.lines": ["不能超过500行。"]}

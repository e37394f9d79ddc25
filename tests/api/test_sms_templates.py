"""Categories, templates and slots of text messages through HTTP: who may, what is refused, what a case gets."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from tests.api.conftest import is_problem
from tests.applications import OfficerClient, log_in
from tests.conftest import FixedClock
from tests.stories.telling import telling

ZHONGSHAN, SHENZHEN, PROVINCE = "442099", "440399", "440099"
WORDS = "尊敬的XM，您的YWMC已办结，请到JBJG领取。"


class Templates:
    """An administrator at work on templates."""

    def __init__(self, client: OfficerClient) -> None:
        self.client = client

    def post(self, path: str, body: Any = None, status: int = 201) -> Any:
        return self._ask("POST", path, body, status)

    def put(self, path: str, body: Any = None, status: int = 200) -> Any:
        return self._ask("PUT", path, body, status)

    def get(self, path: str) -> Any:
        return self._ask("GET", path, None, 200)

    def _ask(self, method: str, path: str, body: Any, status: int) -> Any:
        answer = self.client.open(method, f"/api/v1/sms{path}", **({} if body is None else {"json": body}))
        assert answer.status_code == status, answer.data.decode()
        return answer.json

    def category(self, name: str = "工伤待遇保险") -> int:
        return int(self.post("/categories", {"name": name})["id"])

    def draft(self, content: str = WORDS, code: str = "WC001", category: int | None = None) -> Any:
        category = category or self.category(f"大类{code}")
        body = {"category_id": category, "function_code": code, "name": "办结短信", "content": content}
        return self.post("/templates", body)

    def published(self, content: str = WORDS, code: str = "WC001") -> Any:
        draft = self.draft(content, code)
        return self.publish(draft)

    def publish(self, template: Any) -> Any:
        return self.post(f"/templates/{template['id']}/publication", {"version": template["version"]}, 200)

    def slots(self, service: str = "medical_expense") -> Any:
        return self.get(f"/slots/{service}")

    def choose(self, service: str = "medical_expense", status: int = 200, **choices: Any) -> Any:
        body = {"version": self.slots(service)["version"], "slots": choices}
        return self.put(f"/slots/{service}", body, status)


@pytest.fixture
def admin(app: Flask) -> Templates:
    """The administrator of 中山."""
    return Templates(log_in(app, f"admin-{ZHONGSHAN}"))


@pytest.fixture
def other(app: Flask) -> Templates:
    """The administrator of 深圳."""
    return Templates(log_in(app, f"admin-{SHENZHEN}"))


@pytest.fixture
def province(app: Flask) -> Templates:
    return Templates(log_in(app, f"admin-{PROVINCE}"))


def slot_of(table: Any, slot: str) -> Any:
    return next(row for row in table["slots"] if row["slot"] == slot)


# --- categories


@pytest.mark.rule("SMS-04", "CFG-13")
def test_an_administrator_keeps_the_categories_of_the_city(admin: Templates, other: Templates) -> None:
    first, second = admin.category("工伤待遇"), admin.category("备案")
    admin.put(f"/categories/{second}", {"name": "工伤备案"})
    answer = admin.client.delete(f"/api/v1/sms/categories/{first}")

    assert answer.json == {"removed": first}
    assert [row["name"] for row in admin.get("/categories")["items"]] == ["工伤备案"]
    assert other.get("/categories")["items"] == []


@pytest.mark.rule("SMS-04")
def test_a_category_with_templates_stays_and_a_name_is_given_once(admin: Templates) -> None:
    category = admin.category("工伤待遇")
    admin.draft(category=category)

    assert is_problem(admin.client.delete(f"/api/v1/sms/categories/{category}"), 409, "category_in_use")
    again = admin.client.post("/api/v1/sms/categories", {"name": "工伤待遇"})
    assert is_problem(again, 409, "category_exists")


# --- templates


@pytest.mark.rule("SMS-05", "CFG-13")
def test_a_template_has_category_name_function_code_state_and_content(admin: Templates) -> None:
    template = admin.draft()

    shown = admin.get(f"/templates/{template['id']}")

    assert shown["function_code"] == "WC001"
    assert shown["category_name"] == "大类WC001"
    assert (shown["active"], shown["state_name"]) == (True, "有效")
    assert (shown["draft"]["name"], shown["draft"]["content"]) == ("办结短信", WORDS)
    assert shown["published"] is None
    assert shown["draft"]["written_by"]
    assert shown["draft"]["written_at"].startswith("2023-08-01T09:00")


@pytest.mark.rule("SMS-05")
@pytest.mark.parametrize("missing", ["category_id", "function_code", "name", "content"])
def test_no_field_of_a_template_may_be_missing(admin: Templates, missing: str) -> None:
    body = {"category_id": admin.category(), "function_code": "A", "name": "名", "content": "您好。"}
    del body[missing]

    answer = admin.client.post("/api/v1/sms/templates", body)

    assert is_problem(answer, 422, "invalid_input")
    assert list(answer.json["fields"]) == [missing]


@pytest.mark.rule("SMS-05")
def test_500_characters_are_stored_and_501_are_refused_with_a_sentence(admin: Templates) -> None:
    template = admin.draft("字" * 500)
    refused = admin.client.put(
        f"/api/v1/sms/templates/{template['id']}/draft",
        {"version": template["version"], "name": "名", "content": "字" * 501},
    )

    assert is_problem(refused, 422, "invalid_input")
    assert refused.json["fields"] == {"content": ["模板内容应为 1 至 500 字。"]}
    assert admin.get(f"/templates/{template['id']}")["draft"]["content"] == "字" * 500


@pytest.mark.rule("SMS-07")
def test_the_blanks_of_a_text_are_kept(admin: Templates) -> None:
    words = " 尊敬的 XM 先生/女士,你好, 您办理的YWMC在SLSJ受理成功。 "

    assert admin.draft(words)["draft"]["content"] == words


@pytest.mark.rule("SMS-03", "CFG-13")
def test_published_versions_stay_and_a_draft_grows_beside_them(admin: Templates, clock: FixedClock) -> None:
    template = admin.published("第一稿。")
    clock.advance(hours=1)
    template = admin.put(
        f"/templates/{template['id']}/draft", {"version": template["version"], "name": "新名", "content": "第二稿。"}
    )
    meanwhile = (template["published"]["content"], template["draft"]["content"])
    template = admin.publish(template)

    assert meanwhile == ("第一稿。", "第二稿。")
    assert template["draft"] is None
    assert [(one["number"], one["content"]) for one in template["versions"]] == [(1, "第一稿。"), (2, "第二稿。")]
    assert template["versions"][1]["published_at"].startswith("2023-08-01T10:00")
    assert template["versions"][1]["published_by"]


def test_two_administrators_do_not_overwrite_each_other(admin: Templates) -> None:
    template = admin.draft()
    path, body = f"/templates/{template['id']}/draft", {"name": "名", "content": "您好。"}
    admin.put(path, {"version": template["version"], **body})

    answer = admin.client.put(f"/api/v1/sms{path}", {"version": template["version"], **body})

    assert is_problem(answer, 409, "stale_version")
    assert answer.json["details"]["by"]


def test_a_draft_can_be_given_up_and_only_an_unpublished_template_removed(admin: Templates) -> None:
    published, unpublished = admin.published(), admin.draft(code="WC002")
    path = f"/templates/{published['id']}"
    changed = admin.put(f"{path}/draft", {"version": published["version"], "name": "名", "content": "第二稿。"})
    seen = {"version": changed["version"]}

    given_up = admin.client.delete(f"/api/v1/sms{path}/draft", json=seen)
    kept = admin.client.delete(f"/api/v1/sms{path}", json={"version": changed["version"] + 1})
    removed = admin.client.delete(
        f"/api/v1/sms/templates/{unpublished['id']}", json={"version": unpublished["version"]}
    )

    assert (given_up.status_code, given_up.json["draft"]) == (200, None)
    assert is_problem(kept, 409, "template_published")
    assert removed.json == {"removed": unpublished["id"]}


def test_a_text_that_may_become_too_long_is_not_published(admin: Templates) -> None:
    template = admin.draft("CZYJ" * 10)

    answer = admin.client.post(f"/api/v1/sms/templates/{template['id']}/publication", {"version": template["version"]})

    assert is_problem(answer, 422, "invalid_input")
    assert "1500字" in answer.json["fields"]["content"][0]


@pytest.mark.rule("SMS-04")
def test_another_city_neither_reads_nor_alters_a_draft(admin: Templates, other: Templates) -> None:
    template = admin.draft()
    category = template["category_id"]
    path, seen = f"/api/v1/sms/templates/{template['id']}", {"version": template["version"]}
    asked = [
        other.client.get(path),
        other.client.put(f"{path}/draft", {**seen, "name": "名", "content": "改。"}),
        other.client.put(path, {**seen, "active": False}),
        other.client.post(f"{path}/publication", seen),
        other.client.delete(path, json=seen),
        other.client.put(f"/api/v1/sms/categories/{category}", {"name": "改"}),
        other.client.delete(f"/api/v1/sms/categories/{category}"),
        other.client.get(f"/api/v1/sms/templates?city={ZHONGSHAN}"),
        other.client.get(f"/api/v1/sms/slots/medical_expense?city={ZHONGSHAN}"),
    ]

    assert all(is_problem(answer, 404, "not_found") for answer in asked)
    assert other.get("/templates")["items"] == []
    assert admin.get(f"/templates/{template['id']}")["draft"]["content"] == WORDS


@pytest.mark.rule("SMS-04")
def test_a_template_goes_into_a_category_of_its_own_city(admin: Templates, other: Templates) -> None:
    body = {"category_id": other.category(), "function_code": "A", "name": "名", "content": "您好。"}

    assert is_problem(admin.client.post("/api/v1/sms/templates", body), 404, "not_found")


def test_the_province_reads_every_city_and_alters_none(admin: Templates, province: Templates) -> None:
    template = admin.draft()

    listed = province.get(f"/templates?city={ZHONGSHAN}")["items"]
    altered = province.client.put(
        f"/api/v1/sms/templates/{template['id']}", {"version": template["version"], "active": False}
    )

    assert [row["id"] for row in listed] == [template["id"]]
    assert is_problem(altered, 404, "not_found")


def test_a_district_reads_the_templates_of_its_city(app: Flask, admin: Templates) -> None:
    guangzhou, district = Templates(log_in(app, "admin-440199")), log_in(app, "supervisor-440106")
    template = guangzhou.draft()

    assert district.get(f"/api/v1/sms/templates/{template['id']}").status_code == 200


def test_templates_are_listed_by_category_and_state(admin: Templates) -> None:
    first, second = admin.published(code="A1"), admin.published(code="A2")
    admin.put(f"/templates/{second['id']}", {"version": second["version"], "active": False})

    def listed(query: str) -> list[int]:
        return [row["id"] for row in admin.get(f"/templates?{query}")["items"]]

    assert listed("") == [first["id"], second["id"]]
    assert listed(f"category_id={second['category_id']}") == [second["id"]]
    assert listed("active=true") == [first["id"]]
    assert listed("active=false") == [second["id"]]
    assert listed("limit=1") == [first["id"]]


# --- preview and keys


@pytest.mark.rule("SMS-06")
def test_the_13_keys_say_what_they_stand_for_and_where_they_make_sense(admin: Templates) -> None:
    keys = {row["code"]: row for row in admin.get("/keys")["items"]}

    assert len(keys) == 13
    assert keys["CZYJ"]["title"] == "终止意见"
    assert keys["CZYJ"]["slots"] == ["termination"]
    assert keys["SLHZH"]["longest"] == 16


@pytest.mark.rule("SMS-09")
def test_a_preview_tells_length_worst_case_and_what_stands_against_it(admin: Templates) -> None:
    body = {"content": "XM：CZYJ", "slot": "acceptance", "service": "medical_expense", "values": {"XM": "欧阳"}}

    shown = admin.post("/preview", body, 200)

    assert shown["text"] == "欧阳：申请人撤回申请"
    assert (shown["characters"], shown["parts"]) == (10, 1)
    assert (shown["longest_characters"], shown["longest_parts"]) == (201, 3)
    assert shown["faults"] == ["关键词CZYJ（终止意见）不能用于受理短信。"]


# --- slots


@pytest.mark.rule("SMS-02", "CFG-10")
def test_a_city_begins_with_the_nine_slots_and_the_texts_of_the_province(admin: Templates) -> None:
    table = admin.slots()

    assert [row["title"] for row in table["slots"]] == [
        *("受理短信", "收件短信", "办结短信", "终止短信", "催办短信"),
        *("非职业伤害或不予受理办结短信", "中止短信", "审核不通过短信", "已初审短信"),
    ]
    assert slot_of(table, "acceptance")["source"] == "standard"
    assert slot_of(table, "receipt")["source"] == "empty"
    assert [(row["version"], row["by"]) for row in table["history"]] == [(1, None)]


@pytest.mark.rule("SMS-03", "CFG-10")
def test_choosing_a_template_makes_a_version_with_author_and_time(admin: Templates, other: Templates) -> None:
    template = admin.published()

    table = admin.choose(completion={"template_id": template["id"]})

    chosen = slot_of(table, "completion")
    assert (chosen["source"], chosen["content"], chosen["outdated"]) == ("template", WORDS, False)
    assert chosen["template"] == {
        "id": template["id"],
        "number": 1,
        "name": "办结短信",
        "function_code": "WC001",
    }
    assert [(row["version"], row["valid_from"]) for row in table["history"]] == [(2, "2023-08-01"), (1, "2019-07-01")]
    assert table["history"][0]["by"]
    assert table["history"][0]["at"].startswith("2023-08-01T09:00")
    assert slot_of(other.slots(), "completion")["source"] == "standard"
    assert slot_of(admin.slots("inpatient_meals"), "completion")["source"] == "standard"


@pytest.mark.rule("SMS-02")
def test_a_slot_can_be_emptied_and_given_the_text_of_the_province_again(admin: Templates) -> None:
    admin.choose(completion=None, termination={"template_id": admin.published("终止：CZYJ")["id"]})
    emptied = admin.slots()

    admin.choose(completion={"standard": True})
    back = admin.slots()

    assert slot_of(emptied, "completion")["source"] == "empty"
    assert slot_of(back, "completion")["source"] == "standard"
    assert slot_of(back, "termination")["source"] == "template"
    assert back["version"] == 3


@pytest.mark.rule("SMS-05")
def test_an_inactive_template_cannot_be_bound(admin: Templates) -> None:
    template = admin.published()
    admin.put(f"/templates/{template['id']}", {"version": template["version"], "active": False})

    refused = admin.choose(status=422, completion={"template_id": template["id"]})

    assert refused["fields"] == {"slots.completion": ["该模板已失效，不能使用。"]}
    assert admin.slots()["version"] == 1


@pytest.mark.rule("SMS-05")
def test_a_template_in_use_cannot_become_inactive(admin: Templates) -> None:
    template = admin.published()
    admin.choose(completion={"template_id": template["id"]})
    body = {"version": template["version"], "active": False}

    refused = admin.client.put(f"/api/v1/sms/templates/{template['id']}", body)
    admin.choose(completion={"standard": True})
    afterwards = admin.put(f"/templates/{template['id']}", body)

    assert is_problem(refused, 409, "template_in_use")
    assert "工伤医疗费的办结短信" in refused.json["detail"]
    assert afterwards["state_name"] == "无效"


@pytest.mark.rule("SMS-09")
def test_a_template_whose_keys_make_no_sense_in_the_slot_cannot_be_bound(admin: Templates) -> None:
    template = admin.published("终止意见：CZYJ")

    refused = admin.choose(status=422, completion={"template_id": template["id"]})

    assert refused["fields"] == {"slots.completion": ["关键词CZYJ（终止意见）不能用于办结短信。"]}


def test_a_draft_and_the_template_of_another_city_cannot_be_bound(admin: Templates, other: Templates) -> None:
    draft, foreign = admin.draft(), other.published()

    refused = admin.choose(status=422, completion={"template_id": draft["id"]}, urging={"template_id": foreign["id"]})

    assert refused["fields"] == {
        "slots.completion": ["该模板还没有发布，不能使用。"],
        "slots.urging": ["没有这个短信模板。"],
    }


@pytest.mark.parametrize(
    "choice", [{}, {"standard": False}, {"template_id": 1, "standard": True}, {"template_id": 0}, "standard", 7]
)
def test_a_choice_is_a_template_the_text_of_the_province_or_nothing(admin: Templates, choice: Any) -> None:
    refused = admin.choose(status=422, completion=choice)

    assert refused["code"] == "invalid_input"


def test_who_chooses_over_an_old_version_is_told(admin: Templates) -> None:
    seen = admin.slots()["version"]
    admin.choose(completion=None)

    answer = admin.client.put("/api/v1/sms/slots/medical_expense", {"version": seen, "slots": {"urging": None}})

    assert is_problem(answer, 409, "stale_version")
    assert slot_of(admin.slots(), "urging")["source"] == "standard"


def test_choosing_what_is_chosen_already_makes_no_version(admin: Templates) -> None:
    assert admin.choose(acceptance={"standard": True}, receipt=None)["version"] == 1


@pytest.mark.rule("SMS-03")
def test_a_new_version_of_a_template_waits_until_it_is_chosen(admin: Templates) -> None:
    template = admin.published("第一稿。")
    admin.choose(completion={"template_id": template["id"]})
    draft = {"version": template["version"], "name": "名", "content": "第二稿。"}
    admin.publish(admin.put(f"/templates/{template['id']}/draft", draft))
    before = slot_of(admin.slots(), "completion")

    after = slot_of(admin.choose(completion={"template_id": template["id"]}), "completion")

    assert (before["content"], before["outdated"]) == ("第一稿。", True)
    assert (after["content"], after["outdated"], after["template"]["number"]) == ("第二稿。", False, 2)


@pytest.mark.rule("CFG-10", "CFG-13")
def test_a_case_keeps_the_texts_that_counted_when_it_was_accepted(app: Flask, clock: FixedClock) -> None:
    clock.set("2023-09-28T09:00")
    foshan = Templates(log_in(app, "admin-440699"))
    foshan.choose(first_reviewed={"template_id": foshan.published("XM的业务已初审（第一稿）。", "A1")["id"]})
    story = telling(app, clock, "transferred", {})
    story.through_intake("acceptor-440605")
    foshan.choose(first_reviewed={"template_id": foshan.published("XM的业务已初审（第二稿）。", "A2")["id"]})

    story.assess("first-440605", "268.00", "23650.00")
    story.act("task", by="first-440605", task="first_review", outcome="pass", opinion="符合规定。")

    messages = {message["slot"]: message for message in story.case()["messages"]}
    assert messages["first_reviewed"]["text"].endswith("的业务已初审（第一稿）。")
    assert slot_of(foshan.slots(), "first_reviewed")["content"] == "XM的业务已初审（第二稿）。"


@pytest.mark.rule("SMS-02", "SMS-05", "SMS-06")
def test_part_l_11(app: Flask, clock: FixedClock, admin: Templates) -> None:
    """13 keys, the overlap, somebody called XM, 500 and 501 characters, an inactive template, an empty slot."""
    values = {row["code"]: f"〔{row['title']}〕" for row in admin.get("/keys")["items"]}
    every_key = "；".join(values)
    all_of_them = admin.post("/preview", {"content": every_key, "values": values}, 200)
    overlap = admin.post("/preview", {"content": "CZYJPCZYJ", "values": {"CZYJ": "XM", "CZYJP": "CZYJ"}}, 200)
    longest = admin.published("字" * 500)
    too_long = admin.client.post("/api/v1/sms/preview", {"content": "字" * 501})
    admin.choose(acceptance={"template_id": longest["id"]}, completion=None)
    admin.choose(acceptance={"standard": True})
    admin.put(f"/templates/{longest['id']}", {"version": longest["version"], "active": False})
    inactive = admin.choose(status=422, acceptance={"template_id": longest["id"]})

    assert all_of_them["text"] == "；".join(values.values())
    assert len(values) == 13
    assert overlap["text"] == "CZYJXM"
    assert is_problem(too_long, 422, "invalid_input")
    assert inactive["fields"] == {"slots.acceptance": ["该模板已失效，不能使用。"]}
    assert slot_of(admin.slots(), "completion")["source"] == "empty"

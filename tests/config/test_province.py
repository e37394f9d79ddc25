"""The province of agencies.yaml, and what its loader refuses."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from config.files import ConfigError
from config.province import OUTLET_KINDS, UnknownAgency, load_province, province

HALL = "outlets: [{code: 440199-H1, kind: hall, name: 大厅}]"


def write(folder: Path, cities: str) -> Path:
    """A file with the province and the given cities."""
    path = folder / "agencies.yaml"
    path.write_text(
        'province: {code: "440099", name: 省局, division: "440000", pooling_area: "440000"}\n' + cities,
        encoding="utf-8",
    )
    return path


def city(code: str = "440199", extra: str = HALL, name: str = "广州市局", division: str = "440100") -> str:
    return f'cities:\n  - {{code: "{code}", name: {name}, division: "{division}", pooling_area: "440100", {extra}}}\n'


def test_the_province_has_its_21_cities_122_districts_and_the_towns_of_two_cities() -> None:
    levels = Counter(entry.level for entry in province().agencies.values())

    assert levels == {"province": 1, "city": 21, "district": 122, "branch": 59}


def test_dongguan_and_zhongshan_have_towns_that_do_not_decide_and_no_districts() -> None:
    below = [entry for entry in province().agencies.values() if entry.superior in ("441999", "442099")]

    assert {entry.level for entry in below} == {"branch"}
    assert all(len(entry.code) == 9 and not entry.decides for entry in below)


@pytest.mark.rule("DAT-02")
def test_the_agency_code_of_zhongshan_differs_from_its_pooling_area() -> None:
    zhongshan = province().agency("442099")

    assert (zhongshan.code, zhongshan.pooling_area) == ("442099", "442000")


def test_a_path_leads_from_the_province_to_the_agency() -> None:
    for entry in province().agencies.values():
        above = province().agencies[entry.superior].path if entry.superior else "/"
        assert entry.path == f"{above}{entry.code}/"


@pytest.mark.rule("SCO-06", "ARC-07")
def test_every_city_has_outlets_of_the_three_kinds_and_each_accepts_for_an_agency_that_decides() -> None:
    outlets = province().outlets.values()

    for entry in province().agencies.values():
        kinds = {outlet.kind for outlet in outlets if outlet.agency_code == entry.code}
        if entry.level == "city":
            assert kinds == set(OUTLET_KINDS), entry.name
        if entry.level == "district":
            assert "hall" in kinds, entry.name
    assert all(province().agencies[outlet.agency_code].decides for outlet in outlets)


@pytest.mark.rule("SCO-06", "ARC-07")
def test_a_town_of_zhongshan_has_a_platform_that_accepts_for_the_city() -> None:
    outlet = province().outlets["442000001-P1"]

    assert (outlet.kind, outlet.agency_code) == ("platform", "442099")


@pytest.mark.parametrize(
    ("code", "found"),
    [("440100", "440199"), ("440199", "440199"), ("440106", "440106"), ("440000", "440099"), ("441900", "441999")],
)
def test_an_agency_is_found_by_agency_code_and_by_division_code(code: str, found: str) -> None:
    assert province().agency(code).code == found


def test_an_unknown_code_is_named_in_a_sentence() -> None:
    with pytest.raises(UnknownAgency) as caught:
        province().agency("999999")

    assert "999999" in caught.value.message


@pytest.mark.parametrize(
    ("code", "found"), [("440106", "440199"), ("440199", "440199"), ("441900003", "441999"), ("440099", "440099")]
)
def test_the_configuration_of_an_agency_is_that_of_its_city(code: str, found: str) -> None:
    assert province().city_of(code).code == found


@pytest.mark.parametrize(
    ("cities", "sentence"),
    [
        (city(code="4401"), "no agency code"),
        (city(extra="outlets: []"), "needs a hall"),
        (city(extra="outlets: [{code: 1-H1, kind: shop, name: 店}]"), "kind must be one of"),
        (city(extra=HALL + ', districts: [{code: "440199", name: 区}]'), "two agencies have this code"),
        (city(division="440000"), "division code or name"),
        (city(extra=HALL + ", colour: red"), "unknown: colour"),
        (city(extra=HALL + ", outlets: []"), "is written twice"),
        ("cities:\n  - {code: 440199, name: 市, division: '440100', pooling_area: '440100'}\n", "expected text"),
        ("towns: []\n", "missing: cities"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused_with_the_place(tmp_path: Path, cities: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        load_province(write(tmp_path, cities))


def test_an_agency_of_a_functional_district_needs_no_code_of_its_city(tmp_path: Path) -> None:
    hall = "outlets: [{code: 449901-H1, kind: hall, name: 大厅}]"
    path = write(tmp_path, city(extra=HALL + ', districts: [{code: "449901", name: 开发区局, ' + hall + "}]"))

    loaded = load_province(path)

    assert loaded.agency("449901").path == "/440099/440199/449901/"

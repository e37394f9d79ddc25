"""The common superior of two agencies, over the whole tree of the province."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.province import province
from handlers.rules.jurisdiction import NoCommonSuperior, common_superior, common_superior_in_province

PROVINCE = "440099"
BELOW = [code for code in province().agencies if code != PROVINCE]


def ancestors(code: str) -> list[str]:
    """The codes above an agency, the nearest first, read from its path."""
    return province().agencies[code].path.strip("/").split("/")[-2::-1]


@pytest.mark.rule("JUR-04")
@pytest.mark.parametrize(
    ("first", "second", "superior"),
    [
        ("440106", "440113", "440199"),  # S11: two districts of 广州
        ("440303", "440304", "440399"),  # two 分局 of 深圳
        ("440199", "440399", PROVINCE),  # two cities
        ("440100", "440300", PROVINCE),  # the same by division codes
        ("440106", "440305", PROVINCE),  # districts of two cities
        ("441399", "441303", PROVINCE),  # S13: a city and its own district
        ("441303", "441300", PROVINCE),
        ("441900003", "441900101", "441999"),  # two towns of 东莞
        ("441999", "441900003", PROVINCE),  # 东莞 and its own town
        ("441900003", "442000001", PROVINCE),  # towns of 东莞 and 中山
        ("440306", "440199", PROVINCE),
    ],
)
def test_the_common_superior_is_the_lowest_agency_above_both_that_is_no_party(
    first: str, second: str, superior: str
) -> None:
    assert common_superior_in_province(first, second) == superior
    assert common_superior_in_province(second, first) == superior


@pytest.mark.rule("JUR-04")
@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ("440106", "440106", "同一个经办机构"),
        ("440100", "440199", "同一个经办机构"),  # division code and agency code of one agency
        (PROVINCE, "440199", "省级经办机构"),
        ("440305", "440000", "省级经办机构"),
        (PROVINCE, PROVINCE, "同一个经办机构"),
        ("440999x", "440199", "440999x"),
        ("440106", "", "没有编码"),
        ("340100", "440199", "340100"),
    ],
)
def test_without_a_common_superior_a_sentence_says_why(first: str, second: str, words: str) -> None:
    with pytest.raises(NoCommonSuperior) as caught:
        common_superior_in_province(first, second)

    assert words in caught.value.message


@pytest.mark.rule("JUR-04")
def test_every_two_agencies_below_the_province_have_the_superior_that_their_paths_give() -> None:
    superiors = province().superiors()

    for first, second in combinations(BELOW, 2):
        answer = common_superior(superiors, first, second)

        shared = [code for code in ancestors(first) if code in ancestors(second) and code not in (first, second)]
        assert answer == shared[0]


@given(st.sampled_from(BELOW), st.sampled_from(BELOW))
def test_the_superior_is_above_both_and_not_a_party(first: str, second: str) -> None:
    if first == second:
        return

    answer = common_superior_in_province(first, second)

    assert answer not in (first, second)
    assert answer in ancestors(first)
    assert answer in ancestors(second)


def test_two_trees_without_a_shared_root_have_no_common_superior() -> None:
    superiors = {"1": None, "1a": "1", "2": None, "2a": "2"}

    with pytest.raises(NoCommonSuperior, match="不在同一个省"):
        common_superior(superiors, "1a", "2a")

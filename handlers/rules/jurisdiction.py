"""Who decides a dispute over jurisdiction: the common superior agency (共同上级)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from config.province import UnknownAgency, province

Superiors = Mapping[str, str | None]


class NoCommonSuperior(Exception):
    """Two agencies without a common superior; `message` is the Chinese sentence that says why."""

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message)


def common_superior(superiors: Superiors, first: str, second: str) -> str:
    """Code of the common superior agency (共同上级): the lowest one above both that is not itself a party.

    `superiors` is the tree, agency code -> code of the agency above it. Two districts of one city have their city,
    everything else the province; a city and its own district too, because a party does not judge its own dispute
    (JUR-04, an interpretation of 粤社保〔2023〕4号 三（五）). Branches count like any agency: two towns of 东莞 have
    东莞. Raises `NoCommonSuperior` for the same agency twice, an unknown code, or a party with nobody above it.
    """
    for code in (first, second):
        if code not in superiors:
            raise NoCommonSuperior(UnknownAgency(code).message)
    if first == second:
        raise NoCommonSuperior(f"两个编码是同一个经办机构（{first}），不存在管辖争议，没有共同上级。")
    for code in (first, second):
        if superiors[code] is None:
            raise NoCommonSuperior(f"省级经办机构（{code}）是争议的一方，在本省没有更高一级的经办机构可以指导。")
    above_second = set(_above(superiors, second))
    shared = [code for code in _above(superiors, first) if code in above_second and code not in (first, second)]
    if not shared:
        raise NoCommonSuperior(f"经办机构 {first} 与 {second} 不在同一个省的机构体系内，没有共同上级。")
    return shared[0]


def common_superior_in_province(first: str, second: str) -> str:
    """The common superior in the province's own tree, for agency codes or division codes (440100 is 440199).

    Raises `NoCommonSuperior`.
    """
    tree = province()
    try:
        return common_superior(tree.superiors(), tree.agency(first).code, tree.agency(second).code)
    except UnknownAgency as error:
        raise NoCommonSuperior(error.message) from error


def _above(superiors: Superiors, code: str) -> Iterator[str]:
    above = superiors[code]
    while above is not None:
        yield above
        above = superiors[above]

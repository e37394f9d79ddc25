"""Whether an account may take the place of a person's own card (K-32, S24): one answer for form and operator."""

from __future__ import annotations

from collections.abc import Callable

from config.benefits import benefit_table


def is_own_account(holder: str, name: str) -> bool:
    """The account is in the person's own name: the same signs in the same order, blanks aside."""
    return "".join(holder.split()) == "".join(name.split())


def account_fault(
    *, kind: str, own_name: bool, reason_code: str | None, has_image: Callable[[str], bool]
) -> str | None:
    """Why a new account must not be used, as a Chinese sentence; None: it may be.

    `own_name`: the holder is the person. `has_image` answers for a material of the case.
    """
    table = benefit_table()
    if not has_image(table.account_copy):
        return "没有变更后的银行账户或卡的影像，请先补充材料。"
    if kind == "social_security_card":
        return None if own_name else "社会保障卡须为本人的卡，户名与工伤职工姓名不一致。"
    reason = table.account_reasons.get(reason_code or "")
    if reason is None or kind not in reason.kinds:
        return "使用社会保障卡以外的账户须有适用于该账户的规定理由（理由代码）。"
    if reason.own_name and not own_name:
        return "账户户名与工伤职工姓名不一致，且没有委托、监护、垫付或共同指定的理由，不能变更。"
    if reason.evidence is not None and not has_image(reason.evidence):
        return f"以“{reason.title}”为由使用该账户须有签名证明材料的影像，请先补充材料。"
    return None

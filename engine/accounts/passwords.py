"""What a password must be like."""

from __future__ import annotations

from engine.errors import InvalidInput

#: Beyond this a password needs no variety.
LONG = 20
_LEAST_KINDS = 3
_MOST_USED = ("password", "123456", "qwerty", "admin", "abc123", "111111", "tongban", "shebao", "iloveyou")


def require_good(password: str, username: str, *, least: int, field: str = "password") -> None:
    """Raises InvalidInput with every rule the password breaks."""
    sentences = faults(password, username, least=least)
    if sentences:
        raise InvalidInput(fields={field: sentences})


def faults(password: str, username: str, *, least: int) -> list[str]:
    """What is wrong with it; empty: nothing."""
    found = []
    if len(password) < least:
        found.append(f"密码至少要有 {least} 个字符。")
    if len(password) < LONG and _kinds(password) < _LEAST_KINDS:
        found.append(f"密码应当含有大写字母、小写字母、数字、符号中的至少三种，或者不少于 {LONG} 个字符。")
    lowered = password.casefold()
    if username and username.casefold() in lowered:
        found.append("密码不能含有用户名。")
    if any(word in lowered for word in _MOST_USED) or len(set(password)) < least // 2:
        found.append("密码太容易被猜到，请换一个。")
    return found


def _kinds(password: str) -> int:
    tests = (str.isupper, str.islower, str.isdigit, lambda sign: not sign.isalnum())
    return sum(any(test(sign) for sign in password) for test in tests)

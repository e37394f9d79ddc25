"""Agencies, their outlets and their officers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from engine.db import Base, Moment, Personal

#: Role -> first and last day on which it is held, as ISO dates; None: no limit.
RoleTerms = Mapping[str, Sequence[str | None]]


def roles_in_force(roles: Sequence[str], terms: RoleTerms, day: date) -> list[str]:
    """Those of `roles` that are held on `day`; a role without a term is held for good."""
    on = day.isoformat()
    return [role for role in roles if _covers(terms.get(role, (None, None)), on)]


def _covers(term: Sequence[str | None], on: str) -> bool:
    first, last = term
    return (first is None or first <= on) and (last is None or on <= last)


class Agency(Base):
    """An agency (经办机构): province, city, district, or branch of a city (town in 东莞 and 中山)."""

    __tablename__ = "agency"

    #: 社会保险经办机构编码: 440099, dddd99, the division code, or a town's nine digits.
    code: Mapped[str] = mapped_column(String(16), primary_key=True)
    name: Mapped[str] = mapped_column(String(128))
    #: province, city, district, branch
    level: Mapped[str] = mapped_column(String(16))
    superior_code: Mapped[str | None] = mapped_column(ForeignKey("agency.code"))
    #: "/440099/440199/440106/": an agency's subtree is a prefix of it.
    path: Mapped[str] = mapped_column(String(80), index=True)
    division_code: Mapped[str] = mapped_column(String(12))
    #: 统筹区编码, not the agency code (DAT-02).
    pooling_area: Mapped[str] = mapped_column(String(12))
    #: False for a branch whose city decides its cases (东莞, 中山 towns).
    decides: Mapped[bool] = mapped_column(default=True)


class Outlet(Base):
    """A counter (受理网点): hall, government platform or bank; it accepts for its responsible agency (SCO-06)."""

    __tablename__ = "outlet"

    code: Mapped[str] = mapped_column(String(24), primary_key=True)
    name: Mapped[str] = mapped_column(String(128))
    #: hall 社保经办服务大厅, platform 政府基层服务平台, bank 社银合作网点
    kind: Mapped[str] = mapped_column(String(16))
    agency_code: Mapped[str] = mapped_column(ForeignKey("agency.code"), index=True)

    agency: Mapped[Agency] = relationship()


class Officer(Base):
    """Somebody who works in an agency (工作人员), with roles there."""

    __tablename__ = "officer"

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(Personal(64))
    agency_code: Mapped[str] = mapped_column(ForeignKey("agency.code"), index=True)
    #: Role codes: acceptor, advanced_scanner, first_reviewer, second_reviewer, transfer_operator,
    #: superior_adjudicator, supervisor, archivist, city_administrator, province_administrator,
    #: business_analyst, auditor. What counts today is `roles_on`.
    roles: Mapped[list[str]] = mapped_column(JSON)
    role_terms: Mapped[dict[str, list[str | None]]] = mapped_column(JSON, default=dict)
    password_hash: Mapped[str] = mapped_column(String(256))
    active: Mapped[bool] = mapped_column(default=True)
    #: An administrator gave the password, and nobody else must know the next one.
    must_change_password: Mapped[bool] = mapped_column(default=False)
    #: Until when such a password opens anything; None: it is not such a one.
    password_expires_at: Mapped[datetime | None] = mapped_column(Moment)
    #: Secret of the second factor (base32); it counts once a code of it was given.
    second_factor: Mapped[str | None] = mapped_column(Personal(64))
    second_factor_confirmed: Mapped[bool] = mapped_column(default=False)
    #: The time step of the code used last: none is taken twice.
    second_factor_step: Mapped[int | None]
    #: Counts the administrators' changes, of which these are the last; None: nobody has changed it.
    version: Mapped[int] = mapped_column(default=1)
    changed_by_id: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    changed_at: Mapped[datetime | None] = mapped_column(Moment)

    agency: Mapped[Agency] = relationship(lazy="joined")
    changed_by: Mapped[Officer | None] = relationship(remote_side=[id])

    def roles_on(self, day: date) -> list[str]:
        """The roles that this officer holds on `day`."""
        return roles_in_force(self.roles, self.role_terms or {}, day)

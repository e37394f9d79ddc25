"""The province in the database: agencies, outlets, the cities' configuration of the services, demo officers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.catalogue import services
from config.province import AgencyEntry, province
from engine.errors import NotFound
from engine.models import Agency, Officer, Outlet, ServiceConfiguration

_SURNAMES = "陈李黄张梁林何刘吴罗周杨郑谢邓曾叶蔡潘卢苏冯许余钟廖"
_GIVEN = (
    *("志明", "秀芳", "建伟", "丽娟", "国强", "晓丽", "文军", "敏仪", "卓辉", "小燕", "俊平", "彩霞"),
    *("永勇", "玉玲", "海波", "静仪", "文杰", "淑贞", "子健", "惠芬", "嘉欣", "伟雄", "雪梅", "家豪"),
)

#: User name's first part -> roles, for every agency that decides.
_OFFICERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("acceptor", ("acceptor",)),
    ("acceptor2", ("acceptor",)),
    ("scanner", ("advanced_scanner",)),
    ("first", ("first_reviewer",)),
    ("first2", ("first_reviewer",)),
    ("second", ("second_reviewer",)),
    ("second2", ("second_reviewer",)),
    ("transfer", ("transfer_operator",)),
    ("supervisor", ("supervisor",)),
    ("archivist", ("archivist",)),
)
_CITY_OFFICERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    *_OFFICERS,
    ("superior", ("superior_adjudicator",)),
    ("admin", ("city_administrator",)),
)
#: The province has no counter and so no acceptor, but it can be the target of a transfer (K-22) and then decides.
_PROVINCE_OFFICERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    *(row for row in _OFFICERS if not row[0].startswith("acceptor")),
    # What the province decides, the province delivers.
    ("acceptor", ("acceptor",)),
    ("superior", ("superior_adjudicator",)),
    ("admin", ("province_administrator",)),
    ("analyst", ("business_analyst",)),
    ("auditor", ("auditor",)),
)


def install_province(session: Session) -> None:
    """Put the agencies, outlets and first configurations of `config/` into the tables.

    A second run keeps what is there, also what people have changed since, and adds what is new.
    """
    _install_agencies(session)
    _install_outlets(session)
    _install_configurations(session)
    session.flush()


def _install_agencies(session: Session) -> None:
    known = set(session.scalars(select(Agency.code)))
    # The file lists superiors first, and each must be there before its subordinates' foreign keys.
    for entry in province().agencies.values():
        if entry.code in known:
            continue
        session.add(
            Agency(
                code=entry.code,
                name=entry.name,
                level=entry.level,
                superior_code=entry.superior,
                path=entry.path,
                division_code=entry.division_code,
                pooling_area=entry.pooling_area,
                decides=entry.decides,
            )
        )
    session.flush()


def _install_outlets(session: Session) -> None:
    known = set(session.scalars(select(Outlet.code)))
    session.add_all(
        Outlet(code=entry.code, name=entry.name, kind=entry.kind, agency_code=entry.agency_code)
        for entry in province().outlets.values()
        if entry.code not in known
    )


def _install_configurations(session: Session) -> None:
    """One row for each city and service; the province has its own, for the cases it decides itself (K-22)."""
    known = {
        tuple(row) for row in session.execute(select(ServiceConfiguration.city_code, ServiceConfiguration.service))
    }
    cities = [entry for entry in province().agencies.values() if entry.level in ("city", "province")]
    for city in cities:
        for service in services().values():
            if (city.code, service.code) in known:
                continue
            own = service.for_city(city.code)
            session.add(
                ServiceConfiguration(
                    city_code=city.code,
                    service=service.code,
                    version=1,
                    valid_from=service.valid_from,
                    limit_workdays=own.limit_workdays,
                    review_levels=own.review_levels,
                    distribution_mode=own.distribution_mode,
                    materials=own.materials,
                    sms=own.sms,
                    switches=own.switches,
                )
            )


def configuration_for(session: Session, handling_agency_code: str, service: str, on: date) -> ServiceConfiguration:
    """The handling agency's configuration of the service on that day: its city's newest one in force (ACC-05, DDL-01).

    Raises `NotFound` where the agency or its configuration does not exist.
    """
    city_code = city_of(session, handling_agency_code)
    found = session.scalar(
        select(ServiceConfiguration)
        .where(
            ServiceConfiguration.city_code == city_code,
            ServiceConfiguration.service == service,
            ServiceConfiguration.valid_from <= on,
        )
        .order_by(ServiceConfiguration.valid_from.desc(), ServiceConfiguration.version.desc())
        .limit(1)
    )
    if found is None:
        raise NotFound(f"业务办理地在{on.isoformat()}没有该事项的业务配置，请联系市级管理员核对。")
    return found


def configurations_from(session: Session, city_code: str, service: str, on: date) -> list[ServiceConfiguration]:
    """The versions that count for cases accepted on that day or later: the one in force, and those that come after."""
    newest: dict[date, ServiceConfiguration] = {}
    for row in session.scalars(
        select(ServiceConfiguration)
        .where(ServiceConfiguration.city_code == city_code, ServiceConfiguration.service == service)
        .order_by(ServiceConfiguration.version)
    ):
        newest[row.valid_from] = row
    days = sorted(newest)
    in_force = [day for day in days if day <= on][-1:]
    return [newest[day] for day in (*in_force, *(day for day in days if day > on))]


def city_of(session: Session, agency_code: str) -> str:
    """The agency's city, which configures the services for it; the province is its own. Raises `NotFound`."""
    agency = session.get(Agency, agency_code)
    while agency is not None and agency.level not in ("city", "province"):
        agency = session.get(Agency, agency.superior_code) if agency.superior_code else None
    if agency is None:
        raise NotFound(f"没有编码为“{agency_code}”的经办机构，请核对后重试。")
    return agency.code


def install_demo_officers(session: Session, password_hash: str) -> None:
    """An invented officer for each role of every agency that decides, all with the same password.

    User names are the role and the agency code: `first-440106`, `superior-440199`, `analyst-440099`. Somebody whose
    user name exists is left as they are.
    """
    known = set(session.scalars(select(Officer.username)))
    for entry in province().deciding():
        for number, (prefix, roles) in enumerate(_officers_of(entry)):
            username = f"{prefix}-{entry.code}"
            if username in known:
                continue
            session.add(
                Officer(
                    username=username,
                    name=_invented_name(int(entry.code), number),
                    agency_code=entry.code,
                    roles=list(roles),
                    password_hash=password_hash,
                )
            )
    session.flush()


def _officers_of(entry: AgencyEntry) -> Iterator[tuple[str, tuple[str, ...]]]:
    yield from {"province": _PROVINCE_OFFICERS, "city": _CITY_OFFICERS}.get(entry.level, _OFFICERS)


def _invented_name(code: int, number: int) -> str:
    """The same name at every start, and no name twice in an agency."""
    return _SURNAMES[(code + 5 * number) % len(_SURNAMES)] + _GIVEN[(code // 7 + number) % len(_GIVEN)]

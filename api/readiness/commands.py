"""`tongban readiness`: whether a city can begin."""

from __future__ import annotations

import click
from sqlalchemy import select

from api.readiness.schemas import ReadinessView
from api.terminal import json_option, say, system
from engine.casework.readiness import AgencyReadiness, readiness
from engine.db import db
from engine.errors import NotFound
from engine.models import Agency

#: Exit code where something is missing.
NOT_READY = 1


@click.command("readiness")
@click.argument("code")
@json_option
def show_readiness(code: str, as_json: bool) -> int:
    """CODE（机构编码、行政区划代码或其前四位）及其下级机构今天有哪些环节无人可以办理；有缺口时退出码 1。"""
    with system():
        agencies = readiness(db.session(), _agency_code(code), None)
    ready = not any(one.gaps for one in agencies)
    text = "\n".join(_lines(agencies)) or f"{len(agencies)} 个机构的各环节今天都有人可以办理。"
    say(as_json, ReadinessView().dump({"ready": ready, "agencies": agencies}), text)
    return 0 if ready else NOT_READY


def _agency_code(code: str) -> str:
    """The agency with this code, this division code, or the city of these four digits."""
    city = f"{code}00" if len(code) == 4 else code
    query = select(Agency.code).where((Agency.code == code) | (Agency.division_code == city)).order_by(Agency.path)
    found = db.session().scalars(query).first()
    if found is None:
        raise NotFound(f"没有编码为“{code}”的经办机构。")
    return found


def _lines(agencies: list[AgencyReadiness]) -> list[str]:
    return [f"{one.code} {one.name}：{gap.message}" for one in agencies for gap in one.gaps]

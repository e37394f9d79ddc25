"""Lists are paged by key: `after` is what the last answer gave as `next_after`."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields

from api.schemas import QueryNumber, Schema, Text
from engine.casework.paging import LARGEST_PAGE

USUAL_PAGE = 20


class PageQuery(Schema):
    """Which page of a list."""

    after = Text(200, metadata={"description": "上一页给出的 next_after；不填为第一页"})
    limit = QueryNumber(1, LARGEST_PAGE, load_default=USUAL_PAGE, metadata={"description": "每页条数"})


def page_of(item: type[ma.Schema]) -> type[ma.Schema]:
    """The schema of a page of `item`: the items and where the next page begins (null: this is the last)."""
    name = f"{item.__name__.removesuffix('View')}Page"
    members: dict[str, Any] = {
        "items": fields.List(fields.Nested(item), required=True),
        "next_after": fields.String(allow_none=True, required=True),
    }
    return type(name, (ma.Schema,), members)

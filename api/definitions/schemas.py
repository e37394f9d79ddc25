"""Diagrams and tables as they are sent and shown."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields, validate

from api.schemas import REQUIRED, Schema
from engine.process.diagram import MAX_BYTES

#: The whole library is some two dozen files.
MOST_FILES = 60


class DiagramFiles(Schema):
    """Files by name: {"medical_expense.bpmn": "<?xml ..."}; merged over the library."""

    files = fields.Dict(
        required=True,
        keys=fields.String(
            validate=[
                validate.Regexp(
                    r"^[a-z][a-z0-9_]{0,63}\.(bpmn|dmn)$",
                    error="文件名应当是流程或决策表的编号加 .bpmn 或 .dmn。",
                )
            ]
        ),
        values=fields.String(
            validate=[validate.Length(min=1, max=MAX_BYTES, error="文件不能为空，也不能超过 {max} 个字。")],
            error_messages={"invalid": "这里应当是文件的内容（文字）。", "null": "这一项不能为空。"},
        ),
        validate=[validate.Length(min=1, max=MOST_FILES, error="应当有 {min} 到 {max} 个文件。")],
        error_messages={**REQUIRED, "invalid": "这里应当是一组“文件名：内容”。"},
        metadata={"description": "文件名和内容"},
    )


class FaultView(ma.Schema):
    """Why a file must not be published."""

    file = fields.String(required=True)
    element = fields.String(required=True)
    message = fields.String(required=True)


class CheckView(ma.Schema):
    """What stands against publishing; no faults: nothing."""

    publishable = fields.Boolean(required=True)
    faults = fields.List(fields.Nested(FaultView), required=True)


class LibraryEntryView(ma.Schema):
    """One diagram or table of the library, with the newest published version of a process."""

    name = fields.String(required=True)
    file = fields.String(required=True)
    title = fields.String(required=True)
    kind = fields.String(required=True)
    version = fields.Integer(allow_none=True)
    hash = fields.String(allow_none=True)
    published_at = fields.AwareDateTime(allow_none=True)
    published_by = fields.String(allow_none=True)


class LibraryView(ma.Schema):
    """The library."""

    items = fields.List(fields.Nested(LibraryEntryView), required=True)


class SourceView(ma.Schema):
    """The source of a diagram or table as it counts today."""

    name = fields.String(required=True)
    kind = fields.String(required=True)
    hash = fields.String(required=True)
    content = fields.Function(lambda source: source.content.decode("utf-8", "replace"), metadata={"type": "string"})


class VersionView(ma.Schema):
    """One published version."""

    process_id = fields.String(required=True)
    version = fields.Integer(required=True)
    hash = fields.String(required=True)
    title = fields.String(required=True)
    published_at = fields.AwareDateTime(required=True)
    published_by = fields.String(required=True)


class PublicationView(ma.Schema):
    """The new versions that a publication brought about; empty where nothing changed."""

    items = fields.List(fields.Nested(VersionView), required=True)

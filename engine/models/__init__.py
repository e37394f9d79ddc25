"""The tables, one family per file. Importing this package registers them all."""

from engine.models.account import Absence, Attempt, OfficerIdentity, OfficerSession
from engine.models.agency import Agency, Officer, Outlet
from engine.models.applicant import Applicant, ApplicantCode, ApplicantSession, Representation, RepresentationPaper
from engine.models.application import Application, InsuranceRelation, OnlineApplication, Person
from engine.models.audit import AUDIT_IDS, AuditEntry, AuditPending, AuditSeal, KeyRotation
from engine.models.benefit import (
    BankAccount,
    Certification,
    Determination,
    DeterminationLine,
    Filing,
    Payee,
    RelationClosure,
)
from engine.models.case import Case, CaseEvent, IssuedDocument, MaterialItem, ReceiptNumber
from engine.models.channel import ChannelClient, ChannelKey
from engine.models.deadline import CalendarAlarm, CalendarDay, CalendarNotice, Deadline
from engine.models.definition import DefinitionRow, DiagramSource, LibraryEntry, ServiceConfiguration
from engine.models.instance import IdempotencyKey, Incident, Instance
from engine.models.job import Job
from engine.models.message import (
    ConfigurationChange,
    Message,
    MessageCategory,
    MessagePart,
    MessageReceipt,
    MessageTemplate,
    MessageTemplateVersion,
    SlotBinding,
)
from engine.models.notice import OfficerNotice
from engine.models.task import Task
from engine.models.transfer import Escalation, Supplement, Suspension, Transfer

__all__ = [
    "AUDIT_IDS",
    "Absence",
    "Agency",
    "Applicant",
    "ApplicantCode",
    "ApplicantSession",
    "Application",
    "Attempt",
    "AuditEntry",
    "AuditPending",
    "AuditSeal",
    "BankAccount",
    "CalendarAlarm",
    "CalendarDay",
    "CalendarNotice",
    "Case",
    "CaseEvent",
    "Certification",
    "ChannelClient",
    "ChannelKey",
    "ConfigurationChange",
    "Deadline",
    "DefinitionRow",
    "Determination",
    "DeterminationLine",
    "DiagramSource",
    "Escalation",
    "Filing",
    "IdempotencyKey",
    "Incident",
    "Instance",
    "InsuranceRelation",
    "IssuedDocument",
    "Job",
    "KeyRotation",
    "LibraryEntry",
    "MaterialItem",
    "Message",
    "MessageCategory",
    "MessagePart",
    "MessageReceipt",
    "MessageTemplate",
    "MessageTemplateVersion",
    "Officer",
    "OfficerIdentity",
    "OfficerNotice",
    "OfficerSession",
    "OnlineApplication",
    "Outlet",
    "Payee",
    "Person",
    "ReceiptNumber",
    "RelationClosure",
    "Representation",
    "RepresentationPaper",
    "ServiceConfiguration",
    "SlotBinding",
    "Supplement",
    "Suspension",
    "Task",
    "Transfer",
]

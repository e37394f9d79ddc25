"""Rules of the house, checked from the source itself."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from datetime import date
from functools import cache
from graphlib import CycleError, TopologicalSorter
from typing import Any

import pytest

from config.settings import PROJECT
from tests.source import (
    BPMN,
    ROOMS,
    TONGBAN,
    Module,
    called_name,
    committed_files,
    diagrams,
    document,
    modules,
    modules_of_tests,
    register,
    strings_in,
)

# --- imports go one way

#: What a module may import of ours: the longest matching prefix of its name counts.
ALLOWED = {
    "config": ("config",),
    "engine": ("engine", "config"),
    "handlers": ("handlers", "engine", "config"),
    "handlers.rules": ("handlers.rules", "config"),
    "api": ("api", "engine", "config"),
    "api.app": ("api", "engine", "config", "handlers"),
    "api.cli": ("api", "engine", "config", "handlers.rules"),
    # The demo is a client of the API like any other: it sees nothing but HTTP.
    "api.demo": ("api.demo", "config"),
}

#: Third-party packages that a room must not know.
FORBIDDEN = {
    "config": ("flask", "sqlalchemy", "flask_sqlalchemy", "SpiffWorkflow"),
    "handlers": ("flask", "sqlalchemy", "flask_sqlalchemy", "SpiffWorkflow", "engine.models"),
    "handlers.rules": ("flask", "sqlalchemy", "flask_sqlalchemy", "SpiffWorkflow", "engine"),
    "engine": ("flask.request", "flask.g", "flask.current_app", "flask.session"),
    "api.demo": ("flask", "sqlalchemy"),
}


def _row(table: dict[str, tuple[str, ...]], name: str) -> tuple[str, ...]:
    rows = [prefix for prefix in table if _is_inside(name, (prefix,))]
    return table[max(rows, key=len)] if rows else ()


def _is_inside(name: str, prefixes: tuple[str, ...]) -> bool:
    return any(name == prefix or name.startswith(prefix + ".") for prefix in prefixes)


def test_imports_go_one_way() -> None:
    faults = [
        f"{module.where(node)} imports {imported}"
        for module in modules()
        for imported, node in module.imports()
        if _is_inside(imported, ROOMS) and not _is_inside(imported, _row(ALLOWED, module.name))
    ]
    assert not faults, faults


def test_each_room_knows_only_the_libraries_it_may() -> None:
    faults = [
        f"{module.where(node)} imports {imported}"
        for module in modules()
        for imported, node in module.imports()
        if _is_inside(imported, _row(FORBIDDEN, module.name))
    ]
    assert not faults, faults


def test_there_is_no_cycle_of_imports_even_inside_functions() -> None:
    known = {module.name for module in modules()}
    graph = {
        module.name: {_nearest(imported, known) for imported, _ in module.imports_at_run_time()} - {module.name, None}
        for module in modules()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"a cycle of imports: {' -> '.join(error.args[1])}")


def _nearest(imported: str, known: set[str]) -> str | None:
    while imported and imported not in known:
        imported = imported.rpartition(".")[0]
    return imported or None


# --- writing


def test_only_the_clock_reads_the_clock() -> None:
    forbidden = re.compile(
        r"(^|\.)(datetime\.now|datetime\.utcnow|datetime\.today|date\.today|time\.time|time\.localtime)$"
    )
    faults = [
        f"{module.where(node)} calls {called_name(node)}"
        for module in modules()
        if module.name != "engine.clock"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and forbidden.search(called_name(node))
    ]
    assert not faults, faults


#: Besides api/, only the scheduler opens transactions.
TRANSACTIONS = (
    "api", "engine.db", "engine.casework.timers", "engine.casework.deadline_ticks", "engine.casework.outbox",
    "engine.jobs", "engine.audit.sealing",
)  # fmt: skip


def test_transactions_are_opened_by_the_api_and_the_scheduler_alone() -> None:
    faults = [
        module.where(node)
        for module in modules()
        if not _is_inside(module.name, TRANSACTIONS)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and called_name(node).split(".")[-1] == "transaction"
    ]
    assert not faults, faults


#: Who may catch everything, and why.
CATCHES_EVERYTHING = {
    "engine.db": "rolls back and raises again",
    "engine.process.runtime": "a failing operator must not take the other branches with it: it becomes an incident",
    "engine.casework.instances": "whatever an operator dies of, the use case is begun again with precaution",
    "engine.guard": "one timer, job, message or retry that fails must not stop the others",
    "api.errors": "the API's last handler",
}


def test_nobody_swallows_every_exception() -> None:
    faults = [
        module.where(node)
        for module in modules()
        if module.name not in CATCHES_EVERYTHING
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ExceptHandler) and _catches_everything(node)
    ]
    assert not faults, faults


def _catches_everything(handler: ast.ExceptHandler) -> bool:
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or called_name(kind) in ("Exception", "BaseException") for kind in caught)


#: What people read on a terminal.
PRINTS = ("api.cli", "api.demo")


def test_library_code_does_not_print() -> None:
    faults = [
        module.where(node)
        for module in modules()
        if not _is_inside(module.name, PRINTS)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and called_name(node) == "print"
    ]
    assert not faults, faults


def test_every_function_is_annotated_and_every_module_says_what_it_is() -> None:
    faults = []
    for module in modules():
        if module.tree.body and ast.get_docstring(module.tree) is None:
            faults.append(f"{module.where(module.tree)} has no docstring")
        for node in ast.walk(module.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns is None:
                faults.append(f"{module.where(node)} {node.name} does not say what it returns")
    assert not faults, faults


#: Romanised Chinese that lazy naming would bring in (place names and people's names are data, not identifiers).
PINYIN = re.compile(
    r"(^|_)(gongshang|daiyu|banjian|shouli|shenhe|chushen|fushen|yijiao|guidang|songda|zhongzhi|huifu|banjie|buzheng|"
    r"cailiao|shixiang|jigou|canbao|zhigong|danwei|shenqing|shenfenzheng|xingming|hesuan|heding|tongban|yibao|"
    r"xm|sfzh|ywmc|slsj|czyj|czyjp|jbjg|slhzh|shbtgyj|dyxsksny|zcdaddress|cbr)(_|$)"
)
#: The product's own name, and the keys that the regulation prints in its text messages.
NAMES_OF_THEIR_OWN = {"tongban"}


def _identifiers(module: Module) -> Iterator[tuple[str, ast.AST]]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Name):
            yield node.id, node
        elif isinstance(node, ast.Attribute):
            yield node.attr, node
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name, node
        elif isinstance(node, ast.arg) or (isinstance(node, ast.keyword) and node.arg):
            yield node.arg, node


def test_identifiers_are_english() -> None:
    faults = [
        f"{module.where(node)} {name}"
        for module in (*modules(), *modules_of_tests())
        for name, node in _identifiers(module)
        if not name.isascii() or (PINYIN.search(name.lower()) and name.lower() not in NAMES_OF_THEIR_OWN)
    ]
    assert not faults, faults


# --- diagrams and operators

HUMAN = {"userTask", "manualTask"}
NAMED = {
    "process", "subProcess", "userTask", "serviceTask", "businessRuleTask", "callActivity", "exclusiveGateway",
    "eventBasedGateway", "startEvent", "endEvent", "boundaryEvent", "intermediateCatchEvent", "intermediateThrowEvent",
}  # fmt: skip
ROLES = {
    "acceptor", "advanced_scanner", "first_reviewer", "second_reviewer", "transfer_operator", "superior_adjudicator",
    "supervisor", "archivist", "city_administrator", "province_administrator", "business_analyst", "auditor",
}  # fmt: skip
SMS_SLOTS = {
    "acceptance", "receipt", "completion", "termination", "urging", "not_injury_or_refusal", "suspension", "not_passed",
    "first_reviewed",
}  # fmt: skip
#: A reading of requirements part J, where texts disagree.
READING = re.compile(r"K-(0[1-9]|[1-3][0-9]|4[0-8])")
SERVICES = {
    "medical_expense", "rehabilitation_expense", "assistive_device", "inpatient_meals", "medical_lump_sum",
    "disability_benefit", "death_benefit", "bank_account_change", "referral_filing", "travel_expense",
    "remote_treatment_filing",
}  # fmt: skip


@cache
def _registered() -> dict[str, str]:
    """Operator name -> where its handler stands."""
    return {
        next(strings_in(decorator)): module.where(function)
        for module in modules()
        if module.name.startswith("handlers.")
        for function in ast.walk(module.tree)
        if isinstance(function, ast.FunctionDef)
        for decorator in function.decorator_list
        if called_name(decorator) == "operator"
    }


@cache
def _elements() -> tuple[tuple[str, str, Any], ...]:
    """(file name, kind, element) of everything in the diagrams that can carry an id."""
    return tuple(
        (path.name, element.tag.removeprefix(BPMN), element)
        for path, root in diagrams()
        for element in root.iter()
        if isinstance(element.tag, str) and element.tag.startswith(BPMN) and element.get("id")
    )


def test_the_eleven_services_have_a_diagram_each() -> None:
    assert {path.stem for path in (PROJECT / "bpmn" / "services").glob("*.bpmn")} == SERVICES


def test_a_diagram_is_named_like_its_process() -> None:
    for path, root in diagrams():
        assert [process.get("id") for process in root.iter(f"{BPMN}process")] == [path.stem]


def test_every_operator_of_the_diagrams_has_a_handler() -> None:
    named = {element.get("implementation"): file for file, kind, element in _elements() if kind == "serviceTask"}
    assert not {name: file for name, file in named.items() if name not in _registered()}


def test_every_handler_is_named_by_a_diagram() -> None:
    named = {element.get("implementation") for _, kind, element in _elements() if kind == "serviceTask"}
    assert not {name: where for name, where in _registered().items() if name not in named}


def test_every_element_id_is_english_and_every_name_is_set() -> None:
    faults = []
    for file, kind, element in _elements():
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", element.get("id")) or PINYIN.search(element.get("id").lower()):
            faults.append(f"{file}#{element.get('id')}: the id is not English")
        if re.match(r"(Activity|Gateway|Event|Flow|Process)_[0-9a-z]{7}$", element.get("id")):
            faults.append(f"{file}#{element.get('id')}: the modeler's own id")
        if kind in NAMED and not _is_join(kind, element) and not re.search(r"[一-鿿]", element.get("name") or ""):
            faults.append(f"{file}#{element.get('id')}: no Chinese name")
    assert not faults, faults


def _is_join(kind: str, element: Any) -> bool:
    """A gateway that only brings branches together asks no question and needs no name."""
    return kind.endswith("Gateway") and len(element.findall(f"{BPMN}outgoing")) == 1


def test_human_tasks_name_a_known_role_a_known_form_and_their_agency() -> None:
    forms = document("config/task_forms.yaml")
    faults = [
        f"{file}#{element.get('id')}"
        for file, kind, element in _elements()
        if kind in HUMAN
        and (
            element.get(f"{TONGBAN}role") not in ROLES
            or element.get(f"{TONGBAN}form") not in forms
            or element.get(f"{TONGBAN}agency") not in {"accepting", "handling", "superior", "either"}
        )
    ]
    assert not faults, faults


def test_every_task_form_is_used() -> None:
    used = {element.get(f"{TONGBAN}form") for _, kind, element in _elements() if kind in HUMAN}
    assert set(document("config/task_forms.yaml")) == used


def test_message_slots_and_rules_of_the_diagrams_are_known() -> None:
    faults = []
    for file, _, element in _elements():
        slot = element.get(f"{TONGBAN}smsSlot")
        if slot is not None and slot not in SMS_SLOTS:
            faults.append(f"{file}#{element.get('id')}: slot {slot}")
        faults += [
            f"{file}#{element.get('id')}: rule {rule}"
            for rule in (element.get(f"{TONGBAN}rule") or "").split()
            if rule not in register() and not READING.fullmatch(rule)
        ]
    assert not faults, faults


def test_every_task_of_a_diagram_is_documented_with_its_rules() -> None:
    faults = []
    for file, kind, element in _elements():
        if kind not in {"userTask", "serviceTask", "businessRuleTask", "callActivity"}:
            continue
        text = "".join(part.text or "" for part in element.findall(f"{BPMN}documentation"))
        missing = [rule for rule in (element.get(f"{TONGBAN}rule") or "").split() if rule not in text]
        if not text.strip() or missing:
            faults.append(f"{file}#{element.get('id')}: {'no documentation' if not text.strip() else missing}")
    assert not faults, faults


def test_no_duration_stands_in_a_diagram() -> None:
    assert not [
        f"{file}#{element.get('id')}" for file, kind, element in _elements() if kind in {"timeDuration", "timeCycle"}
    ]


# --- law


def test_rule_ids_are_unique() -> None:
    text = (PROJECT / "config" / "register.yaml").read_text(encoding="utf-8")
    counted = Counter(re.findall(r"^\s*(?:- )?id: *['\"]?([A-Z0-9]+(?:-[A-Za-z0-9]+)+)", text, re.MULTILINE))
    assert counted
    assert not [rule for rule, times in counted.items() if times > 1]


def test_every_rule_names_document_and_article_and_a_done_one_its_words() -> None:
    faults = [
        rule
        for rule, entry in register().items()
        if not entry.get("document")
        or not entry.get("article")
        or not entry.get("priority")
        or entry.get("state") not in {"open", "done"}
        or (entry["state"] == "done" and not entry.get("quote"))
    ]
    assert not faults, faults


@cache
def _marked() -> dict[str, list[str]]:
    """Rule -> the tests that carry it by `@pytest.mark.rule`."""
    found: dict[str, list[str]] = {}
    for module in modules_of_tests():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call) and called_name(node) in ("pytest.mark.rule", "mark.rule"):
                for rule in strings_in(node):
                    found.setdefault(rule, []).append(module.where(node))
    return found


def test_every_rule_that_is_marked_done_has_a_test() -> None:
    assert not [rule for rule, entry in register().items() if entry["state"] == "done" and rule not in _marked()]


def test_the_marks_of_the_tests_name_known_rules() -> None:
    assert not {
        rule: where for rule, where in _marked().items() if rule not in register() and not READING.fullmatch(rule)
    }


@cache
def _rule_values() -> dict[str, dict[str, Any]]:
    return {
        key: entry
        for path in sorted((PROJECT / "config" / "rules").glob("*.yaml"))
        for key, entry in document(str(path.relative_to(PROJECT))).items()
    }


def test_numbers_of_the_law_are_dated_in_rising_order_and_have_a_source() -> None:
    faults = []
    for key, entry in _rule_values().items():
        days = [value["from"] for value in entry["values"]]
        if not all(isinstance(day, date) for day in days) or sorted(set(days)) != days:
            faults.append(f"{key}: {days}")
        faults += [f"{key}: {value['from']} has no source" for value in entry["values"] if not _has_source(value)]
    assert _rule_values()
    assert not faults, faults


def _has_source(value: dict[str, Any]) -> bool:
    source = value.get("source") or {}
    return bool(source.get("assumption") or (source.get("document") and source.get("article") and value.get("quote")))


def _cited(node: Any) -> Iterator[str]:
    """The documents that anything in a YAML tree cites."""
    if isinstance(node, dict):
        if isinstance(node.get("document"), str):
            yield node["document"]
        for child in node.values():
            yield from _cited(child)
    elif isinstance(node, list):
        for child in node:
            yield from _cited(child)


def test_every_cited_document_is_in_the_register_of_documents() -> None:
    known = document("config/documents.yaml")
    files = [path for path in sorted((PROJECT / "config").rglob("*.yaml")) if path.name != "documents.yaml"]
    faults = {
        f"{path.relative_to(PROJECT)}: {cited}"
        for path in files
        for cited in _cited(document(str(path.relative_to(PROJECT))))
        if cited not in known
    }
    assert not faults, faults


def test_every_place_in_the_law_that_code_names_exists() -> None:
    documents, faults = document("config/documents.yaml"), []
    for module in modules():
        aliases = {alias.asname or alias.name for alias in _imported_from(module, "config.register")}
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.Call):
                continue
            name = called_name(node)
            if name == "LegalRef":
                cited = [word.value for word in node.keywords if word.arg == "document"]
                faults += [module.where(node) for ref in cited if _constant(ref) not in {*documents, None}]
            elif name in aliases and name != "register" and node.args:
                faults += [module.where(node)] if _constant(node.args[0]) not in {*register(), None} else []
    assert not faults, faults


def _imported_from(module: Module, source: str) -> list[ast.alias]:
    return [
        alias
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ImportFrom) and node.module == source
        for alias in node.names
    ]


def _constant(node: ast.AST) -> Any:
    """The value of a constant; None for what is only known at run time."""
    return node.value if isinstance(node, ast.Constant) else None


def test_every_number_of_the_law_that_code_asks_for_exists() -> None:
    families = {key.split(".")[0] for key in _rule_values()}
    known = {*_rule_values(), *_registered()}
    faults = {
        f"{module.where(node)}: {node.value}"
        for module in modules()
        # The tables name columns in the same way: "case.id".
        if module.name.startswith(("engine.", "handlers.")) and not module.name.startswith("engine.models")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch(r"[a-z_]+\.[a-z_]+", node.value)
        and node.value.split(".")[0] in families
        and node.value not in known
    }
    assert not faults, faults


def test_every_evidence_of_an_account_is_a_material_that_a_service_can_ask_for() -> None:
    asked = {
        material
        for path in (PROJECT / "config" / "services").glob("*.yaml")
        for material in document(str(path.relative_to(PROJECT)))["materials"]
    }
    reasons = document("config/benefits.yaml")["account_reasons"]
    assert not {code for code, reason in reasons.items() if reason.get("evidence") not in {*asked, None}}


def test_the_glossary_is_one_to_one() -> None:
    lines = (PROJECT / "config" / "terms.csv").read_text(encoding="utf-8").splitlines()[1:]
    rows = [line.split(",")[:2] for line in lines if line.strip()]
    terms = [term for row in rows for term in row[0].split("/")]
    for column in (terms, [row[1] for row in rows]):
        assert not [word for word, times in Counter(column).items() if times > 1]


# --- what a clone gets

#: Written in two halves so that this file does not find itself.
FOREIGN = re.compile(
    "|".join(
        first + second
        for first, second in (
            ("pypi", r"\.org"), ("files.python", "hosted"), ("registry.npm", "js"), ("npm", r"mirror\."),
            ("--index", "-url"), ("--extra-index", "-url"), (r"mirrors?\.[a-z]+\.", "(com|cn|edu)"),
            ("/wo", "rk/"), ("/ro", "ot/"), ("/ho", "me/[a-z]"), ("/tmp/ba", "sh"),
        )
    )
)  # fmt: skip


def test_no_registry_address_and_no_path_of_a_machine_is_committed() -> None:
    faults = []
    for path in committed_files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        faults += [
            f"{path.relative_to(PROJECT)}:{number}: {line.strip()[:80]}"
            for number, line in enumerate(text.splitlines(), 1)
            if FOREIGN.search(line)
        ]
    assert not faults, faults


def test_every_line_of_the_threat_model_is_tied_to_tests_that_are_there() -> None:
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    table = re.search(r"^## Security\n.*?\n\|---.*?\n(.*?)\n\n", readme, re.MULTILINE | re.DOTALL)
    assert table is not None
    for line in table[1].splitlines():
        named = re.findall(r"`(tests/[a-z_/]+\.py)`", line.rsplit(" | ", 1)[-1])
        assert named, line
        for path in named:
            assert "\ndef test_" in (PROJECT / path).read_text(encoding="utf-8"), path


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_locks_have_a_version_and_a_hash_for_everything(name: str) -> None:
    text = (PROJECT / name).read_text(encoding="utf-8")
    entries = re.split(r"\n(?=[A-Za-z0-9])", text.replace("\\\n", " ").strip())
    assert len(entries) > 20
    assert not [
        entry for entry in entries if not re.match(r"[\w.\[\]-]+==\S+.*--hash=sha256:[0-9a-f]{64}", entry, re.DOTALL)
    ]
    assert "http" not in re.sub(r"^[a-z0-9-]*http[a-z0-9-]*==", "", text, flags=re.MULTILINE)

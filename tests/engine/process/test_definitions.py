"""Publication: what becomes a version, what stays as it was, and what running cases find again."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from flask import Flask
from sqlalchemy import Engine, create_engine, func, select
from sqlalchemy.orm import Session

from engine import clock
from engine.db import Base, transaction
from engine.errors import DiagramRefused, NotFound
from engine.models.definition import DefinitionRow, DiagramSource, LibraryEntry
from engine.process import definitions
from tests.engine.process.sampling import (
    END,
    FOLDER,
    START,
    chain,
    process,
    register_operators,
    sample_files,
    user,
)

AT = clock.aware(clock.now())


@pytest.fixture(autouse=True)
def _operators(monkeypatch: pytest.MonkeyPatch) -> None:
    register_operators(monkeypatch)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A database without any diagram."""
    made = create_engine(f"sqlite:///{tmp_path / 'definitions.sqlite3'}")
    Base.metadata.create_all(made)
    yield made
    made.dispose()


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with Session(engine) as opened:
        yield opened


def publish(session: Session, files: dict[str, bytes] | None = None, by: str = "analyst") -> list[DefinitionRow]:
    return definitions.publish(session, sample_files() if files is None else files, by=by, at=AT)


def changed(file: str, old: str, new: str) -> dict[str, bytes]:
    """One file of the samples, with one change."""
    text = sample_files()[file].decode()
    assert old in text
    return {file: text.replace(old, new).encode()}


LESS = ("sample_table.dmn", "[0..100000]", "[0..50000]")


def test_the_first_publication_makes_version_one_of_each_root_process(session: Session) -> None:
    (row,) = publish(session)
    assert (row.process_id, row.version, row.title, row.published_by) == ("sample_service", 1, "样例事项", "analyst")
    assert sorted(row.sources) == ["sample_review", "sample_service", "sample_table"]
    assert row.hash == definitions.content_hash(row.sources)
    assert definitions.current(session, "sample_service").hash == row.hash


def test_publishing_the_same_again_changes_nothing(session: Session) -> None:
    publish(session)
    assert publish(session) == []
    assert publish(session, {}) == []
    assert session.scalar(select(func.count()).select_from(DefinitionRow)) == 1
    assert session.scalar(select(func.count()).select_from(DiagramSource)) == 3


def test_a_changed_table_gives_a_new_version_to_every_process_that_asks_it_and_to_no_other(session: Session) -> None:
    other = process(START, user("work"), END, chain("start", "work", "end"), name="other")
    (first,) = publish(session)
    publish(session, {"other.bpmn": other})

    (second,) = publish(session, changed(*LESS), by="another")

    assert (second.process_id, second.version, second.published_by) == ("sample_service", 2, "another")
    assert second.sources["sample_service"] == first.sources["sample_service"]
    assert second.sources["sample_table"] != first.sources["sample_table"]
    assert definitions.current(session, "other").version == 1


def test_a_case_on_an_earlier_version_finds_its_own_diagrams_and_tables(session: Session) -> None:
    (first,) = publish(session)
    (second,) = publish(session, changed(*LESS))

    def level(row: DefinitionRow) -> object:
        spec = definitions.load(session, row.hash).spec.task_specs["decide_level"]
        return spec.table.decide({"amount_cents": 70_000, "channel": "bank"})["review_levels"]

    assert (level(first), level(second)) == (1, 2)


def test_an_earlier_content_published_again_is_the_earlier_version(session: Session) -> None:
    (first,) = publish(session)
    publish(session, changed(*LESS))

    (again,) = publish(session)

    assert (again.hash, again.version) == (first.hash, 1)
    assert definitions.current(session, "sample_service").version == 1
    (third,) = publish(session, changed("sample_table.dmn", "[0..100000]", "[0..1]"))
    assert third.version == 3


def test_a_broken_file_is_refused_whole_with_file_element_and_sentence(session: Session) -> None:
    publish(session)
    files = {**changed(*LESS), **changed("sample_review.bpmn", 'tongban:role="first_reviewer"', 'tongban:role="king"')}

    with pytest.raises(DiagramRefused) as refused:
        publish(session, files)

    assert refused.value.fields == {"sample_review.bpmn#first_review": ["岗位“king”不存在。"]}
    assert definitions.current(session, "sample_service").version == 1
    assert session.scalar(select(func.count()).select_from(DiagramSource)) == 3


def test_the_check_says_the_same_and_stores_nothing(session: Session) -> None:
    publish(session)
    assert definitions.check_files(session, changed(*LESS)) == []
    (fault,) = definitions.check_files(session, changed("sample_review.bpmn", '"first_reviewer"', '"king"'))
    assert (fault.file, fault.element) == ("sample_review.bpmn", "first_review")
    assert session.scalar(select(func.count()).select_from(DiagramSource)) == 3


def test_a_procedure_alone_is_kept_and_gets_no_version(session: Session) -> None:
    assert publish(session, {"sample_review.bpmn": sample_files()["sample_review.bpmn"]}) == []
    assert definitions.source(session, "sample_review").content == sample_files()["sample_review.bpmn"]
    with pytest.raises(NotFound):
        definitions.current(session, "sample_review")


def test_a_definition_knows_its_elements_by_process_and_id(session: Session) -> None:
    (row,) = publish(session)
    definition = definitions.load(session, row.hash)

    review = definition.element("sample_review", "first_review")
    register = definition.element("sample_service", "register")

    assert (review.kind, review.role, review.agency, review.form) == (
        "userTask",
        "first_reviewer",
        "handling",
        "review",
    )
    assert (review.name, review.state) == ("初审", "awaiting_first_review")
    assert review.differs_from == ("acceptance", "second_review")
    assert (register.operator, register.sms_slot, register.state) == ("sample.register", "acceptance", "accepted")
    assert register.rules == ("ACC-01", "SMS-01")
    assert definition.element("handle", "review").kind == "callActivity"
    assert sorted(definition.subprocess_specs) == ["handle", "sample_review"]
    assert definition.title == "样例事项"
    with pytest.raises(NotFound):
        definition.element("sample_service", "first_review")


def test_the_ways_out_of_a_gateway_are_asked_in_the_order_of_the_file_however_it_is_drawn(session: Session) -> None:
    def conditions(height_of_register: int) -> list[str]:
        shape = (
            '<bpmndi:BPMNDiagram id="d"><bpmndi:BPMNPlane id="p"><bpmndi:BPMNShape id="s" bpmnElement="wait">'
            f'<dc:Bounds x="0" y="{height_of_register}" width="1" height="1" /></bpmndi:BPMNShape></bpmndi:BPMNPlane>'
            "</bpmndi:BPMNDiagram></bpmn:definitions>"
        )
        publish(session)
        (row,) = publish(session, changed("sample_service.bpmn", "</bpmn:definitions>", shape))
        return list(definitions.load(session, row.hash).spec.task_specs["is_passed"]._outputs)

    assert conditions(-500) == conditions(500) == ["wait", "refused"]


def test_a_definition_is_parsed_once_for_all_threads(
    engine: Engine, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(definitions, "_cache", definitions._Cache())
    (row,) = publish(session)
    session.commit()
    barrier, wanted = Barrier(8), row.hash

    def load(_: int) -> int:
        with Session(engine) as own:
            barrier.wait()
            return id(definitions.load(own, wanted))

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(load, range(8)))) == 1


def test_only_so_many_definitions_are_kept_in_memory(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(definitions, "_cache", definitions._Cache())
    monkeypatch.setattr(definitions, "CACHED", 1)
    (first,) = publish(session)
    (second,) = publish(session, changed(*LESS))

    loaded = definitions.load(session, first.hash)
    assert definitions.load(session, first.hash) is loaded
    definitions.load(session, second.hash)

    assert definitions.load(session, first.hash) is not loaded


def test_an_unknown_hash_or_name_is_not_found(session: Session) -> None:
    for ask in (definitions.load, definitions.current, definitions.source):
        with pytest.raises(NotFound):
            ask(session, "nothing")


# --- the stock


def test_the_stock_is_published_on_an_empty_database(session: Session) -> None:
    (row,) = definitions.install_stock(session, FOLDER, AT)
    assert (row.process_id, row.published_by) == ("sample_service", "stock")
    assert definitions.install_stock(session, FOLDER, AT) == []


def test_a_later_stock_never_overwrites_what_analysts_published(session: Session, tmp_path: Path) -> None:
    definitions.install_stock(session, FOLDER, AT)
    (published,) = publish(session, changed(*LESS))
    for file, content in sample_files().items():
        (tmp_path / file).write_bytes(content)
    new = process(START, user("work"), END, chain("start", "work", "end"), name="new_service")
    (tmp_path / "services").mkdir()
    (tmp_path / "services" / "new_service.bpmn").write_bytes(new)

    installed = definitions.install_stock(session, tmp_path, AT)

    assert [row.process_id for row in installed] == ["new_service"]
    assert definitions.current(session, "sample_service").hash == published.hash


def test_new_stock_that_does_not_fit_what_analysts_made_of_the_old_is_left_out(
    session: Session, tmp_path: Path
) -> None:
    publish(session, changed("sample_review.bpmn", "review_levels", "weather"))
    for file, content in sample_files().items():
        (tmp_path / file).write_bytes(content)

    assert definitions.install_stock(session, tmp_path, AT) == []

    assert [one.name for one in definitions.listing(session)] == ["sample_review"]


def test_a_broken_stock_is_refused_on_an_empty_database(session: Session, tmp_path: Path) -> None:
    (tmp_path / "sample_service.bpmn").write_bytes(sample_files()["sample_service.bpmn"])
    with pytest.raises(DiagramRefused):
        definitions.install_stock(session, tmp_path, AT)


def test_the_library_is_written_back_to_where_its_files_lie(session: Session, tmp_path: Path) -> None:
    publish(session)
    publish(session, changed(*LESS))
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "sample_table.dmn").write_bytes(b"old")

    written = definitions.export(session, tmp_path)

    places = ["own/sample_table.dmn", "procedures/sample_review.bpmn", "services/sample_service.bpmn"]
    assert sorted(path.relative_to(tmp_path).as_posix() for path in written) == places
    assert (tmp_path / "own" / "sample_table.dmn").read_bytes() == changed(*LESS)["sample_table.dmn"]


def test_the_listing_names_all_diagrams_and_tables_and_the_versions_of_roots(session: Session) -> None:
    publish(session)
    (row,) = publish(session, changed(*LESS))
    listed = [(one.name, one.file, one.title, one.kind, one.version) for one in definitions.listing(session)]
    assert listed == [
        ("sample_review", "sample_review.bpmn", "样例审核", "bpmn", None),
        ("sample_service", "sample_service.bpmn", "样例事项", "bpmn", 2),
        ("sample_table", "sample_table.dmn", "样例审核级别", "dmn", None),
    ]
    root = definitions.listing(session)[1]
    assert (root.hash, root.published_by, root.published_at) == (row.hash, "analyst", AT)


# --- two analysts at once


@pytest.mark.postgres
def test_two_publications_at_once_follow_one_another(postgres_app: Flask) -> None:
    variants = [changed("sample_table.dmn", "[0..100000]", f"[0..{limit}]") for limit in (1, 2, 3, 4)]
    with transaction() as session:
        publish(session)
    barrier = Barrier(len(variants))

    def publish_one(files: dict[str, bytes]) -> int:
        with postgres_app.app_context():
            barrier.wait()
            with transaction() as own:
                return publish(own, files)[0].version

    with ThreadPoolExecutor(len(variants)) as pool:
        versions = sorted(pool.map(publish_one, variants))

    assert versions == [2, 3, 4, 5]
    with transaction() as session:
        entry = session.get_one(LibraryEntry, "sample_service")
        assert session.get_one(DefinitionRow, entry.definition_hash).version == 5

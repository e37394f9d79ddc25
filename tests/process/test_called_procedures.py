"""What goes into a called procedure and comes out of it is what its ioSpecification names, nothing else."""

from __future__ import annotations

import pytest

from tests.process.walk import Instance, definition, done, library, plain_and_restored

CALLED = ("scanning", "review", "supplement", "delivery", "archiving")


def test_procedures_are_called_and_everything_else_starts_alone() -> None:
    assert {name for name, diagram in library().diagrams.items() if not diagram.starts_alone} == set(CALLED)


@pytest.mark.parametrize("name", CALLED)
def test_a_procedure_says_what_goes_in_and_out(name: str) -> None:
    drawn = library().diagrams[name]

    assert drawn.inputs
    assert drawn.outputs


@plain_and_restored
def test_a_called_procedure_sees_its_inputs_only(restored: bool) -> None:
    instance = Instance("medical_expense", restored=restored, data={"secret": "no business of the review"})
    done("assess_expense_lines").act(instance)

    (task,) = instance.run.waiting()

    assert dict(task.data) == {"case_id": 7, "review_levels": 2}


@plain_and_restored
def test_of_a_called_procedure_only_its_outputs_come_back(restored: bool) -> None:
    instance = Instance("inpatient_meals", restored=restored)
    for step in (done("confirm_stays"), done("first_review", "supplement"), done("collect_supplement")):
        step.act(instance)
    for step in (done("first_review", "pass", remark=1), done("second_review", "pass", remark=2)):
        step.act(instance)
    done("deliver_result", method="post").act(instance)
    done("archive_case", barcode="x").act(instance)

    assert dict(instance.run.data) == {
        "case_id": 7,
        "images_complete": True,
        "review_levels": 2,
        "transferred": False,
        "days": 12,
        "outcome": "pass",
        "delivered": True,
        "archived": True,
    }


@pytest.mark.parametrize("name", sorted(library().diagrams))
def test_every_diagram_can_be_built(name: str) -> None:
    assert definition(name).title == library().title(name)

"""Whatever is sent, and whoever sends it: an answer that the description of the API knows, and never a fault of ours.

A seeded sample; `make fuzz` sends many more (FUZZ_EXAMPLES to each operation, FUZZ_SEED).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.api import fuzzing, matrix
from tests.conftest import MORNING, FixedClock, Template, running


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def scene(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[matrix.Scene]:
    """A business with officers of every role in every relation to it."""
    template: Template = request.getfixturevalue(f"{request.param.removesuffix('ql')}_template")
    kind = matrix.Scene if request.param == "sqlite" else fuzzing.Going
    clock = FixedClock()
    clock.set(MORNING)
    home = tmp_path_factory.mktemp("fuzz")
    with running(template, home) as app:
        yield matrix.build(app, home, clock, kind)
    clock.close()


def test_every_answer_is_one_that_the_description_knows(scene: matrix.Scene) -> None:
    statuses: Counter[int] = Counter()
    wrong = []
    for operation in fuzzing.operations(scene.app):
        scene.put_back(fuzzing.stage_of(operation.path))
        sent = fuzzing.send(scene, operation, fuzzing.askers(scene, operation), fuzzing.EXAMPLES)
        wrong += [fault for one in sent for fault in fuzzing.faults(one)]
        statuses.update(one.response.status_code for one in sent)
    print(f"{statuses.total()} requests with seed {fuzzing.SEED}:", dict(sorted(statuses.items())))

    assert not wrong, "\n".join([f"{len(wrong)} answers:", *wrong[:20]])
    # Otherwise nothing was found out: what is asked must reach the business.
    assert {200, 201, 403, 404, 409, 422} <= set(statuses)

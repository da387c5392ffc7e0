"""All rows."""

from tests.faults import (
    finetuning,
    models,
    options,
    outputs,
    pretraining,
    surroundings,
    texts,
    translation,
    viewer,
)

TABLES = (
    outputs,
    texts,
    models,
    options,
    pretraining,
    finetuning,
    translation,
    viewer,
    surroundings,
)
FAULTS = [fault for table in TABLES for fault in table.FAULTS]
# Half of what could lose something of the user's, and some of the others that start quickly.
SAMPLE = [
    *outputs.LOSSES[:36:2],
    *(
        fault
        for table in (texts, models, options, pretraining, finetuning, translation, viewer)
        for fault in table.FAULTS[::40]
    ),
]

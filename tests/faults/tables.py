"""All rows."""

from tests.faults import models, options, outputs, pretraining, surroundings, texts

TABLES = (outputs, texts, models, options, pretraining, surroundings)
FAULTS = [fault for table in TABLES for fault in table.FAULTS]
# Of what could lose something of the user's, all that is refused early; and of the others a few.
SAMPLE = [*outputs.LOSSES[:24], *options.FAULTS[:12:2]]

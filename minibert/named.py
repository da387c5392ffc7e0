"""A name for a value inside a formula."""

from torch import nn


class Named(nn.Identity):
    """Returns its input unchanged; the attribute that holds it is the name of the value.
    `trace` reads values by these names, `patch` replaces them.
    """

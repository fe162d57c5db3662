"""The lengths that a replay asked for, held against what the servers counted (pure)."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lens_gate.artifacts.run import TokensAsked
from lens_gate.artifacts.samples import Samples
from lens_gate.artifacts.traffic.call import Call
from lens_gate.vocabulary.requests import Status, TokenSource

NOT_ASKED = -1
"""Stands where no length was asked for, because the log holds the prompt itself."""


@dataclass(slots=True)
class Asked:
    """The lengths of synthesized prompts and of their answers, by index of the request."""

    inputs: array[int] = field(default_factory=lambda: array("q"))
    outputs: array[int] = field(default_factory=lambda: array("q"))

    def note(self, call: Call) -> None:
        """Take note of the next request."""
        synthetic = not call.messages
        self.inputs.append(call.input_tokens or 0 if synthetic else NOT_ASKED)
        self.outputs.append(call.output_tokens or 0 if synthetic else NOT_ASKED)


def asked_and_counted(samples: Samples, asked: Asked) -> tuple[TokensAsked | None, TokensAsked | None]:
    """Compare input and output over the successes whose tokens the server counted; None where there are none."""
    told = samples.texts["status"].equals(Status.OK) & samples.texts["token_source"].equals(TokenSource.SERVER)
    rows = samples.where(told)
    index = rows.numbers["index"].astype(np.int64)
    return (
        _compared(np.array(asked.inputs, dtype=np.float64)[index], rows.numbers["input_tokens"]),
        _compared(np.array(asked.outputs, dtype=np.float64)[index], rows.numbers["output_tokens"]),
    )


def _compared(asked: NDArray[np.float64], counted: NDArray[np.float64]) -> TokensAsked | None:
    known = (asked != NOT_ASKED) & ~np.isnan(counted)
    if not known.any():
        return None
    asked, counted = asked[known], counted[known]
    return TokensAsked(
        requests=int(known.sum()),
        asked=int(asked.sum()),
        counted=int(counted.sum()),
        equal=int((asked == counted).sum()),
    )

"""A graph that grows node by node."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor

OPSET = 17
IR_VERSION = 8
"""Both of 2022: runtimes that are some years old read them."""

Shape = tuple[int | str, ...]
"""Sizes of axes; a word stands for one that may differ from run to run."""


@dataclass(frozen=True, slots=True)
class Value:
    """A tensor in a graph, by name, and its channels."""

    name: str
    channels: int


class Graph:
    """Nodes, weights, inputs and outputs; `streaming`: states are inputs and outputs as well."""

    def __init__(self, name: str, *, streaming: bool) -> None:
        self.name, self.streaming = name, streaming
        self._nodes: list[onnx.NodeProto] = []
        self._weights: list[onnx.TensorProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []
        self._states = 0

    def input(self, name: str, kind: int, shape: Shape) -> str:
        """Declare an input and return its name."""
        self._inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return name

    def output(self, value: str, name: str, kind: int, shape: Shape) -> None:
        """Declare a value as an output."""
        self._nodes.append(helper.make_node("Identity", [value], [name]))
        self._outputs.append(helper.make_tensor_value_info(name, kind, shape))

    def constant(self, array: Tensor | NDArray[Any]) -> str:
        """Return the name of a tensor of weights or numbers."""
        if isinstance(array, Tensor):
            array = array.detach().float().cpu().numpy()
        name = f"w{len(self._weights)}"
        self._weights.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def number(self, value: float) -> str:
        """Return the name of one float."""
        return self.constant(np.array(value, np.float32))

    def whole(self, *values: int) -> str:
        """Return the name of whole numbers, as axes and sizes are."""
        return self.constant(np.array(values, np.int64))

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one output and return the output's name."""
        return self.split(kind, *inputs, count=1, **attributes)[0]

    def split(self, kind: str, *inputs: str, count: int, **attributes: Any) -> list[str]:
        """Add a node with `count` outputs and return their names."""
        outputs = [f"v{len(self._nodes)}_{number}" for number in range(count)]
        self._nodes.append(helper.make_node(kind, inputs, outputs, **attributes))
        return outputs

    def slice(self, value: str, begin: int, end: int) -> str:
        """Return columns [begin, end) of the last axis."""
        return self.add("Slice", value, self.whole(begin), self.whole(end), self.whole(2))

    def with_past(self, x: Value, columns: int) -> str:
        """Return x behind the last `columns` columns before it, when streaming; else x."""
        if not self.streaming or columns == 0:
            return x.name
        shape: Shape = ("rows", x.channels, columns)
        name = self.input(f"state_{self._states}", TensorProto.FLOAT, shape)
        longer = self.add("Concat", name, x.name, axis=2)
        after = self.slice(longer, -columns, np.iinfo(np.int64).max)
        self.output(after, f"next_state_{self._states}", TensorProto.FLOAT, shape)
        self._states += 1
        return longer

    def build(self, metadata: dict[str, str]) -> onnx.ModelProto:
        """Return the checked model."""
        graph = helper.make_graph(
            self._nodes, self.name, self._inputs, self._outputs, self._weights
        )
        opset = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(
            graph, opset_imports=opset, ir_version=IR_VERSION, producer_name="audiocodec"
        )
        helper.set_model_props(model, metadata)
        onnx.checker.check_model(model, full_check=True)
        return model

"""Networks as ONNX graphs, node by node from the layers: no tracing, the same every time."""

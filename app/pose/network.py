"""A leaner landmark network, cut at run time from the one in the model bundle.

The Tasks API runs the landmark network only on a region of its own choice and computes a silhouette that nobody
here looks at. This module rewires the graph, weights untouched: the silhouette branch is left out, and of the joint
heatmaps those of the trunk, legs and feet are made and become an output. The result is an ordinary network of vectors
that any runtime of the same format can evaluate on a region we choose.
"""

import zipfile
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np

HEATMAP_JOINTS = (11, 12, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32)
"""Shoulders, hips, knees, ankles, heels, foot tips: the joints that numbers come from."""
HEATMAP_SIZE = 64
INPUT_SIZE = 256
N_OUTPUT_LANDMARKS = 39
"""33 joints, 2 points that span the next region, 4 that are not used."""
_NETWORK_BYTES_LIMIT = 64 * 1024 * 1024
_LANDMARK_NETWORK, _DETECTOR_NETWORK = "pose_landmarks_detector.tflite", "pose_detector.tflite"


class ModelBundleError(Exception):
    """The model file is not a pose landmarker bundle of the kind that is known here."""


def landmark_network(bundle: Path, schema: Any) -> bytes:
    """Return the rewired landmark network of a ``.task`` bundle.

    Parameters
    ----------
    bundle
        A zip with `pose_landmarks_detector.tflite` in it.
    schema
        The flatbuffer classes of the network format.

    Returns
    -------
    bytes
        A network from a (256, 256, 3) picture to four vectors: landmarks (39 x 5), presence (1), world
        landmarks (39 x 3), heatmaps (64 x 64 x 12, as logits).
    """
    network = _member(bundle, _LANDMARK_NETWORK)
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(network, 0))
    graph = model.subgraphs[0]
    by_shape = {tuple(int(n) for n in graph.tensors[index].shape): int(index) for index in graph.outputs}
    try:
        landmarks, presence = by_shape[1, N_OUTPUT_LANDMARKS * 5], by_shape[1, 1]
        world, heatmaps = by_shape[1, N_OUTPUT_LANDMARKS * 3], by_shape[1, HEATMAP_SIZE, HEATMAP_SIZE, 39]
    except KeyError as error:
        msg = f"the landmark network in {bundle.name} has no output of shape {error}"
        raise ModelBundleError(msg) from error
    flat = _joint_heatmaps(model, graph, schema, heatmaps=heatmaps)
    graph.outputs = [landmarks, presence, world, flat]
    graph.operators = _needed(graph.operators, outputs=graph.outputs)
    model.signatureDefs = None
    builder = flatbuffers.Builder(len(network))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def detector_network(bundle: Path) -> bytes:
    """Return the person detector of a ``.task`` bundle, as it is."""
    return _member(bundle, _DETECTOR_NETWORK)


def _member(bundle: Path, name: str) -> bytes:
    """Return one network of a bundle; raise `ModelBundleError` when there is none."""
    try:
        with zipfile.ZipFile(bundle) as archive:
            if archive.getinfo(name).file_size > _NETWORK_BYTES_LIMIT:
                msg = f"a network in {bundle.name} is larger than any we know"
                raise ModelBundleError(msg)
            return archive.read(name)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        msg = f"{bundle} is not a pose landmarker bundle: {error}"
        raise ModelBundleError(msg) from error


def _joint_heatmaps(model: Any, graph: Any, schema: Any, *, heatmaps: int) -> int:
    """Let the last layer make the maps of the joints we use and no others, and flatten them. Return the flat tensor's index."""
    layer = next(operator for operator in graph.operators if heatmaps in [int(n) for n in operator.outputs])
    for values in layer.inputs[1:3]:  # weights and bias, one row each for every map
        _keep_rows(model, graph, schema, tensor=int(values), rows=HEATMAP_JOINTS)
    n = len(HEATMAP_JOINTS)
    graph.tensors[heatmaps].shape = [1, HEATMAP_SIZE, HEATMAP_SIZE, n]
    length = HEATMAP_SIZE * HEATMAP_SIZE * n
    shape = _add_constant(model, graph, schema, name="plumbline/flat_shape", values=(1, length))
    flat = _add_tensor(graph, schema, name="plumbline/flat", shape=[1, length])
    _add_operator(
        model, graph, schema, code=schema.BuiltinOperator.RESHAPE, inputs=[heatmaps, shape], output=flat
    )
    return flat


def _keep_rows(model: Any, graph: Any, schema: Any, *, tensor: int, rows: tuple[int, ...]) -> None:
    """Leave only some rows of a constant, which is stored as half floats and made whole ones when loaded, or whole already."""
    makers = [operator for operator in graph.operators if tensor in [int(n) for n in operator.outputs]]
    stored = graph.tensors[int(makers[0].inputs[0]) if makers else tensor]
    half = stored.type == schema.TensorType.FLOAT16
    values = np.frombuffer(
        bytes(bytearray(model.buffers[stored.buffer].data)), dtype="<f2" if half else "<f4"
    )
    kept = values.reshape([int(n) for n in stored.shape])[list(rows)]
    buffer = schema.BufferT()  # a new one: constants that are alike may share theirs
    buffer.data = list(kept.tobytes())
    model.buffers.append(buffer)
    stored.buffer, stored.shape = len(model.buffers) - 1, list(kept.shape)
    graph.tensors[tensor].shape = list(kept.shape)


def _add_constant(model: Any, graph: Any, schema: Any, *, name: str, values: tuple[int, ...]) -> int:
    buffer = schema.BufferT()
    buffer.data = list(np.asarray(values, dtype="<i4").tobytes())
    model.buffers.append(buffer)
    index = _add_tensor(graph, schema, name=name, shape=[len(values)])
    graph.tensors[index].type = schema.TensorType.INT32
    graph.tensors[index].buffer = len(model.buffers) - 1
    return index


def _add_tensor(graph: Any, schema: Any, *, name: str, shape: list[int]) -> int:
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type, tensor.buffer = name, shape, schema.TensorType.FLOAT32, 0
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def _add_operator(model: Any, graph: Any, schema: Any, *, code: int, inputs: list[int], output: int) -> None:
    kind = schema.OperatorCodeT()
    kind.builtinCode = kind.deprecatedBuiltinCode = code
    kind.version = 1
    model.operatorCodes.append(kind)
    operator = schema.OperatorT()
    operator.opcodeIndex = len(model.operatorCodes) - 1
    operator.inputs, operator.outputs = inputs, [output]
    graph.operators = [*graph.operators, operator]


def _needed(operators: list[Any], *, outputs: list[int]) -> list[Any]:
    """Return the operators that the outputs depend on, in order."""
    wanted, kept = set(outputs), []
    for operator in reversed(operators):
        if any(int(index) in wanted for index in operator.outputs):
            kept.append(operator)
            wanted |= {int(index) for index in operator.inputs if index >= 0}
    return kept[::-1]

"""Build `pose_landmarker_full.task` from a published MediaPipe wheel.

Newer MediaPipe wheels bring the Tasks API and no model; the 0.10.21 wheel brings the networks without the
metadata the Tasks API needs. This script joins the two, and gives the same bytes every time::

    pip download mediapipe==0.10.21 --no-deps --only-binary :all: --python-version 3.11 \
        --platform manylinux_2_28_x86_64
    python app/pose/models/build_bundle.py mediapipe-0.10.21-*.whl app/pose/models/pose_landmarker_full.task

It needs `flatbuffers` and `numpy`; the two schema modules are taken from the wheel itself, so that MediaPipe is
neither installed nor imported here.
"""

import argparse
import hashlib
import importlib.util
import sys
import tempfile
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import flatbuffers

_SCHEMAS = "mediapipe/tasks/metadata"
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest date a zip can hold: no build date in the bundle."""
_LOCAL_HEADER_BYTES = 30

NETWORKS: dict[str, tuple[str, float, float]] = {
    "pose_detector.tflite": ("mediapipe/modules/pose_detection/pose_detection.tflite", 127.5, 127.5),
    "pose_landmarks_detector.tflite": (
        "mediapipe/modules/pose_landmark/pose_landmark_{size}.tflite",
        0.0,
        255.0,
    ),
}
"""Name in the bundle: path in the wheel, then mean and standard deviation that scale a pixel for the network.

The detector wants -1 to 1, the landmark network 0 to 1, as the graphs of the wheel feed them.
"""


def main() -> None:
    """Read the command line and build."""
    parser = argparse.ArgumentParser(
        description="Build a pose landmarker bundle from a MediaPipe 0.10.21 wheel."
    )
    parser.add_argument("wheel", type=Path)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--size", choices=["lite", "full", "heavy"], default="full")
    arguments = parser.parse_args()
    for name, digest in build_bundle(arguments.wheel, arguments.bundle, size=arguments.size).items():
        sys.stdout.write(f"{digest}  {name}\n")


def build_bundle(wheel: Path, bundle: Path, *, size: str = "full") -> dict[str, str]:
    """Write the bundle and return the sha256 of every part, of the networks as found, and of the whole."""
    digests: dict[str, str] = {}
    with zipfile.ZipFile(wheel) as archive, tempfile.TemporaryDirectory() as folder:
        schema, metadata_schema = _schemas(archive, Path(folder))
        with zipfile.ZipFile(bundle, "w", zipfile.ZIP_STORED) as target:
            for name, (source, mean, std) in NETWORKS.items():
                path = source.format(size=size)
                network = archive.read(path)
                digests[f"wheel: {path}"] = hashlib.sha256(network).hexdigest()
                described = _with_metadata(network, schema, _metadata(metadata_schema, mean=mean, std=std))
                digests[name] = hashlib.sha256(described).hexdigest()
                _add_aligned(target, name, described)
    digests[bundle.name] = hashlib.sha256(bundle.read_bytes()).hexdigest()
    return digests


def _schemas(archive: zipfile.ZipFile, folder: Path) -> tuple[ModuleType, ModuleType]:
    """Load the flatbuffer classes of the network and of its metadata."""
    modules = []
    for name in ("schema_py_generated", "metadata_schema_py_generated"):
        path = folder / f"{name}.py"
        path.write_bytes(archive.read(f"{_SCHEMAS}/{name}.py"))
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            msg = f"{path} is no module"
            raise ImportError(msg)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        modules.append(module)
    return modules[0], modules[1]


def _metadata(schema: Any, *, mean: float, std: float) -> bytes:
    """Return the metadata block that tells the Tasks API how to scale a picture."""
    scaling = schema.NormalizationOptionsT()
    scaling.mean, scaling.std = [mean], [std]
    unit = schema.ProcessUnitT()
    unit.optionsType, unit.options = schema.ProcessUnitOptions.NormalizationOptions, scaling
    picture = schema.ImagePropertiesT()
    picture.colorSpace = schema.ColorSpaceType.RGB
    content = schema.ContentT()
    content.contentPropertiesType, content.contentProperties = (
        schema.ContentProperties.ImageProperties,
        picture,
    )
    tensor = schema.TensorMetadataT()
    tensor.name, tensor.content, tensor.processUnits = "image", content, [unit]
    subgraph = schema.SubGraphMetadataT()
    subgraph.inputTensorMetadata = [tensor]
    model = schema.ModelMetadataT()
    model.subgraphMetadata = [subgraph]
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), b"M001")
    return bytes(builder.Output())


def _with_metadata(network: bytes, schema: Any, metadata: bytes) -> bytes:
    """Return the network with the metadata block in place of any it has."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(network, 0))
    entry = next((item for item in model.metadata or [] if item.name == b"TFLITE_METADATA"), None)
    if entry is None:
        entry = schema.MetadataT()
        entry.name, entry.buffer = "TFLITE_METADATA", len(model.buffers)
        model.buffers.append(schema.BufferT())
        model.metadata = [*(model.metadata or []), entry]
    model.buffers[entry.buffer].data = list(metadata)
    builder = flatbuffers.Builder(len(network) + len(metadata))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _add_aligned(target: zipfile.ZipFile, name: str, content: bytes) -> None:
    """Store one file so that its content starts at a multiple of 4, because the runtime maps it in place."""
    entry = zipfile.ZipInfo(name, date_time=_EPOCH)
    entry.external_attr = 0o644 << 16
    entry.create_system = 3
    content_start = target.start_dir + _LOCAL_HEADER_BYTES + len(name.encode())
    if content_start % 4:
        entry.extra = _padding_field(-content_start % 4)
    target.writestr(entry, content)


def _padding_field(n_bytes: int) -> bytes:
    """Return an extra field (its 4-byte head included) that pads by `n_bytes` modulo 4."""
    return b"\xff\xff" + n_bytes.to_bytes(2, "little") + b"\0" * n_bytes


if __name__ == "__main__":
    main()

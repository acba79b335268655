"""Generate the typed Python client from docs/openapi.json into clients/python, and build its wheel."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CLIENT = ROOT / "clients" / "python"


def generate(output: Path) -> str:
    """Write the package into this folder, in place of what is there; return what the generator said."""
    command = [
        str(Path(sys.executable).parent / "openapi-python-client"), "generate", "--meta", "none", "--overwrite",
        "--path", str(ROOT / "docs" / "openapi.json"),
        "--config", str(CLIENT / "generator.yml"),
        "--output-path", str(output),
    ]  # fmt: skip
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    (output / "py.typed").touch()
    return said


def main() -> None:
    """Generate and build."""
    print(generate(CLIENT / "plumbline_client"))
    wheel = ["wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(CLIENT / "dist")]
    subprocess.run([sys.executable, "-m", "pip", *wheel, str(CLIENT)], check=True)
    print(f"The client is in {CLIENT / 'plumbline_client'}, its wheel in {CLIENT / 'dist'}.")


if __name__ == "__main__":
    main()

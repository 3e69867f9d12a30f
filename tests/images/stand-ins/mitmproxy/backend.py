"""A build backend that uses only the standard library, so that the index needs no build system."""

import pathlib
import zipfile

NAME = "mitmproxy-0.0.1-py3-none-any.whl"
INFO = "mitmproxy-0.0.1.dist-info"


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    with zipfile.ZipFile(pathlib.Path(wheel_directory, NAME), "w") as wheel:
        wheel.write("mitmproxy.py")
        wheel.writestr(f"{INFO}/METADATA", "Metadata-Version: 2.1\nName: mitmproxy\nVersion: 0.0.1\n")
        wheel.writestr(f"{INFO}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{INFO}/entry_points.txt", "[console_scripts]\nmitmdump = mitmproxy:main\n")
        wheel.writestr(f"{INFO}/RECORD", "")
    return NAME

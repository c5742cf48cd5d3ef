"""An S3-compatible server on this machine, for as long as the tests of a module last."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from moto.server import ThreadedMotoServer
from pyarrow import fs

from manifests import Clip, Manifest

# Of no account anywhere; and nobody is asked for a machine's role.
KEYS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_DEFAULT_REGION": "us-east-1",
}


@contextmanager
def bucket() -> Iterator[str]:
    """Yield what stands after a folder in a url of a fresh bucket: `s3://bucket/folder` + this."""
    before = {name: os.environ.get(name) for name in KEYS}
    os.environ.update(KEYS)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        where = f"?endpoint_override={host}:{port}&scheme=http"
        fs.FileSystem.from_uri(f"s3://bucket{where}&allow_bucket_creation=true")[0].create_dir("bucket")
        yield where
    finally:
        server.stop()
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)


def upload(manifest: Manifest, clips: Iterable[Clip], url: str) -> None:
    """Copy clips' files to a url, under their names in the corpus."""
    system, base = fs.FileSystem.from_uri(url)
    for path in dict.fromkeys(path for clip in clips for path in clip.paths()):
        if system.type_name == "local":
            system.create_dir(f"{base}/{path}".rpartition("/")[0])
        with system.open_output_stream(f"{base}/{path}") as stream:
            stream.write((Path(manifest.root) / path).read_bytes())

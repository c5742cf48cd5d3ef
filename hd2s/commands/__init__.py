"""The commands of ``python -m hd2s``. Here alone hd2s meets datasets and manifests, PyAV and Pillow."""

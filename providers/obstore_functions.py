"""obstore's functions and stores out of its extension, without its package: that imports `typing`.

`typing` takes half the instructions of a bare Python, for signatures that only type checkers read. What is
here is what the package has: it offers the extension's functions, and its stores add methods that call them.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from types import ModuleType

    import obstore
    from obstore.store import AzureStore, GCSStore, S3Store
else:

    def _extension() -> ModuleType:
        """The extension; it stays in `sys.modules`, where the package takes it if it is imported later."""
        from importlib.machinery import PathFinder

        name = "obstore._obstore"
        package = None if name in sys.modules else PathFinder.find_spec("obstore")
        spec = package and PathFinder.find_spec(name, package.submodule_search_locations)
        if not spec:  # loaded already, or nowhere that a path leads to
            from obstore import _obstore

            return _obstore
        extension = sys.modules[name] = spec.loader.create_module(spec)
        spec.loader.exec_module(extension)
        return extension

    obstore = _extension()
    AzureStore, GCSStore, S3Store = (
        getattr(obstore._store, name)  # noqa: SLF001 - whence the package has them
        for name in ("AzureStore", "GCSStore", "S3Store")
    )

__all__ = ["AzureStore", "GCSStore", "S3Store", "obstore"]

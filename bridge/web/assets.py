"""Owns the files that a browser fetches besides pages: read once at start, served from memory by name."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from bridge.errors import ConfigurationError

FOLDER = Path(__file__).parent / "assets"
_OWN = {"app.css": "text/css", "app.js": "text/javascript", "icon.svg": "image/svg+xml"}
_VENDOR = {"htmx.min.js": "text/javascript", "sse.min.js": "text/javascript"}


@dataclass(frozen=True, slots=True)
class Asset:
    body: bytes
    content_type: str
    version: str


class Assets:
    def __init__(self, *, without_vendor: bool = False) -> None:
        self._files = {name: _read(FOLDER / name, kind) for name, kind in _OWN.items()}
        if not without_vendor:
            self._files |= {name: _read_vendor(name, kind) for name, kind in _VENDOR.items()}

    def url(self, name: str) -> str:
        """With the content's hash, so that a browser may keep it for ever."""
        asset = self._files.get(name)
        return f"/assets/{name}?v={asset.version}" if asset else f"/assets/{name}"

    async def serve(self, request: web.Request) -> web.StreamResponse:
        asset = self._files.get(request.match_info["name"])
        if asset is None:
            raise web.HTTPNotFound()
        current = request.query.get("v") == asset.version
        response = web.Response(body=asset.body, content_type=asset.content_type, charset="utf-8")
        response.etag = asset.version
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if current else "no-cache"
        return response


def _read(path: Path, content_type: str) -> Asset:
    body = path.read_bytes()
    return Asset(body, content_type, hashlib.sha256(body).hexdigest()[:16])


def _read_vendor(name: str, content_type: str) -> Asset:
    path = FOLDER / "vendor" / name
    if not path.is_file():
        raise ConfigurationError(
            f"{path} is missing: the browser's scripts were not bundled. "
            f"Run `npm ci && npm run build` in {FOLDER} (the container image does it when it is built)."
        )
    return _read(path, content_type)

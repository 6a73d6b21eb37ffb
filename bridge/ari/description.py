"""Asterisk's own description of ARI (Swagger 1.1, ``rest-api/*.json``) read into typed objects.

Owns the reading, from a directory or from a running Asterisk; writes nothing. Only the generator uses it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import aiohttp
import msgspec

from bridge.errors import BadInput


@dataclass(frozen=True, slots=True)
class Property:
    name: str
    type: str  # as described: "string", "List[Channel]", …
    required: bool


@dataclass(frozen=True, slots=True)
class Model:
    name: str
    properties: tuple[Property, ...]
    sub_types: tuple[str, ...]
    discriminator: str | None


@dataclass(frozen=True, slots=True)
class DescribedOperation:
    key: str  # "channels.create": the resource and the operation's nickname, which alone is not unique
    method: str
    path: str
    required: tuple[str, ...]  # names of query parameters
    optional: tuple[str, ...]
    body: tuple[str, ...]
    errors: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Description:
    version: str  # "22.10.1", or "" when the source does not say
    models: tuple[Model, ...]  # by name
    operations: tuple[DescribedOperation, ...]  # by key


def from_directory(directory: Path) -> Description:
    """The files that Asterisk's packages install, on Debian under /usr/share/asterisk/rest-api."""
    try:
        files = {path.stem: path.read_bytes() for path in sorted(directory.glob("*.json"))}
    except OSError as error:
        raise BadInput(f"{directory}: {error.strerror}; give Asterisk's rest-api directory") from error
    files.pop("resources", None)
    if "events" not in files:
        raise BadInput(f"{directory}: no events.json in it; give Asterisk's rest-api directory")
    return parse(files)


async def from_asterisk(url: str) -> Description:
    """``url`` is ARI's base, with the credentials in it: http://USER:PASSWORD@HOST:8088/ari."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadInput(f"{url}: not an ARI address; it looks like http://USER:PASSWORD@HOST:8088/ari")
    netloc = parts.hostname if parts.port is None else f"{parts.hostname}:{parts.port}"
    base = urlunsplit((parts.scheme, netloc, parts.path.rstrip("/"), "", ""))
    authorization = aiohttp.encode_basic_auth(parts.username or "", parts.password or "")
    async with aiohttp.ClientSession(
        headers={"Authorization": authorization},
        timeout=aiohttp.ClientTimeout(total=10),
        raise_for_status=True,
    ) as session:

        async def get(path: str) -> bytes:
            try:
                async with session.get(f"{base}{path}") as response:
                    return await response.read()
            except (aiohttp.ClientError, TimeoutError) as error:
                raise BadInput(f"{base}{path}: {error}; check the address and the credentials") from error

        info = _object(await get("/asterisk/info"), "asterisk/info")
        listing = _object(await get("/api-docs/resources.json"), "resources.json")
        names = [str(api["path"]).split("/")[-1].removesuffix(".{format}") for api in listing["apis"]]
        files = {name: await get(f"/api-docs/{name}.json") for name in sorted(names)}
    version = str(info["system"]["version"]).split("+")[0].split("~")[0]
    return parse(files, version)


def parse(files: Mapping[str, bytes], version: str = "") -> Description:
    """``files``: each resource's name and its JSON."""
    models: dict[str, Model] = {}
    operations: dict[str, DescribedOperation] = {}
    for resource, content in sorted(files.items()):
        described = _object(content, f"{resource}.json")
        try:
            for name, model in described.get("models", {}).items():
                models[name] = _model(name, model)
            for api in described.get("apis", []):
                for operation in api.get("operations", []):
                    found = _operation(resource, api["path"], operation)
                    operations[found.key] = found
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BadInput(f"{resource}.json: not a description of ARI: {error!r}") from error
    return Description(
        version,
        tuple(models[name] for name in sorted(models)),
        tuple(operations[key] for key in sorted(operations)),
    )


def _object(content: bytes, name: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(content, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise BadInput(f"{name}: {error}; give Asterisk's own description of ARI") from error


def _model(name: str, model: Mapping[str, Any]) -> Model:
    properties = tuple(
        Property(property_name, str(described["type"]), bool(described.get("required", False)))
        for property_name, described in model["properties"].items()
    )
    return Model(name, properties, tuple(model.get("subTypes", ())), model.get("discriminator"))


def _operation(resource: str, path: str, operation: Mapping[str, Any]) -> DescribedOperation:
    parameters = operation.get("parameters", [])

    def names(kind: str, required: bool | None = None) -> tuple[str, ...]:
        return tuple(
            parameter["name"]
            for parameter in parameters
            if parameter["paramType"] == kind
            and (required is None or bool(parameter.get("required", False)) is required)
        )

    return DescribedOperation(
        key=f"{resource}.{operation['nickname']}",
        method=operation["httpMethod"],
        path=path,
        required=names("query", True),
        optional=names("query", False),
        body=names("body"),
        # Some codes are strings in Asterisk's own files (channels.move, 22.10).
        errors=tuple(sorted({int(error["code"]) for error in operation.get("errorResponses", [])})),
    )

"""Files of tickets: which are kept, what they really are, how they are given out, and their bytes on disk."""

import io
import stat
import zipfile
from pathlib import Path

import pytest
from pyrage import x25519

from bridge.config.keyfile import KeyUnusable
from bridge.crm.attachment_files import AttachmentFiles
from bridge.crm.attachments import BadAttachment, Kept, Limits, check, download_headers, media_type_of
from bridge.errors import BadInput

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
LIMITS = Limits(file_bytes=2**20)


def zipped(*names: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return stream.getvalue()


@pytest.mark.parametrize(
    ("name", "head", "kind"),
    [
        ("a.png", PNG, "image/png"),
        ("a.txt", PNG, "image/png"),
        ("a.jpg", b"\xff\xd8\xff\xe0\0\x10JFIF", "image/jpeg"),
        ("a.gif", b"GIF89a;<script>alert(1)</script>", "image/gif"),
        ("a.webp", b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        ("a.pdf", b"%PDF-1.7\n%\xe2\xe3", "application/pdf"),
        ("a.txt", "Привет".encode(), "text/plain"),
        ("a.csv", b"a;b\n1;2\n", "text/plain"),
        ("a.png", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml"),
        ("a.png", b"<?xml version='1.0'?><svg/>", "image/svg+xml"),
        ("a.txt", b"  \r\n<!DOCTYPE html><script>", "text/html"),
        ("a.txt", b"\xef\xbb\xbf<ScRiPt >", "text/html"),
        ("a.txt", "\ufeff<html>".encode("utf-16-le"), "text/html"),
        ("a.txt", b"words, and then <img src=x onerror=alert(1)>", "text/html"),
        (
            "a.docx",
            zipped("[Content_Types].xml"),
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ),
        ("a.zip", zipped("a"), "application/zip"),
        ("a.bin", bytes(range(256)), "application/octet-stream"),
        ("a", b"\0", "application/octet-stream"),
    ],
)
def test_what_it_is_whatever_its_name_says(name: str, head: bytes, kind: str) -> None:
    assert media_type_of(head, name) == kind


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("photo.jpg", b"MZ\x90\0"),
        ("a", b"\x7fELF\x02"),
        ("a.txt", b"#!/bin/sh\n"),
        ("a.pdf", b"\xca\xfe\xba\xbe\0"),
        ("bill.pdf.EXE", b"x"),
        ("bill.pdf.lnk ", b"x"),
        ("a.js", b"x"),
        ("a.hta", b"x"),
        ("a.docm", b"x"),
    ],
)
def test_programs_are_refused(name: str, head: bytes) -> None:
    with pytest.raises(BadAttachment, match=r"is a program|are not kept here"):
        check(name, head, Limits(refused_endings=frozenset({"docm"})))


@pytest.mark.parametrize("kind", ["text/html", "image/svg+xml", "application/pdf", "text/plain"])
def test_what_could_run_in_the_page_is_only_saved(kind: str) -> None:
    headers = download_headers("a.html", kind, inline=True)
    assert headers["Content-Type"] == "application/octet-stream"
    assert headers["Content-Disposition"].startswith("attachment;")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"] == "default-src 'none'; sandbox"


def test_a_picture_may_be_shown_and_a_name_is_no_header() -> None:
    headers = download_headers('C:\\Счёт"\r\nX: y.png', "image/png", inline=True)
    assert headers["Content-Type"] == "image/png"
    assert headers["Content-Disposition"] == (
        "inline; filename=\"_____ X_ y.png\"; filename*=UTF-8''%D0%A1%D1%87%D1%91%D1%82_%20X_%20y.png"
    )
    assert download_headers("../..", "image/png")["Content-Disposition"].startswith(
        'attachment; filename="file"'
    )


async def test_kept_once_by_its_content_and_for_us_only(tmp_path: Path) -> None:
    files = AttachmentFiles(tmp_path / "tickets")
    kept = await files.keep("../photo.txt", PNG, LIMITS)
    assert (kept.name, kept.media_type, kept.bytes) == ("photo.txt", "image/png", len(PNG))
    assert kept.file == f"{kept.sha256[:2]}/{kept.sha256}"
    again = await files.keep("other.png", PNG, LIMITS)
    assert (again.file, again.name) == (kept.file, "other.png")
    path = tmp_path / "tickets" / kept.file
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    with files.opened(kept) as content:
        assert content.read() == PNG
    assert [one for one in (tmp_path / "tickets").rglob("*") if one.is_file()] == [path]
    path.write_bytes(PNG + b"!")
    with pytest.raises(BadInput, match="is not what was kept there"), files.opened(kept):
        pass
    files.remove(kept.file)
    files.remove(kept.file)
    with pytest.raises(BadInput, match="is not there"), files.opened(kept):
        pass


async def test_encrypted_where_there_is_a_key(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text(f"{x25519.Identity.generate()}\n")
    files = AttachmentFiles(tmp_path / "tickets", lambda: key)
    kept = await files.keep("a.png", PNG, LIMITS)
    assert kept.file.endswith(".age")
    assert b"PNG" not in (tmp_path / "tickets" / kept.file).read_bytes()
    with files.opened(kept) as content:
        assert content.read() == PNG
    with pytest.raises(KeyUnusable, match="is encrypted"), AttachmentFiles(tmp_path / "tickets").opened(kept):
        pass


async def test_nothing_is_left_of_what_is_refused(tmp_path: Path) -> None:
    files = AttachmentFiles(tmp_path)
    for name, content in (("a.txt", b"x" * (2**20 + 1)), ("a.exe", b"x"), ("a.txt", b"")):
        with pytest.raises(BadAttachment):
            await files.keep(name, content, LIMITS)
    with files.upload("big", LIMITS) as upload:
        upload.write(b"x" * 2**20)
        with pytest.raises(BadAttachment, match="is larger than 1 MB"):
            upload.write(b"x")  # known before its end
    assert [one for one in tmp_path.rglob("*") if one.is_file()] == []
    (tmp_path / ".incoming" / "left.work").write_bytes(b"x")
    assert files.sweep() == 1


@pytest.mark.parametrize(
    "file", ["../../etc/passwd", "/etc/passwd", "ab/" + "z" * 64, "ab/" + "a" * 64 + "\n", ""]
)
def test_a_name_that_is_none_of_ours(tmp_path: Path, file: str) -> None:
    files = AttachmentFiles(tmp_path)
    with pytest.raises(BadInput, match="is no name of a file"), files.opened(Kept("a", "", 1, "", file)):
        pass
    with pytest.raises(BadInput, match="is no name of a file"):
        files.remove(file)

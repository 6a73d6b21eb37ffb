"""Lists of addresses: what is kept is read again as it was, whatever is in the names; what people write."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.crm.letter_headers import Party
from bridge.crm.parties import kept, listed, recipients
from bridge.errors import BadInput

addresses = st.from_regex(r"[a-z0-9.+=]{1,20}@[a-z0-9]{1,20}\.example", fullmatch=True)


@given(st.lists(st.builds(Party, addresses, st.text(max_size=60)), max_size=20))
def test_what_is_kept_is_read_again(parties: list[Party]) -> None:
    words = listed(parties)
    assert not set("\r\n\0") & set(words)
    assert [one.address for one in kept(words)] == [one.address for one in parties]
    assert listed(kept(words)) == words


def test_a_long_list_ends_between_two() -> None:
    parties = [Party(f"{number}@example.org", "x" * 50) for number in range(9)]
    assert [one.address for one in kept(listed(parties, 150))] == ["0@example.org", "1@example.org"]
    assert listed([Party(""), Party("", "Nobody")]) == ""
    assert kept("nobody, Anna <nowhere>, ") == ()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("", ()),
        (" ; ,", ()),
        ("a@example.org", (Party("a@example.org"),)),
        ("Anna <a@example.org>; b@example.org", (Party("a@example.org", "Anna"), Party("b@example.org"))),
        ('"Anna" <a@münchen.example>', (Party("a@xn--mnchen-3ya.example", "Anna"),)),
        ("A\tB <a@example.org>", (Party("a@example.org", "A B"),)),
    ],
)
def test_recipients(words: str, expected: tuple[Party, ...]) -> None:
    assert recipients(words) == expected


@pytest.mark.parametrize("words", ["Anna", "a@b@c", "<>", "a@example.org b@example.org", "x@y.z\nBcc: a@b.c"])
def test_what_is_no_address_is_told(words: str) -> None:
    with pytest.raises(BadInput, match="is not a mail address"):
        recipients(words)
    with pytest.raises(BadInput, match="leave some out"):
        recipients("a@example.org," * 2_000)

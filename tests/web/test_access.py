"""People, passwords, cookies and customers' tokens."""

import json
import time
from pathlib import Path

import pytest

from assistant.errors import AssistantError
from assistant.web import access as module
from assistant.web.access import STAFF_COOKIE, VISITOR_COOKIE, Access, Visitor

from .doubles import FAST_HASHER


def make(home: Path) -> Access:
    return Access(home, hasher=FAST_HASHER)


def test_first_start_makes_an_administrator_whose_password_is_told_once(tmp_path: Path) -> None:
    first = make(tmp_path)
    assert first.first_password and first.people()[0].must_change
    assert make(tmp_path).first_password is None
    kept = (tmp_path / "access.json").read_text()
    assert first.first_password not in kept and "argon2id" in kept
    assert (tmp_path / "access.json").stat().st_mode & 0o077 == 0


def test_password_change_ends_other_sessions_and_refuses_weak_ones(tmp_path: Path) -> None:
    access = make(tmp_path)
    first = access.first_password or ""
    person = access.sign_in("Admin ", first)
    cookies = {STAFF_COOKIE: access.staff_cookie(person)}
    assert access.staff(cookies) == person
    for weak in ("short", first, "admin-admin-admin"):
        with pytest.raises(AssistantError):
            access.change_password("admin", first, weak)
    with pytest.raises(AssistantError, match="not right"):
        access.change_password("admin", "something else", "a long new password")
    access.change_password("admin", first, "a long new password")
    assert access.staff(cookies) is None
    assert access.sign_in("admin", "a long new password").must_change is False


@pytest.mark.parametrize("forged", [None, "", "x", "a.b.c", 7, "staff"])
def test_forged_cookies_are_nobody(tmp_path: Path, forged: object) -> None:
    access = make(tmp_path)
    assert access.staff({STAFF_COOKIE: forged}) is None
    assert access.visitor({VISITOR_COOKIE: forged}) is None


def test_a_cookie_of_another_kind_home_or_time_is_void(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    access, other = make(tmp_path / "a"), make(tmp_path / "b")
    visitor = access.visitor_cookie(Visitor("CV-1", "C-1001"))
    staff = access.staff_cookie(access.people()[0])
    assert access.visitor({VISITOR_COOKIE: visitor}) == Visitor("CV-1", "C-1001")
    assert access.staff({STAFF_COOKIE: visitor}) is None
    assert access.visitor({VISITOR_COOKIE: staff}) is None
    assert other.staff({STAFF_COOKIE: staff}) is None
    later = time.time() + 13 * 3600
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: later)
    assert access.staff({STAFF_COOKIE: staff}) is None


def test_failures_lock_the_name_and_say_the_same_for_unknown_names(tmp_path: Path) -> None:
    access = make(tmp_path)
    with pytest.raises(AssistantError) as unknown:
        access.sign_in("nobody", "x")
    with pytest.raises(AssistantError) as wrong:
        access.sign_in("admin", "x")
    assert str(unknown.value) == str(wrong.value)
    for _ in range(module.TRIES - 1):
        with pytest.raises(AssistantError):
            access.sign_in("admin", "x")
    with pytest.raises(AssistantError, match="Too many"):
        access.sign_in("admin", access.first_password or "")


def test_one_address_cannot_try_many_names(tmp_path: Path) -> None:
    access = make(tmp_path)
    for number in range(module.TRIES):
        with pytest.raises(AssistantError, match="not right"):
            access.sign_in(f"name{number}", "x", address="10.0.0.1")
    with pytest.raises(AssistantError, match="Too many"):
        access.sign_in("another", "x", address="10.0.0.1")
    assert access.sign_in("admin", access.first_password or "", address="10.0.0.2").role == "admin"


def test_shutting_out_works_at_once_but_not_for_the_last_administrator(tmp_path: Path) -> None:
    access = make(tmp_path)
    once = access.add("Marieke", "agent")
    person = access.sign_in("marieke", once)
    cookies = {STAFF_COOKIE: access.staff_cookie(person)}
    access.shut_out("marieke")
    assert access.staff(cookies) is None
    with pytest.raises(AssistantError):
        access.sign_in("marieke", once)
    with pytest.raises(AssistantError, match="last administrator"):
        access.shut_out("admin")


@pytest.mark.parametrize("name", ["", "a b", "../x", "<b>", "x" * 41])
def test_odd_names_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(AssistantError):
        make(tmp_path).add(name, "agent")


def test_customer_tokens(tmp_path: Path) -> None:
    access, other = make(tmp_path / "a"), make(tmp_path / "b")
    token = access.customer_token("C-1001")
    assert access.customer_of(token) == "C-1001"
    assert other.customer_of(token) is None
    assert access.customer_of(access.customer_token("C-1001", seconds=-1)) is None
    body, mac = token.split(".")
    foreign = other.customer_token("C-1002").split(".")[0]
    for bad in ("", ".", body, f"{body}.", f"{foreign}.{mac}", f"{body}.{mac[:-1]}", "ü.ü"):
        assert access.customer_of(bad) is None


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "access.json").write_text(json.dumps({"people": 1}))
    with pytest.raises(AssistantError, match="damaged"):
        make(tmp_path)

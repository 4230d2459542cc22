"""Letters over real SMTP, and as files."""

import email
from email.policy import default
from pathlib import Path

import pytest
from fakes.mail_fake import smtp_server

from main_api.mail_api.errors import AddressRefused, MailUnavailable
from main_api.mail_api.gateway import Letter, Mailer
from main_api.mail_api.live import SmtpMailer, open_mailer
from opside_chassis.settings import WrongSetting

SENDER = "Opside <no-reply@opside.test>"


def letter(**changes: str) -> Letter:
    values = {
        "letter_id": "abc",
        "to": "ada@example.com",
        "subject": "Amazon paid 1.00 USD",
        "text": "Grüße\nA line with a dot:\n.\nEnd",
    }
    return Letter(**values | changes)


def opened(url: str) -> Mailer:
    mailer = open_mailer(url, sender=SENDER)
    assert mailer is not None
    return mailer


async def test_a_letter_arrives_whole() -> None:
    async with smtp_server() as server:
        await opened(f"smtp://127.0.0.1:{server.port}").send(letter())
        [raw] = server.messages
    message = email.message_from_bytes(raw.removesuffix(b"\r\n.\r\n"), policy=default)
    assert message["To"] == "ada@example.com"
    assert message["From"] == SENDER
    assert message["Message-ID"] == "<abc@opside.test>"
    assert "Grüße\nA line with a dot:\n" in message.get_content().replace("\r\n", "\n")


@pytest.mark.parametrize("subject", ["a\r\nBcc: evil@example.com", "a\nBcc: evil@example.com"])
async def test_no_text_becomes_a_header(subject: str) -> None:
    async with smtp_server() as server:
        await opened(f"smtp://127.0.0.1:{server.port}").send(letter(subject=subject))
        [raw] = server.messages
    message = email.message_from_bytes(raw, policy=default)
    assert message["Bcc"] is None
    assert message["Subject"] == "a Bcc: evil@example.com"


@pytest.mark.parametrize(
    "to", ["", "ada", "ada@example.com\r\nBcc: x@example.com", "a@b.c, d@e.f", "<>", "a@b\x00.c"]
)
async def test_what_is_no_address_is_refused_before_anything_is_sent(to: str) -> None:
    async with smtp_server() as server:
        with pytest.raises(AddressRefused):
            await opened(f"smtp://127.0.0.1:{server.port}").send(letter(to=to))
        assert server.messages == []


@pytest.mark.parametrize(
    ("reply", "error"), [("550 unknown", AddressRefused), ("451 later", MailUnavailable)]
)
async def test_a_refused_recipient_is_told_from_a_busy_server(
    reply: str, error: type[Exception]
) -> None:
    async with smtp_server() as server:
        server.refuse = reply
        with pytest.raises(error):
            await opened(f"smtp://127.0.0.1:{server.port}").send(letter())


async def test_a_server_that_is_away_is_named_without_our_secrets() -> None:
    secret = "p4ssword-" + "only-here"
    mailer = opened(f"smtp://user:{secret}@127.0.0.1:9")
    with pytest.raises(MailUnavailable) as away:
        await mailer.send(letter())
    assert secret not in str(away.value)


def test_a_server_elsewhere_is_spoken_to_over_tls_only() -> None:
    away = SmtpMailer.of("smtp://user:p%40ss@mail.example.com", sender=SENDER)
    assert (away.upgrade, away.tls_from_start, away.port, away.password) == (
        True,
        False,
        587,
        "p@ss",
    )
    assert SmtpMailer.of("smtps://mail.example.com", sender=SENDER).tls_from_start
    assert not SmtpMailer.of("smtp://127.0.0.1:25", sender=SENDER).upgrade


async def test_a_letter_to_a_folder_is_a_file_and_a_repeat_the_same_file(tmp_path: Path) -> None:
    mailer = opened(f"file:{tmp_path}/mail")
    for _ in range(2):
        await mailer.send(letter())
    [path] = (tmp_path / "mail").iterdir()
    assert path.suffix == ".eml"
    assert email.message_from_bytes(path.read_bytes(), policy=default)["To"] == "ada@example.com"


@pytest.mark.parametrize("url", ["http://mail.example.com", "smtp:", "mail.example.com:25", "x"])
def test_what_is_no_mail_server_stops_the_start(url: str) -> None:
    with pytest.raises(WrongSetting, match="MAIL_URL"):
        open_mailer(url, sender=SENDER)


def test_no_mail_server_is_a_choice() -> None:
    assert open_mailer("", sender=SENDER) is None

"""Mail leaves by a real connection, byte for byte, and connections are used well."""

import asyncio

from engine.core.delivery import Refused, Sent
from engine.mail import smtp
from tests.mail.smtp.posting import ALICE, BOB, SENDER, message, outcome_of, pooled
from tests.smtpd import Smtpd


async def test_a_mail_arrives_byte_for_byte(server: Smtpd) -> None:
    outcome = await outcome_of(server)
    assert outcome == Sent("250 2.0.0 taken as 1")
    [mail] = server.received
    assert mail.raw == message()
    assert b"\r\n.une ligne" in mail.data
    assert (mail.mail_from, mail.rcpt) == (SENDER, [ALICE])
    assert mail.mail_options == [f"SIZE={len(message())}"]
    assert mail.message_id == "<1@example.org>"
    assert server.commands[0] == (1, "EHLO parcours.example.org")
    assert server.commands[-1] == (1, "QUIT")


async def test_a_message_without_a_last_line_end_gets_one(server: Smtpd) -> None:
    async with pooled(server) as pool:
        assert isinstance(await pool.send("", ALICE, b"Subject: x\r\n\r\nfin"), Sent)
    assert server.received[0].data == b"Subject: x\r\n\r\nfin\r\n"
    assert server.received[0].mail_from == ""


async def test_a_message_of_many_megabytes_arrives_whole(server: Smtpd) -> None:
    big = b"Subject: x\r\n\r\n" + b"0123456789" * 7 + b"\r\n"
    big += (b"x" * 76 + b"\r\n") * 60_000
    async with pooled(server, timeouts=smtp.Timeouts()) as pool:
        assert isinstance(await pool.send(SENDER, ALICE, big), Sent)
    assert server.received[0].raw == big


async def test_one_connection_carries_many_mails_then_another_takes_over(server: Smtpd) -> None:
    async with pooled(server, per_connection=3) as pool:
        for number in range(7):
            assert isinstance(await pool.send(SENDER, BOB, message(number)), Sent)
    assert [mail.connection for mail in server.received] == [1, 1, 1, 2, 2, 2, 3]
    assert sum(line == "QUIT" for _, line in server.commands) == 3


async def test_no_more_connections_than_the_pool_holds(server: Smtpd) -> None:
    async with pooled(server, size=4) as pool:
        outcomes = await asyncio.gather(*(pool.send(SENDER, BOB, message(n)) for n in range(60)))
    assert all(isinstance(outcome, Sent) for outcome in outcomes)
    assert server.most_open == 4
    assert len({mail.message_id for mail in server.received}) == len(server.received) == 60


async def test_an_idle_connection_is_closed_politely(server: Smtpd) -> None:
    async with pooled(server, idle=0.05) as pool:
        await pool.send(SENDER, ALICE, message())
        await server.at("QUIT")
        assert isinstance(await pool.send(SENDER, ALICE, message(2)), Sent)
    assert server.connections == 2


async def test_a_connection_used_again_is_idle_from_then_on(server: Smtpd) -> None:
    async with pooled(server, idle=0.1) as pool:
        await pool.send(SENDER, ALICE, message(1))
        await asyncio.sleep(0.05)
        await pool.send(SENDER, ALICE, message(2))
        await server.at("QUIT")
    assert server.connections == 1


async def test_replies_in_tiny_pieces_are_understood(server: Smtpd) -> None:
    server.pieces = True
    assert isinstance(await outcome_of(server), Sent)


async def test_a_server_that_only_knows_helo_will_do(server: Smtpd) -> None:
    server.misbehave("EHLO", "502 5.5.1 what?")
    assert isinstance(await outcome_of(server), Sent)


async def conversation(extensions: bytes) -> list[bytes]:
    """What we say before the message, in the pieces that a server reads it in."""
    said: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here\r\n")
        await reader.readline()
        writer.write(b"250-here\r\n250 " + extensions + b"\r\n")
        while b"DATA" not in b"".join(said):
            said.append(await reader.read(4096))
            for line in said[-1].splitlines():
                writer.write(b"354 go on\r\n" if line == b"DATA" else b"250 ok\r\n")
        await reader.readuntil(b"\r\n.\r\n")
        writer.write(b"250 taken\r\n")
        await reader.readline()
        writer.close()

    listening = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with listening, pooled(Smtpd(port=listening.sockets[0].getsockname()[1])) as pool:
        assert isinstance(await pool.send(SENDER, ALICE, message()), Sent)
    return said


async def test_commands_leave_together_where_the_server_takes_them_so() -> None:
    """RFC 2920: a mail costs two round trips instead of four."""
    [together] = await conversation(b"PIPELINING")
    assert [line.split()[0] for line in together.splitlines()] == [b"MAIL", b"RCPT", b"DATA"]


async def test_elsewhere_each_command_waits_for_its_reply() -> None:
    assert [said.split()[0] for said in await conversation(b"8BITMIME")] == [b"MAIL", b"RCPT", b"DATA"]


async def test_a_server_that_wants_a_message_to_nobody_gets_none(server: Smtpd) -> None:
    server.misbehave("RCPT", "550 5.1.1 no such user", times=1)
    server.misbehave("DATA", "354 go on", times=1)
    async with pooled(server) as pool:
        outcome = await pool.send(SENDER, ALICE, message(1))
        assert outcome == Refused(550, "5.1.1 no such user", permanent=True, scope="recipient")
        assert isinstance(await pool.send(SENDER, BOB, message(2)), Sent)
    assert [(mail.rcpt, mail.connection) for mail in server.received] == [([BOB], 2)]

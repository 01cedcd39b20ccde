"""What servers say, and what is made of it. The sentences are those of common programs and providers."""

import pytest

from engine.core.feedback import Cause
from engine.mail.inbound import verdict

ALICE = "alice@example.org"

SAID: dict[Cause, tuple[str, ...]] = {
    Cause.USER_UNKNOWN: (
        "550 5.1.1 <alice@example.org>: Recipient address rejected: User unknown in virtual mailbox table",
        "550 5.1.1 <alice@example.org>: Recipient address rejected: User unknown in relay recipient table",
        "550-5.1.1 The email account that you tried to reach does not exist. Please try double-checking",
        "550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found by SMTP address lookup",
        "550 5.4.1 [alice@example.org]: Recipient address rejected: Access denied",
        "550 No such user here",
        '550 No Such User Here"',
        "550 <alice@example.org> No such user - psmtp",
        "550 unknown user",
        "550 Unrouteable address",
        "550 5.5.0 Requested action not taken: mailbox unavailable",
        "550 Requested action not taken: mailbox unavailable",
        "550 5.1.1 Mailbox does not exist",
        "550 5.1.1 Adresse d au moins un destinataire invalide. Invalid recipient. OFR204_416 [416]",
        "550 5.1.1 <alice@example.org> utilisateur inconnu",
        "550 Le destinataire n'existe pas",
        "554 delivery error: dd This user doesn't have a yahoo.fr account (alice@example.org) [0]",
        "554 delivery error: dd Sorry your message to alice@example.org cannot be delivered. "
        "This account has been deleted.",
        "550 Invalid recipient <alice@example.org> (#5.1.1)",
        "511 sorry, no mailbox here by that name (#5.1.1 - chkuser)",
        "550 sorry, no mailbox here by that name. (#5.7.17)",
        "Sorry, no mailbox here by that name. vpopmail (#5.1.1)",
        "550 Mailbox not found",
        "550 User <alice@example.org> is not known at this site",
        "550 Recipient unknown",
        "550 5.1.1 User does not exist",
        "550 alice@example.org... User unknown",
        "550 5.1.1 recipient alice@example.org does not exist",
        "550 Account not available: no such person at this address",
        "550 5.1.1 <alice@example.org> is not a valid mailbox",
        "550 Address unknown",
        "550 Benutzer unbekannt",
        "550 5.1.1 Empfänger existiert nicht",
        "550 Usuario desconocido",
        "550 5.1.1 Utente sconosciuto",
        "550 That email address doesn't exist here",
        "550 User alice (alice@example.org) not listed in Domino Directory",
        "553 5.3.0 <alice@example.org>... Addressee unknown, relay=[192.0.2.1]",
        "550 #5.1.0 Address rejected.",
        "553 sorry, that recipient is not in my validrcptto list (#5.7.1)",
        "550 RCPT (alice@example.org) does not exist",
        "550 5.0.350 Remote server returned an error -> 550 no mailbox by that name is currently available",
        "550 L'adresse alice@example.org est introuvable",
        "L'adresse de messagerie que vous avez saisie n'a pas pu être trouvée",
        "RESOLVER.ADR.ExRecipNotFound; not found",
        "550 Mailbox unavailable or access denied",
        "550-Verification failed for <alice@example.org>",
        'Unknown local-part "alice" in domain "example.org"',
        "mail.local: unknown name: alice",
        "sorry, no such account here",
    ),
    Cause.HOST_UNKNOWN: (
        "550 5.1.2 <alice@example.org>... Host unknown (Name server: example.org: host not found)",
        "Host or domain name not found. Name service error for name=example.org type=MX: Host not found",
        "Host or domain name not found. Name service error for name=example.org type=A: Host not found",
        "Domain example.org does not accept mail (nullMX)",
        "DNS Error: DNS type 'mx' lookup of example.org responded with code NXDOMAIN",
        "all relevant MX records point to non-existent hosts",
        "an MX or SRV record indicated no SMTP service",
        'Unrouteable mail domain "example.org"',
        "Sorry, I couldn't find any host named example.org. (#5.1.2)",
        "Sorry, I couldn't find a mail exchanger or IP address. (#5.4.4)",
        "CNAME lookup failed permanently. (#4.4.3) no such domain",
        "550 5.4.310 DNS domain example.org does not exist [Message=InfoDomainNonexistent]",
        "556 5.1.10 Recipient address has null MX",
        "Le domaine example.org n'existe pas",
    ),
    Cause.MOVED: (
        "551 not our customer",
        "551 5.1.6 The recipient has moved to bob@example.net",
        "550 5.1.6 Recipient no longer on server: has moved permanently",
    ),
    Cause.FULL: (
        "552 5.2.2 <alice@example.org>: Recipient address rejected: Mailbox full",
        "452-4.2.2 The email account that you tried to reach is over quota",
        "552-5.2.2 The email account that you tried to reach is over quota and inactive",
        "452 4.2.2 The recipient's inbox is out of storage space.",
        "550 5.2.2 user has exceeded mailbox quota",
        "552 5.1.1 Boite du destinataire pleine. Recipient overquota. OFR204_417 [417]",
        "552 La boîte aux lettres du destinataire est pleine",
        "550 5.2.2 STOREDRV.Deliver; mailbox full",
        "Quota exceeded (mailbox for user is full)",
        "452 4.2.2 Over quota",
        "552 Requested mail action aborted: exceeded storage allocation",
        "554 5.2.2 mailbox full;STOREDRV.Deliver.Exception:QuotaExceededException",
        "maildir: mailbox is full (#5.2.2)",
        "The user you are trying to contact has too much mail in his mailbox, storage full",
        "552 5.2.2 Espace disque de la boite du destinataire depasse",
    ),
    Cause.DISABLED: (
        "550 5.2.1 The email account that you tried to reach is disabled.",
        "550 5.2.1 This mailbox has been blocked due to inactivity",
        "554 delivery error: dd This user's account has been suspended",
        "550 5.2.1 Account inactive",
        "550 Ce compte est désactivé",
        "550 5.7.13 user's account is disabled",
    ),
    Cause.TOO_BIG: (
        "552 5.3.4 Message size exceeds fixed maximum message size",
        "552 5.2.3 Message too large",
        "552-5.3.4 Your message exceeded Google's message size limits.",
        "550 5.2.3 RESOLVER.RST.RecipSizeLimit; message too large for this recipient",
        "552 Message trop volumineux",
    ),
    Cause.EXPIRED: (
        "Message expired, retry time not reached for any host after a long failure period",
        "delivery temporarily suspended: could not be delivered for 5 days",
        "550 4.4.7 QUEUE.Expired; message expired",
        "Envelope expired",
        "retry timeout exceeded",
    ),
    Cause.NETWORK: (
        "connect to mx.example.org[192.0.2.1]:25: Connection timed out",
        "connect to mx.example.org[192.0.2.1]:25: Connection refused",
        "lost connection with mx.example.org[192.0.2.1] while receiving the initial server greeting",
        "conversation with mx.example.org[192.0.2.1] timed out while sending message body",
        "554 5.4.6 Too many hops 26 (25 max)",
        "mail for example.org loops back to myself",
        "5.4.14 Hop count exceeded - possible mail loop ATTR34",
        "Network is unreachable",
        "Sorry, I wasn't able to establish an SMTP connection. (#4.4.1)",
    ),
    Cause.SYSTEM: (
        "451 4.3.0 Temporary lookup failure",
        "450 4.1.1 <alice@example.org>: Recipient address rejected: User unknown",
        "450 4.1.2 <alice@example.org>: Recipient address rejected: Domain not found",
        "451 Requested action aborted: local error in processing",
        "421 4.3.2 Service temporarily unavailable. OFR005_505 [505]",
        "550 5.3.0 Internal server error",
    ),
    Cause.SYSTEM_FULL: ("452 4.3.1 Insufficient system storage", "452 4.3.1 Mail system full"),
    Cause.TLS: (
        "530 5.7.0 Must issue a STARTTLS command first",
        "TLS is required, but was not offered by host mx.example.org",
    ),
    Cause.CONNECTIONS: (
        "421 4.7.0 Too many concurrent SMTP connections",
        "421 mwinf5c04 ME Trop de connexions, veuillez verifier votre configuration. "
        "Too many connections, slow down. OFR004_104 [104]",
        "421 4.3.2 Connection rate limit exceeded: too many connections from your host",
    ),
    Cause.SPEED: (
        "450 4.2.0 <alice@example.org>: Recipient address rejected: Greylisted, see postgrey.schweikert.ch",
        "550 Ip frequency limited",
        "421 4.7.0 Messages deferred due to excessive rate",
        "451 4.7.1 Greylisting in action, please come back later",
        "421-4.7.28 Our system has detected an unusual rate of unsolicited mail",
        "451 4.7.500 Server busy. Please try again later: sending rate throttled",
    ),
    Cause.BLOCKED: (
        "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org",
        "550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Please contact your service "
        "provider since part of their network is on our block list (S3140).",
        "550 5.7.606 Access denied, banned sending IP [192.0.2.1]",
        "550 mwinf5c04 ME Adresse IP source bloquee pour incident de spam. OFR006_102 [102]",
        "421 Too many spams from your IP (192.0.2.1), please visit http://postmaster.free.fr/",
        "553 5.3.0 blacklisted",
    ),
    Cause.AUTHENTICATION: (
        "550-5.7.26 This mail has been blocked because the sender is unauthenticated.",
        "550-5.7.26 Unauthenticated email from example.org is not accepted due to domain's DMARC policy.",
        "550 5.7.515 Access denied, sending domain x.org does not meet the required authentication level",
        "550 5.7.23 SPF validation failed",
        "550 SPF: 192.0.2.1 is not allowed to send mail from example.org",
        "550 5.7.509 Access denied, sending domain example.org does not pass DMARC verification",
    ),
    Cause.REPUTATION: (
        "554 Your access to this mail system has been rejected due to the sending MTA's poor reputation.",
    ),
    Cause.NO_PTR: (
        "450 4.7.1 Client host rejected: cannot find your reverse hostname, [192.0.2.1]",
        "550-5.7.25 The IP address sending this message does not have a PTR record setup",
        "554 5.7.1 Reverse DNS failed",
    ),
    Cause.SPAM: (
        "554 5.7.1 Message identified as SPAM",
        "550 5.7.1 This message was classified as SPAM and may not be delivered",
        "550 spam detected",
        "552 This message has been rejected due to content judged to be spam",
        "550-5.7.1 Our system has detected that this message is likely unsolicited mail.",
        "554 5.7.1 Mail rejete. Mail rejected. OFR_506 [506]",
        "554 Message refusé : contenu considéré comme du spam",
    ),
    Cause.POLICY: ("550 5.7.1 Message rejected due to local policy",),
    Cause.VIRUS: (
        "550 Virus detected; content rejected",
        "554 5.7.1 infected by Eicar-Test-Signature: virus found",
    ),
    Cause.MALFORMED: (
        "550-5.7.1 Messages missing a valid Message-ID header are not accepted",
        "554 Transaction failed: Duplicate header 'Subject'.",
        "550 Message contains bare LF and is violating RFC 5322",
    ),
    Cause.CONTENT: (
        "552-5.7.0 This message was blocked because its content presents a potential security issue: "
        "attachment type not allowed",
    ),
    Cause.SENDER: (
        "553 5.1.8 <bob@example.net>... Domain of sender address bob@example.net does not exist",
        "550 5.1.8 <bob@example.net>: Sender address rejected: Domain not found",
        "550 5.1.0 Adresse d expediteur invalide. Invalid sender. OFR004_405 [405]",
        "550 Sender verify failed",
        "550 <bob@example.net>: Sender address rejected: User unknown in local recipient table",
    ),
    Cause.RELAYING: (
        "554 5.7.1 <alice@example.org>: Relay access denied",
        "550 5.7.1 Unable to relay for alice@example.org",
        "550 relay not permitted",
        "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)",
        "550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain",
    ),
    Cause.SYNTAX: ("501 5.5.4 Syntax error in parameters", "503 Bad sequence of commands"),
    Cause.MAILER: (
        'Command died with status 1: "/usr/bin/procmail"',
        "can't create user output file",
        "unknown mailer error 2",
        "maildir delivery failed: create maildir file /home/alice/Maildir/tmp/1: Permission denied",
    ),
}


@pytest.mark.parametrize(
    ("cause", "text"), [(cause, text) for cause, texts in SAID.items() for text in texts]
)
def test_what_servers_say(cause: Cause, text: str) -> None:
    assert verdict.of(ALICE, [text]).cause == cause


@pytest.mark.parametrize(
    "text",
    ["550 5.1.1 <mailboxfull@example.org>: User unknown", "550 5.1.1 <alice@spam.example>: unknown user"],
)
def test_names_say_nothing(text: str) -> None:
    assert verdict.of("", [text]).cause == Cause.USER_UNKNOWN

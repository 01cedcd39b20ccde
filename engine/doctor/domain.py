"""What the DNS says of the sender's domains: keys, policy, names of addresses, where bounces go."""

import base64
from collections.abc import Sequence

from engine.core import dmarc, tags
from engine.core.tags import Tags
from engine.doctor import finding
from engine.doctor.finding import Finding
from engine.doctor.resolver import Resolver
from engine.mail import dkim, header

_LEAST, _GOOD = 1024, 2048  # bits of an RSA key: what receivers read, what they ask for (RFC 8301)


async def own_keys(resolver: Resolver, domain: str, keys: Sequence[dkim.Key]) -> Finding:
    """Whether the DNS shows the public half of each key that signs here."""
    return finding.together([await _own_key(resolver, domain, key) for key in keys])


async def _own_key(resolver: Resolver, domain: str, key: dkim.Key) -> Finding:
    owner, line = dkim.owner(key.selector, domain), dkim.record(key, domain)
    found = await _published(resolver, owner, cure=f"Publish: {line}")
    if isinstance(found, Finding):
        return found
    if found.algorithm != key.algorithm or found.public != dkim.public(key):
        shown = base64.b64encode(found.public).decode()[-12:]
        ours = base64.b64encode(dkim.public(key)).decode()[-12:]
        told = f"{owner} shows another key (…{shown}) than the one that signs (…{ours})"
        return finding.error(f"{told}: no signature holds.", f"Publish: {line}")
    return _strong(owner, found)


async def foreign_keys(resolver: Resolver, signatures: Sequence[dkim.Signature]) -> Finding:
    """Whether the DNS shows keys for the signatures that a mail carries."""
    findings = list[Finding]()
    for each in signatures:
        owner = dkim.owner(each.selector, each.domain)
        found = await _published(resolver, owner, cure="Publish the record that the relay's manual gives.")
        findings.append(found if isinstance(found, Finding) else _strong(owner, found))
    return finding.together(findings)


async def _published(resolver: Resolver, owner: str, *, cure: str) -> dkim.Published | Finding:
    texts = await resolver.texts(owner)
    if len(texts) != 1:
        many = f"{len(texts)} records: receivers take any of them" if texts else "no record"
        return finding.error(f"{owner} has {many}.", cure)
    try:
        found = dkim.published(texts[0])
    except ValueError as problem:
        return finding.error(f"{owner}: {problem}.", cure)
    if not found.public:
        return finding.error(f"{owner}: the key was revoked (p= is empty).", cure)
    return found


def _strong(owner: str, found: dkim.Published) -> Finding:
    try:
        bits = found.bits if found.algorithm == "rsa" else _GOOD
    except ValueError:
        return finding.error(f"{owner}: p= is no key.", "Publish the record again, as it was given.")
    if bits < _LEAST:
        return finding.error(f"{owner}: RSA of {bits} bits, which receivers pass over.", _NEW_KEY)
    if bits < _GOOD:
        return finding.warning(f"{owner}: RSA of {bits} bits; {_GOOD} are asked for.", _NEW_KEY)
    if found.testing:
        told = f"{owner}: t=y says that the key is only a test."
        return finding.warning(told, "Take t=y out of the record.")
    size = f"RSA of {bits} bits" if found.algorithm == "rsa" else found.algorithm
    return finding.ok(f"{owner}: {size}.")


_NEW_KEY = "Make a new key under a new selector (`parcours dkim generate`)."


async def walk(resolver: Resolver, domain: str) -> dict[str, Tags]:
    """The DMARC records on the way from `domain` to the root, in this order."""
    found: dict[str, Tags] = {}
    for name in dmarc.names(domain):
        record = dmarc.record(await resolver.texts(f"_dmarc.{name}"))
        if record is None:
            continue
        found[name] = record
        if dmarc.ends(record, first=name == domain):
            break
    return found


async def related(resolver: Resolver, one: str, other: str) -> bool:
    """Whether two domains are of one organisation."""
    if one == other:
        return True
    first, second = await walk(resolver, one), await walk(resolver, other)
    return dmarc.organisation(one, first) == dmarc.organisation(other, second)


async def aligned(resolver: Resolver, signer: str, author: str) -> bool:
    """Whether a signature of `signer` counts for mails from `author`: of one organisation, or the very same
    where the policy is strict."""
    found = dmarc.policy(author, await walk(resolver, author)) if signer != author else None
    if found and found[1].get("adkim", "r").lower() == "s":
        return False
    return await related(resolver, signer, author)


async def foreign_sender(resolver: Resolver, course: str, sender: str, author: str) -> Finding:
    """Whether a course whose mails are from another address than the others' is of the same organisation."""
    own = header.ascii_domain(header.split(sender)[1].rpartition("@")[2]).lower()
    if await aligned(resolver, author, own):
        return finding.ok(f"The course {course} is from {own}.")
    told = f"The course {course} is from {own}, for which {author} cannot sign: DMARC fails there."
    return finding.warning(told, f"Let the relay sign for {own}, or take sender: out of its course.yaml.")


async def policy(resolver: Resolver, domain: str) -> Finding:
    """The DMARC record that holds for mails from `domain`."""
    texts = await resolver.texts(f"_dmarc.{domain}")
    said = [text for text in texts if text.replace(" ", "").startswith("v=DMARC1")]
    if len(said) > 1:
        told = f"_dmarc.{domain} has {len(said)} DMARC records: receivers read none."
        return finding.error(told, "Keep one.")
    found = dmarc.policy(domain, await walk(resolver, domain))
    if found is None:
        cure = f'Publish TXT _dmarc.{domain} "v=DMARC1; p=none; rua=mailto:…@{domain}".'
        return finding.error(f"{domain} has no DMARC record, nor has a domain above it.", cure)
    where, record = found
    return await _policy(resolver, domain, where, record)


async def _policy(resolver: Resolver, domain: str, where: str, record: Tags) -> Finding:
    name, asked = f"_dmarc.{where}", _asked(domain, where, record)
    reports = dmarc.receivers(record)
    if asked not in dmarc.POLICIES:
        told = f"{name}: p={asked} is no policy" if asked else f"{name} has no p="
        cure = "Write p=none, p=quarantine or p=reject."
        if not reports:
            return finding.error(f"{told}: receivers pass over the record.", cure)
        return finding.warning(f"{told}: receivers take it for p=none.", cure)
    if not reports:
        told = f"{name}: p={asked} without rua=: nobody hears of mails that fail."
        return finding.warning(told, "Add rua=mailto:… with an address that somebody looks at.")
    if refused := [each for each in reports if not await _takes_reports(resolver, where, each)]:
        told = f"{name}: no reports come to {', '.join(refused)}, whose domain has not agreed to take them."
        outside = refused[0].rpartition("@")[2]
        cure = f'That domain must publish TXT {where}._report._dmarc.{outside} "v=DMARC1".'
        return finding.warning(told, cure)
    old = [tag for tag in dmarc.REMOVED if tag in record]
    removed = f" ({', '.join(old)}: no longer read, RFC 9989)" if old else ""
    return finding.ok(f"{name}: p={asked}, reports to {', '.join(reports)}{removed}.")


def _asked(domain: str, where: str, record: Tags) -> str:
    """What is to happen to mails from `domain`; of a record above it, sp= goes before p=."""
    own = record.get("p", "").lower()
    return own if where == domain else record.get("sp", own).lower()


async def _takes_reports(resolver: Resolver, where: str, address: str) -> bool:
    outside = address.rpartition("@")[2].lower()
    if await related(resolver, where, outside):
        return True
    texts = await resolver.texts(f"{where}._report._dmarc.{outside}")
    return any(tags_of.get("v") == "DMARC1" for tags_of in map(_tags, texts))


def _tags(text: str) -> Tags:
    try:
        return tags.read(text)
    except ValueError:
        return {}


async def names_of(resolver: Resolver, senders: Sequence[str], *, certain: bool) -> Finding:
    """Whether each address has a name that leads back to it. Not `certain`: mails may leave from others."""
    return finding.together([await _name_of(resolver, each, certain=certain) for each in senders])


async def _name_of(resolver: Resolver, address: str, *, certain: bool) -> Finding:
    bad = finding.error if certain else finding.warning
    names = await resolver.names(address)
    cure = f"Whoever gave you {address} sets its PTR: to a name of yours that has this address."
    if not names:
        return bad(f"{address} has no PTR: Gmail and others refuse its mails.", cure)
    for name in names:
        if address in await resolver.addresses(name):
            return finding.ok(f"{address} is {name}, and back.")
    return bad(f"{address} is {names[0]}, which does not lead back to it.", cure)


async def return_hosts(resolver: Resolver, domain: str) -> Finding:
    """Whether bounces and answers find their way: where the domain that mails travel from takes mail."""
    hosts = await resolver.hosts(domain)
    cure = f"Publish an MX for {domain} that leads to a mailbox or to this machine."
    if any(not host.name for host in hosts):
        told = f'{domain} takes no mail (null MX "."): bounces are lost, and some refuse our mails.'
        return finding.error(told, cure)
    if not hosts:
        if await resolver.addresses(domain):
            told = f"{domain} has no MX: bounces go to whatever answers at its address."
            return finding.warning(told, cure)
        return finding.error(f"{domain} has no MX and no address: nothing comes back.", cure)
    lost = [host.name for host in hosts if not await resolver.addresses(host.name)]
    if lost:
        told = f"MX of {domain}: {', '.join(lost)} has no address."
        return (finding.error if len(lost) == len(hosts) else finding.warning)(told, cure)
    return finding.ok(f"{domain} takes mail at {', '.join(host.name for host in hosts)}.")

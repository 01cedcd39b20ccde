"""An SPF record read as a receiver reads it (RFC 7208), to its end: what it costs, and whom it lets send."""

from ipaddress import IPv4Address, IPv6Address, ip_address

from engine.core import spf
from engine.core.spf import Record, Term
from engine.doctor import finding
from engine.doctor.finding import Finding
from engine.doctor.resolver import Resolver

_ENOUGH = 50
"""Look-ups after which a record is not read on: it costs too much anyway."""
_Address = IPv4Address | IPv6Address


class Reading:
    """One record and all that it includes. Reads on after a match, for the costliest mail is the measure."""

    def __init__(self, resolver: Resolver, address: _Address | None) -> None:
        self._resolver, self._address = resolver, address
        self.lookups = self.void = 0
        self.broken: list[str] = []
        """What makes a receiver stop with an error."""
        self.veiled = False
        """A term depends on the mail: what it matches is not known."""

    async def read(self, domain: str, above: tuple[str, ...] = ()) -> spf.Result | None:
        """What the record says of the address; None: nothing, or there is no single record to read."""
        found = spf.records(await self._resolver.texts(domain))
        if len(found) != 1:
            self.broken.append(f"{domain} has {len(found) or 'no'} SPF record{'s' if found else ''}")
            return None
        try:
            record = spf.parse(found[0])
        except ValueError as problem:
            self.broken.append(f"{domain}: {problem}")
            return None
        return await self._terms(record, domain, (*above, _plain(domain)))

    async def _terms(self, record: Record, domain: str, above: tuple[str, ...]) -> spf.Result | None:
        result: spf.Result | None = None
        for term in record.terms:
            if await self._matches(term, domain, above) and result is None:
                result = term.result
        if record.redirect and self._costs():
            gone_on = await self._other(record.redirect, above)
            result = result or gone_on
        return result

    def _costs(self) -> bool:
        """Count a look-up; False: that is enough."""
        self.lookups += 1
        return self.lookups <= _ENOUGH

    async def _matches(self, term: Term, domain: str, above: tuple[str, ...]) -> bool:
        if term.name in ("ip4", "ip6"):
            return self._address is not None and self._address in term.network
        if term.name == "all":
            return True
        if not self._costs():
            return False
        if term.is_macro or term.name == "ptr":
            self.veiled = True
            return False
        target = term.value or domain
        if term.name == "include":
            return await self._other(target, above) == "pass"
        if term.name == "mx":
            return await self._mx(term, target)
        hosts = self._seen(await self._resolver.addresses(target))
        return bool(hosts) if term.name == "exists" else self._covers(term, hosts)

    async def _other(self, domain: str, above: tuple[str, ...]) -> spf.Result | None:
        if "%" in domain:
            self.veiled = True
            return None
        if _plain(domain) in above:
            self.broken.append(f"{domain} includes itself")
            return None
        if not await self._resolver.texts(domain):
            self.void += 1
        return await self.read(domain, above)

    async def _mx(self, term: Term, domain: str) -> bool:
        hosts = self._seen(tuple(host.name for host in await self._resolver.hosts(domain) if host.name))
        if len(hosts) > spf.MOST_HOSTS:
            self.broken.append(f"mx:{domain} names {len(hosts)} hosts, {spf.MOST_HOSTS} are allowed")
        if self._address is None:
            return False
        found = [await self._resolver.addresses(host) for host in hosts[: spf.MOST_HOSTS]]
        return any(self._covers(term, each) for each in found)

    def _seen(self, found: tuple[str, ...]) -> tuple[str, ...]:
        self.void += not found
        return found

    def _covers(self, term: Term, hosts: tuple[str, ...]) -> bool:
        return self._address is not None and any(term.covers(ip_address(h), self._address) for h in hosts)


def _plain(domain: str) -> str:
    return domain.lower().rstrip(".")


async def examine(resolver: Resolver, domain: str, senders: tuple[str, ...]) -> tuple[Finding, Finding]:
    """The record of `domain`, and its look-ups; `senders`: the addresses that mails leave from, if known."""
    texts = spf.records(await resolver.texts(domain))
    if not texts:
        none = f"{domain} has no SPF record."
        cure = f'Publish TXT {domain} "v=spf1 include:… ~all", with what the relay says.'
        return finding.error(none, cure), finding.not_checked(none)
    if len(texts) > 1:
        many = f"{domain} has {len(texts)} SPF records: receivers read none."
        cure = "Make one record of them: the terms of all, one v=spf1, one ~all."
        return finding.error(many, cure), finding.not_checked(many)
    readings = [await _read(resolver, domain, ip_address(each)) for each in senders]
    readings = readings or [await _read(resolver, domain, None)]
    read = zip(readings, senders or ("",), strict=True)
    judged = [_judged(texts[0], *reading, sender) for reading, sender in read]
    return finding.together(judged), _cost(readings[0][0])


async def _read(
    resolver: Resolver, domain: str, address: _Address | None
) -> tuple[Reading, spf.Result | None]:
    reading = Reading(resolver, address)
    return reading, await reading.read(domain)


def _judged(text: str, reading: Reading, result: spf.Result | None, sender: str) -> Finding:
    if reading.broken:
        return finding.error(f"{text}: {'; '.join(reading.broken)}.", "Take out or mend what is named.")
    record = spf.parse(text)
    rest = record.terms[-1].result if record.terms and record.terms[-1].name == "all" else "neutral"
    if rest == "pass":
        return finding.error(f"{text}: everybody may send.", "End the record with ~all.")
    if sender and result != "pass":
        if reading.veiled:
            return finding.not_checked(f"{text}: what it says of {sender} depends on the mail (macros, ptr).")
        cure = f"Add ip{ip_address(sender).version}:{sender}, or the include: that the relay names."
        return finding.error(f"{text}: {sender} gets {result or 'neutral'}.", cure)
    if rest == "neutral" and not record.redirect:
        return finding.warning(f"{text}: it says nothing of strangers.", "End the record with ~all.")
    return finding.ok(f"{text} lets {sender} send." if sender else text)


def _cost(reading: Reading) -> Finding:
    counted = f"{reading.lookups} DNS look-ups ({spf.MOST_LOOKUPS} are allowed)"
    if reading.lookups > spf.MOST_LOOKUPS:
        cure = "Take out includes of services that send no more, or write networks as ip4: and ip6:."
        return finding.error(f"{counted}: receivers stop with an error.", cure)
    if reading.void > spf.MOST_VOID:
        names = f"{counted}, {reading.void} of which find nothing ({spf.MOST_VOID} are allowed)."
        return finding.error(names, "Take out the terms whose names do not exist any more.")
    return finding.ok(f"{counted}, {reading.void} void.")

r"""What mail servers say, as tables: causes in the order in which they are asked, each with its phrases.

A phrase is a regular expression for text made plain (`wordings.plain`): lower case, without accents,
addresses as `<>`, hosts as `host`, one space between words. It begins at the beginning of a word. ` ~ ` stands
for at most 60 characters of anything; words in capitals are groups of `WORDS`. What is told precisely comes
before what servers say of anything.
"""

from engine.core.feedback import Cause

WORDS = {
    "WHO": "user|recipient|mailbox|mail box|account|address|addressee|alias|person|username|rcpt|inbox|login|"
    "subscriber|local[ -]?part|email|e-mail|"
    "destinataire|adresse|utilisateur|compte|boite|empfanger|adressat|benutzer|postfach|konto|usuario|"
    "destinatario|cuenta|buzon|utente|indirizzo|casella|gebruiker",
    "GONE": "un-?known|not (be )?found|not exist|doesn't exist|do(es)? not exist|didn't exist|wasn't found|"
    "non-?existent|couldn't be found|cannot be found|can't be found|no longer (exists?|valid|available|on|here|with)|"
    "not valid|invalid|not known|not recogni[sz]ed|isn't (valid|listed|known)|not listed|not (a )?(local|provisioned)|"
    "inconnue?|introuvable|invalide|inexistante?|n'existe (pas|plus)|non valide|n'est pas (valide|repertorie|reconnu)|n'a pas (pu etre|ete) trouve\\w*|"
    "unbekannt|existiert nicht|nicht (gefunden|bekannt|vorhanden)|desconocid[oa]|no existe|no encontrad[oa]|"
    "sconosciut[oa]|inesistente|non esiste|onbekend|bestaat niet",
    "NOSUCH": "unknown|no such|invalid|non-?existent|undefined|unrecogni[sz]ed|not an?( valid| existing)?",
    "NOTALLOWED": "denied|reject\\w*|refus\\w*|prohibited|forbidden|disallowed|unauthori[sz]ed|not (be )?"
    "(allowed|permitted|accepted|authori[sz]ed|welcome)|interdite?|bloque\\w*",
    "FAIL": "fail\\w*|error|invalid|not (pass|valid|found|match|exist)|reject\\w*|denied|deny|missing|incorrect",
    "FULL": "full|over ?-?quota|exceed\\w*|out of (space|storage)|no (more )?(space|room)|pleine?|saturee?|remplie|"
    "voll|uberschritten|ueberschritten|llen[oa]|pien[oa]|vol\\b|depasse\\w*|insuffisant\\w*|at capacity",
    "OFF": "disabled|deactivated|suspended|inactive|inactivity|frozen|locked|closed|expired|terminated|dormant|"
    "cancell?ed|discontinued|desactivee?|suspendue?|fermee?|inactif|gesperrt|deaktiviert|not (been )?activ\\w*",
    "SPAM": "spam\\w*|junk|ube|uce|unsolicited|bulk mail|pourriel\\w*|indesirable",
    "MAIL": "e-?mails?|mails?|messages?|courriels?|nachricht(en)?",
    "TIME": "hour|day|minute|second|week|jour|heure|semaine|stunde|tag|time|attempt|tries",
}

STRONG: tuple[tuple[Cause, str], ...] = (
    (Cause.FILTERED, r"resolver\.rst\.(not|restrict)"),
    # Orange and La Poste number what they say.
    (Cause.SYSTEM, r"ofr\w* 505"),
    (Cause.CONNECTIONS, r"(ofr|lpn)\w* 10[34]"),
    (Cause.BLOCKED, r"(ofr|lpn)\w* (1\d\d|999)"),
    (Cause.USER_UNKNOWN, r"(ofr|lpn)\w* 41[56]"),
    (Cause.FULL, r"(ofr|lpn)\w* 417"),
    (Cause.SPAM, r"(ofr|lpn)\w* (506|51\d)"),
    (
        Cause.MALFORMED,
        r"""
        (duplicate|multiple|missing|malformed|several|more than one) (\S+ ){0,3}(header|message-id|subject line)
        (header|message-id|date)s?( header| field)? (is |are |was )?(missing|duplicat\w+|malformed|required)
        (violat\w*|not compl\w*|non-?compl\w*|not conform\w*|not meet|against|as required by) ~ rfc
        rfc ?-?\d{3,4} ~ (compl|conform|violat|malform|require)
        (bare|lone|stray|naked) (lf|cr|linefeed|newline|line feed|carriage|<lf>)
        """,
    ),
    (
        Cause.VIRUS,
        r"""
        (virus|worm|trojan|malware|phishing) (was |has been |is )?(detected|found|infected|identified)
        (contain\w*|contenant|infected (with|by)|carr\w+|because of|detected) ~ (virus|malware|trojan)\b
        infected (by|with|message|attachment|file|mail)
        (message|mail|attachment|file) (is|was|appears to be) infected
        virus[ -](infected|check|scan)
        (refus|rejet)\w* ~ virus
        """,
    ),
    (
        Cause.AUTHENTICATION,
        r"""
        dmarc\b
        dkim\b ~ (FAIL|require|check|not)
        spf\b ~ (FAIL|require|check|record|not allow)
        (fail\w*|violat\w+|not pass|rejected by|blocked by|due to) ~ (spf|dkim|sender id)\b
        (sender policy framework|openspf)
        (sender|MAIL) (is |was |has been )?(unauthenticated|not authenticated)
        (unauthenticated|not authenticated) (sender|MAIL)
        (domain|sender|message|it) (does not|doesn't|did not|didn't) (meet|pass|satisfy) ~ authentication
        (sender|domain|MAIL) authentication (check|fail|require|level|result)
        not (allowed|authori[sz]ed|permitted|designated) to send (MAIL)? ?(\S+ )?(from|for|on behalf|as)\b
        not (a )?(permitted|designated|authori[sz]ed) (sender|mailer|sending host)
        spoof(ed|ing)
        """,
    ),
    (
        Cause.NO_PTR,
        r"""
        (rdns|ptr|fcrdns)\b
        reverse[ -]?(dns|lookup|host ?name|record|name|resolution|map|ip)
        (find|resolve|verify|look ?up|determine) (your|the client'?s?|client) (host ?name|name)
        unresolvable (client|relay|host|ip|rdns)
        unverif\w+ sending ip
        ip (name|address) lookup failed
        (client|connecting|sending|remote) (host|hostname|ip|server|name) ~ not be (resolved|verified|looked up)
        forward[- ]confirmed
        resolution inverse
        """,
    ),
    (
        Cause.REPUTATION,
        r"""
        (bad|poor|low|negative|insufficient|questionable|untrusted) (\w+ )?(reputation|standing)
        reputation ~ (bad|poor|low|below|problem|reject|block|fail|lack|score)
        (reject|block|refus|defer|denied|due to|because|based on)\w* ~ reputation
        mauvaise reputation
        """,
    ),
    (Cause.CONTENT, r"headers? (is |are )?too (large|long|many)"),
    (Cause.BLOCKED, r"relay quota"),
    (
        Cause.TOO_BIG,
        r"""
        (MAIL|data|body|attachment|content|file)('s)?( size| length)? (is |was |are )?(too|exceed\w*|larger|over)( the)? ~ (big|large|long|maximum|max\b|limit|size)
        (message|mail) size ~ (exceed|limit|too|over|larger)
        (exceed\w*|over|larger than|greater than|above) ~ (message|mail|maximum|size) (size|length|limit)
        exceeds size limit
        size (limit|restriction) (of ~ )?exceeded
        too (big|large)\b
        line (limit|length) exceed
        (taille|poids) ~ (depasse|superieur|maxim|trop|limite)
        (trop|est trop) (gros|volumineux|lourd)
        zu gro(ss|ß)
        sizelimit
        """,
    ),
    (
        Cause.RELAYING,
        r"""
        relay\w* ~ (denied|not allowed|not permitted|prohibited|disallowed|rejected|refused|forbidden|not accepted)
        (unable|not able|not (allowed|permitted|authori[sz]ed)|won't|will not|do(es)? not|doesn't|no) (to |we )?relay
        (insecure|unauthori[sz]ed|attempt to|open|third[- ]party|be an open|illegal) ((mail|an|to) )?relay
        (not|isn't|none of) (\S+ ){0,4}(list of allowed rcpthosts|rcpthosts|a local domain)
        (this|the) (server|system|host|domain) (does not|doesn't|is not configured to|cannot) (relay|handle mail)
        we do not (relay|handle|host) ~ (domain|mail)
        authentication ~ (when attempting to send to a non-local|relay)
        (relayage|relais) (refuse|interdit|non)
        """,
    ),
    (
        Cause.FULL,
        r"""
        (WHO|mailfolder|maildrop|maildir|quota|storage|spool|message store|bandeja)('?s)?( \S+){0,8} (FULL)
        (over|exceed\w*|out of|beyond|above|not enough|insufficient(?! system)|reached|depass\w+) ~ (quota|storage|mailbox)\b
        (quota|storage|disk space|mailbox (size|limit|capacity)|capacite) ~ (exceed|reached|violat|FULL|atteint)
        (not enough|insufficient|no|out of) (storage |disk |mailbox )?space (for|in|left|on) ~ (WHO|mail)
        over ?-?quota
        quota ?exceeded
        mailbox ?full
        too (many|much) (messages?|mail|data) (in|on|stored) ~ (WHO|disk)
        espace ~ (boite|destinataire) ~ (FULL)
        (boite|capacite) ~ (FULL)
        """,
    ),
    (
        Cause.SENDER,
        r"""
        not (a )?(subscriber|members?) (of|to|\()
        are not member
        mailing-list-link
        permission to post
        unroutable sender
        invalid dns mx
        (emetteur|expediteur|d'envoi) ~ (invalide|inaccessible|inconnu|refuse|incorrect|rejete|interdit)
        (sender|mail ?from|return-?path|envelope[ -]?from|originator|reverse-?path)( address| domain)?( <>| host)?:? (is |was |has been |does |cannot be |could not be )*(NOTALLOWED|GONE|verif\w+|bad|unverif\w+)
        (domain|host) (of|for|in) (the )?(sender|from|mail from|envelope|return)
        (sender|from|return|envelope) (e-?mail )?(address|domain) ~ (GONE|cannot|FAIL|verif|refus|block|unresolv)
        (bad|invalid|unknown|unresolvable|illegal|malformed|unverif\w+|fake|forged|rejected) (envelope |return |reverse )?(sender|from|return-?path)
        sender (verify|verification|callback|callout) (fail|error|timeout|in progress)
        (null|empty|void) (sender|reverse|envelope|return)
        (verify|resolve|find|check)( the| your)? (sender|from address|return)
        """,
    ),
    (
        Cause.HOST_UNKNOWN,
        r"""
        nxdomain
        null ?mx
        (host|domain|hostname|server name|destination|site)( or domain)?( name)? (is |was |does |has been )?(GONE|illegal|unroutable)(?!.{0,20}try again)
        (NOSUCH|unresolvable|unroutable|unrouteable|bad|illegal) (destination |remote |mail |recipient |recipient's )?(host|domain|hostname|mail server)\b
        (host|domain) ~ (does not|doesn't|n'|not) (exist|resolve|accept (any )?(MAIL)|receive (MAIL)|have an? mx)
        domain ~ (GONE)
        (no|find|any|without|missing|lacks?) (an? |valid |any |usable |working )*(mx|mail exchangers?|mx records?|a records?|a or mx|mx or a|mail servers?|address records?|ip address)\b
        (find|locate) any host
        mx records? ~ non-?existent
        (no|not) (such|a valid) (domain|host)
        name service error ~ (not found|type=mx|malformed)(?!.{0,30}try again)
        dns ~ (does not exist|not exist|name error|domain not found|no such domain)
        (bad|malformed) destination (system|host)
        authoritative answer from name server
        indicated no smtp service
        never accepts mail
        """,
    ),
    (
        Cause.MOVED,
        r"""
        (WHO|he|she) (has|have) (been )?(moved|replaced|migrated)
        has (moved|changed) (to|permanently|his|her|their|e-?mail|address)
        (has been|was) replaced by
        (new|nouvelle) (e-?mail )?(address|adresse) (is|est)
        changement d'adresse
        not our customer
        """,
    ),
    (
        Cause.DISABLED,
        r"""
        (WHO|customer|maildrop)('s)?( \S+){0,5}? (is|was|has been|are|were|being|currently|est|temporarily|a ete|ist) ?(\w+ )?(OFF|blocked due to)
        (OFF) (WHO|customer|by administrator|or suspended)
        (WHO|customer) (OFF)
        not (an )?active (WHO|customer)
        (no longer|not currently|is not) (an? )?active
        (compte|boite|adresse(?! ip)) ~ (OFF|bloque)
        has not logged in
        """,
    ),
    (
        Cause.USER_UNKNOWN,
        r"""
        (WHO)s?( name| address| account)? ?(<>)?( \S{1,40})?:? ?(is |was |does |has been |are |seems |appears )*(GONE|undeliverable as addressed|no such|not our|not here)
        (WHO)\b ~ (GONE)
        (NOSUCH|no|incorrect|wrong|bad|illegal) (local |e-?mail |mail |destination |valid |final |such |or |envelope |remote |internal |virtual )*(user|recipient|mailbox|mailboxes|account|addressee|alias|person|username|inbox|rcpt|subscriber|local[ -]?part)\b(?!.{0,12}(limit|quota|size))
        (unknown|no such|invalid|non-?existent|undeliverable) (destination |recipient |recipient's |mail |rcpt )?(address|e-?mail|email address)
        no (mailbox|account|user|one|person|inbox) ~ (name|with that|here|at (this|that)|currently)
        (like|have|exist|recogni[sz]e|know|match) (\w+ ){0,4}(recipient|user|mailbox|account|address) (here|at|by)
        (have|has) an? \S+ account
        (aucune?|pas d') ?(utilisateur|destinataire|boite|compte|adresse)
        (kein|keine) (solcher |solches )?(benutzer|empfanger|postfach)
        (user|recipient|address|account) unknown
        not in my validrcptto
        not (listed|found) in (\S+ ){0,4}(directory|address book|ldap|alias|database)
        resolver\.adr
        mailbox unavailable or access denied
        unknown name
        verification failed for <>
        (find|locate|validate|verify|recogni[sz]e)( the| a| your| this)? ?(recipient|user|mailbox|account|e-?mail address)
        check (if|that|the)? ?(the )?(e-?mail )?address(es)? ~ (correct|misspell|typo)
        (account|user|mailbox)( has been| was)? (removed|deleted)
        no longer (works|employed|with|at)
        (address|recipient) verification failed
        verif\w+ failed for recipient
        (unroutable|unrouteable) address
        bad destination (mailbox|e-?mail) address
        address rejected\.? ?(<>)?$
        recipient address rejected: access denied
        """,
    ),
    (
        Cause.CONNECTIONS,
        r"""
        too many (recipients?|rcpt|destinations|addressees)
        (recipient|rcpt)s? (limit|count|number) ~ (exceed|reached|over|too)
        (exceed\w*|reached|over) ~ (number of|maximum|limit of|max) ?(\w+ )?(recipient|rcpt)
        too many (concurrent |simultaneous |open |current |smtp |parallel |incoming )*(connection|session|ssl|channel)
        (maximum|max|limit|number|exceed\w*) ~ (connection|session)s?\b ~ (exceed|reach|from|limit|allowed|per)
        (connection|session)s? (limit|rate|count|frequency)
        (concurrent|simultaneous) connection
        trop de connexion
        """,
    ),
    (
        Cause.SPEED,
        r"""
        gr[ae]y-?list
        (rate|too) ?-? ?(limit\w*|fast|quick\w*|frequent\w*)
        (exceed\w*|reached|over|too many|hit) ~ (rate|(messages?|mails?) per|per (hour|day|minute|second)|sending limit)
        (rate|frequency|throughput|volume|speed) ~ (exceed|too high|higher|excess|unusual)
        excessive (rate|volume)
        frequency limit
        unusual (rate|volume|sending|amount)
        throttl
        slow (it |this |your \w+ )?down
        (too|so) many (MAIL|deliver\w+) ~ (from|per|sender|hour|minute|recently|sent)
        """,
    ),
    (
        Cause.SPAM,
        r"""
        (considere\w*|identified|detected|classified|flagged|marked|tagged|looks?|appears?|seems?|scored?|treated|suspected|likely|rejected) ~ (SPAM)\b
        (SPAM) ~ (detect|reject|not accept|refus|found|score|filter|content|message|suspect|block|firewall|denied)
        (MAIL|content|it)( \w+){0,4} (is|was|as|contains|for|est|due to|like|du|probable|likely)( ?\w+){0,2} (SPAM)
        (block|reject|refus|filter|denied)\w* ~ (as|for|by|due to|because of|contain\w*) ~ (SPAM)\b
        anti-?spam
        message content rejected
        """,
    ),
    (
        Cause.CONTENT,
        r"""
        8[ -]?bit (data|char)
        (attachment|file ?(type|name|extension)|extension|executable|macro|archive|zip|its content|message body)s?\b ~ (NOTALLOWED|block|restrict|banned|illegal|suspicious|encrypt|inappropriate|not accept|security issue)
        (blocked|prohibited|banned|forbidden|illegal|unacceptable|suspicious|dangerous|inappropriate) (\w+ )?(attachment|file|content|extension|url|link|body|word)
        (8[ -]?bit|non-?ascii|character set|charset|encoding|mime|nested|multipart|smtputf8) ~ (NOTALLOWED|error|invalid|malform|unsupported|too (deep|many)|not support)
        (mime|message|format|media|conversion) (error|is malformed|malformed|format (is )?(not|invalid)|parsing)
        contenu ~ (NOTALLOWED|rejete)
        """,
    ),
    (
        Cause.BLOCKED,
        r"""
        (ip|client|host|server|network|sender|domain|connection|site|you|system|MAIL|it)s?\b( address)?( \S+){0,4} (is |are |was |were |has been |have been )*(block\w*|black-?list\w*|banned|listed|barred)\b
        (block|black|deny)[ -]?list
        banned
        (listed|found|appears?|present) (in|on|by|at) (the |a |an |our )*(\S+ )?(dnsbl|rbl|sbl|xbl|pbl|blackhole)
        block\w* (using|by|due|for|because|from|at|via|see|-|list|since|mail|this|your|per)
        (dnsbl|rbl)\b
        (client( host)?|(your|sending|sender) (host|server|network|ip)|ip|hostname)\b ~ (NOTALLOWED)
        (access|mails?|service|MAIL) (is |was |has been )?(NOTALLOWED)( \w+){0,3} (from|for|ip|client|host)
        connections? (is |was |has been )?(denied|rejected|not accepted|not allowed|forbidden|prohibited|dropped by|refused by (policy|your|the))
        (not|n't) (accept|allow|permit|want|take|accepting|allowed)( \w+){0,3} (MAIL|connections?|smtp)? ?from
        (refus\w+|reject\w*|deny|denied|decline\w*) ~ (your (ip|host|domain|network|server|mail)|from your|from this|dynamic|residential)
        (dynamic|dial-?up|residential|dsl|home|generic) (ip|address|host|range|pool|client|user|line)
        service (is )?(refused|denied|rejected|unavailable[;,:]? (client|host|blocked|your))
        (service|acces|connexion) (est )?refusee?
        adresse ip ~ (bloque|refus|list)
        (temporarily )?deferred due to
        (user|recipient|member) complaints
        weren't sent
        use the (smtp|mail) (server|relay|gateway) of your (isp|provider)
        my name was rejected
        ^5\d\d .{0,40}not accepting connections
        (contact|call) (your )?(internet service provider|isp) ~ (network|block)
        (bad|invalid|suspicious|untrusted) (ip|host|client|connection|helo|server)
        (helo|ehlo) ~ (reject|denied|refus|bad|forbidden|not allowed|invalid|mismatch)
        will not accept delivery
        blocked senders
        too many (bad|spams?|invalid|unknown|errors|failed|rejected)
        """,
    ),
    (
        Cause.LIMIT,
        r"""
        (recipient|user|account|mailbox|person)\b ~ (receiv\w+|getting) ~ (too|rate|limit|many)
        (daily|hourly|message|mail|receiving|delivery|inbound) ?(MAIL)? ?(limit|quota) ~ (exceed|reach|WHO)
        """,
    ),
    (
        Cause.TLS,
        r"""
        (starttls|tls|ssl|encryption|certificate|cipher|handshake)\b ~ (required|FAIL|not (available|supported|offered|trusted)|must|need|unable|expired|cannot|mandatory)
        (must|need|require[sd]?|issue a|could not|failed|unable|negotiat\w*) (\w+ ){0,4}(starttls|tls|ssl)\b
        (dane|mta-sts|tlsa)\b
        """,
    ),
    (
        Cause.SECURITY,
        r"""
        (authentication|authentification|auth|login|password|credentials?|sasl) (is |are |was |has |must be )*(required|FAIL|needed|unsuccessful|requise)
        (must|need to|have to|please) (be )?(first )?(authenticate|log ?in|check (for )?(your )?(new )?mail)
        (insufficient|no|lack of|not (have|enough)) (permission|privilege|right|authori[sz]ation)
        (not|n't) (have )?(authori[sz]ed|permission|privileges?) to
        security (problem|violation|reason|issue|polic\w+|check|failure)
        """,
    ),
    (
        Cause.FILTERED,
        r"""
        (recipient|user|addressee|person|member|customer|owner|mailbox|he|she)(?! (mail )?(server|system|domain|host)) (has |have |is |was |does |do |did )*(refus(es|ing)|rejects|not (accept|accepting|wish|want|allow)|blocked|declined?|restrict\w*|chosen|only accept\w*) ~ (MAIL|you|senders?|from|deliver|receive)
        (because of|due to|based on|by) (the |a )?(recipient|user|addressee|owner|personal|account|mailbox)('?s)? ~ (filter|setting|preference|rule|block|whitelist)
        (recipient|user|mailbox) (\w+ )?(filter|whitelist|allow-?list)
        (white-?list|allowed senders|safe list)
        delivery (is )?(restricted|not authori[sz]ed|not permitted)
        """,
    ),
    (
        Cause.SYSTEM_FULL,
        r"""
        (insufficient|not enough|no|out of|low on|lack of) (system |disk |free |server )*(storage|space|resources|memory)
        (mail system|system|disk|file ?system|server|queue|spool|partition) (is )?full
        (espace|disque) ~ (insuffisant|plein|sature)
        """,
    ),
    (
        Cause.MAILER,
        r"""
        (command|program|process|pipe|filter|mailer|procmail|maildrop|script|agent) (\S+ )?(died|exited|fail\w*|crashed|returned|output|terminated|error|status)
        (died|exited|killed|terminated) (with |by |on )?(status|signal|code|unknown)
        (unknown|local) mailer error
        mailer (error|returned)
        exit (code|status)
        pipe to (\||the)
        (create|open|write|execute|lock|run|chdir|append|rename) (\S+ )?(output|user|mailbox|lock|command|home|maildir|program|directory|spool|mail ?file)
        no such file or directory
        """,
    ),
    (
        Cause.EXPIRED,
        r"""
        (MAIL|envelope|delivery|queue|retry|time|it)( \w+)? (has |have |is |was |time |timer |lifetime |limit )*(expired|timed? ?out|time-?out exceeded|exceeded)
        (queue|retry|delivery) ?(life)?time ?(out|limit)? (exceed\w*|expired|for|reached|not reached)
        (too long|long time|been) (in|on) (the |our )?(mail |delivery )?queue
        (unable|could not|couldn't|cannot|can't|not been|failed|not be) ~ (deliver|send|sent|reach)\w* ~ (for|after|within|in|past|over|more than|last) ~ [\d.]+ ?(TIME)
        (after|for|within) (the last |more than |about |over )?[\d.]+ ?(TIME)
        (aborted|failed|failing|trying|undeliver\w+|tried|queued|not delivered|delayed) ~ [\d.]+ ?(TIME)
        (giving up|given up|abandon)
        been failing for (a|too) long
        (all hosts|retry time|retry timeout|retries?) ~ (fail|exceed|not reached|exhaust)
        (maximum|max|too many|multiple) (number of )?(delivery |re-?)?(attempts|retries|tries)
        could not find a gateway
        (delivery|MAIL) ~ (delayed|deferred|still being retried|not yet been delivered|will be retried)
        delai ~ (depasse|expire)
        """,
    ),
    (
        Cause.NETWORK,
        r"""
        accept (our|any|the|your)? ?(requests to )?connect
        (connection|connect|session|transfer|conversation|connexion|socket|network|host|tcp|server|smtp|dns|read|write)s?( \S+){0,4} (was |is |has |been |not |to \S+ |with \S+ |by \S+ |from \S+ |unexpectedly )*(timed? ?-?out|refused|reset|lost|dropped|closed|fail\w*|aborted|broken|unreachable|not (respond\w*|reachable|available)|unavailable|down|interrupt\w*|impossible|perdue|refusee|expire\w*)
        (lost|broken|timed? ?-?out|timeout|reset|closed|dropped|failed|refused|unable|couldn't|could not|cannot|can't|able|no|bad) (\w+ ){0,4}(connection|connect|session|handshake|greeting|socket|route|response|answer|contact|reach)
        (network|host|destination|server|domain)s?( \w+)? (is |was |are )?(unreachable|not reach\w*|down|not respond\w*|injoignable|inaccessible)
        no (route|answer|response|path|connection)
        timed? ?-?out
        (too many hops|hop count|loop(s|ing)? (back|detected|error|to)|mail (forwarding )?loop|routing loop|trop de sauts)
        (dns|name ?server|name service|host ?name|resolv\w+)( \w+){0,3} (fail\w*|error|problem|temporar\w*|servfail|try again|unavailable)
        (try again|again later|retry later|essayer plus tard|reessayer)
        servfail
        points? to local ?host
        lookup did not complete
        host ~ not found,? try again
        (server|host|smtp|mx|exchanger|destination) (did not|didn't|does not|doesn't|won't) (respond|answer|reply)
        """,
    ),
    (
        Cause.SYNTAX,
        r"""
        syntax error
        (command|parameter|argument|verb)s?( \S+)? (is |was )?(not (recogni[sz]ed|implemented|supported|understood)|unknown|unrecogni[sz]ed|unimplemented|out of|invalid)
        (unrecogni[sz]ed|unknown|bad|invalid|improper|unsupported|unimplemented) (smtp )?(command|parameter|argument|sequence|verb)
        malformed (recipient )?address
        (nested|missing|unbalanced) (mail|rcpt|bracket|angle|quote)
        need (rcpt|mail|helo|ehlo)
        (helo|ehlo) (command )?(first|required)
        """,
    ),
    (
        Cause.POLICY,
        r"""
        (polic(y|ies)|politique)\b
        (provider|server) rejected (it|your)
        (administrat\w+) (prohibit\w*|denied|block\w*|reject\w*|refus\w*)
        (MAIL|transaction|delivery|submission|content|mail content)s? (is |was |has been |were )*(NOTALLOWED|rejete|filtered)
        (not (allowed|permitted|authori[sz]ed)|prohibit|forbid|access denied)
        (protocol|rules?|terms) violation
        (rejected|refused|denied|blocked) (by|because of) (the )?(filter|rule|gateway|firewall|milter|access)
        """,
    ),
    (
        Cause.SYSTEM,
        r"""
        (internal|system|server|software|configuration|local|temporary|backend|database|ldap|lookup|transient|unexpected|technical|general|processing|queue|resource|protocol)( \w+)? (error|failure|problem|fault|exception|trouble|probleme|misconfig\w*|lookup failed|outage|overload\w*|busy)
        (error|failure|problem|erreur|probleme) (in|while|during|processing|interne|technique|systeme|temporaire|occurred|returned)
        (service|system|server|resource|host)( \w+)? (is |are )?(currently |temporarily |momentanement )*(busy|overloaded|shutting down|down|indisponible|offline|not (ready|operational))
        (temporarily|currently|momentanement) (unavailable|unable|out of|down|suspended|indisponible|deferred|rejected)
        (load|cpu|memory|resources?|disk)( \w+)? (is )?(too high|high|unavailable|problem|limit)
        (unable|failed|could not|couldn't|cannot|can't|impossible) (to )?(load|process|read|write|lookup|look up|open|queue|create|access|complete|store|save|append|determine|retrieve)
        (alias|forward\w*|redirect\w*) (expansion )?loop
        """,
    ),
)

WEAK: tuple[tuple[Cause, str], ...] = (
    (Cause.HOST_UNKNOWN, r"not accept(ing)? (any )?(network messages|MAIL)"),
    (
        Cause.USER_UNKNOWN,
        r"""
        (recipient|rcpt|destination|user|mailbox|addressee)( address| name| <>)?( <>)? ?(is |was |has been )*(NOTALLOWED|unacceptable|undeliverable|unavailable|rejete\w*|bad)
        (rejected|refused|denied|bad|undeliverable|unacceptable) (the |this |your )?(recipient|rcpt|address|user|mailbox)
        like recipient
        (address|adresse) (rejected|refusee?|rejetee?|refused|error|denied)
        (WHO) (is |was |currently |temporarily )?(un|not )available
        """,
    ),
    (
        Cause.SYSTEM,
        r"""
        action (not taken|aborted)
        (service|system|server|host) (is )?(currently |temporarily )?(unavailable|not available)
        """,
    ),
)

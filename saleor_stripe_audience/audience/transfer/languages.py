"""What files say for yes, no, subscribed, unsubscribed and undeliverable, by language.

Spreadsheets show TRUE and FALSE in their user's language, and save them in CSV files in this way: a Spanish Excel turns
`false` into `FALSO`. The texts are separated by commas; how they are compared: `meanings.plain_value`.
"""

import unicodedata
from typing import NamedTuple

_PIECE = 100  # characters that are normalized at once: a long run of accents takes quadratic time


def without_accents(text: str) -> str:
    """Return the text without accents, to compare it."""
    if text.isascii():
        return text
    pieces = (text[start : start + _PIECE] for start in range(0, len(text), _PIECE))
    plain = (unicodedata.normalize("NFKD", piece) for piece in pieces)
    return "".join(each for piece in plain for each in piece if not unicodedata.combining(each))


class Language(NamedTuple):
    """The texts of one language: what values say, and what the names of columns speak of.

    `confirmed` says yes to whatever its column asks. `not_subscribed` also has texts for subscriptions that were not
    confirmed. `ended` means unsubscribed in a column about emails or consent, but may mean something else in another
    column. `negations` reverse the text after them, and `ordinary` says nothing about emails.

    In the words of names, `*` stands for any letters; what they do: `headers`. `consent`, `newsletter`,
    `subscribed_name`, `marketing`, `mail`, `subscribing` and `reaching` are topics, the last three only beside other
    words. `permitting` makes mail and marketing something that a person agreed to; `standing` needs no topic.
    `negating` stands before its topic, `refusing` and `barring` stand anywhere, and `leaving` and `ending` need no
    topic.
    """

    yes: str = ""
    no: str = ""
    subscribed: str = ""
    confirmed: str = ""
    not_subscribed: str = ""
    unsubscribed: str = ""
    ended: str = ""
    bounced: str = ""
    unclear: str = ""  # not certainly a withdrawal, but no subscription either
    negations: str = ""
    ordinary: str = ""

    consent: str = ""
    newsletter: str = ""
    subscribed_name: str = ""
    marketing: str = ""
    mail: str = ""
    subscribing: str = ""
    reaching: str = ""
    permitting: str = ""
    standing: str = ""
    active: str = ""  # a standing that an account may have
    negating: str = ""
    refusing: str = ""
    barring: str = ""
    leaving: str = ""
    ending: str = ""
    bouncing: str = ""
    status: str = ""
    reason: str = ""
    channel: str = ""
    thing: str = ""  # what a column is about that is not about emails
    small: str = ""  # words that change nothing


ENGLISH = Language(
    yes="true, yes, y, t, 1, on, \\x01",  # the last as Python writes a bit of a database
    no="false, no, n, f, 0, off, \\x00",
    subscribed=(
        "subscribed, resubscribed, still subscribed, opted in, opt in, optin, single opt in, "
        "double opt in, single optin, double optin, confirmed opt in"
    ),
    confirmed="given, confirmed, granted, accepted, agreed, allowed, consented, ok, okay",
    not_subscribed=(
        "pending, pending confirmation, awaiting confirmation, unconfirmed, not confirmed, not activated, "
        "unactivated, nonsubscribed, non subscribed, not subscribed, never subscribed, not opted in, "
        "no permissions set, no permission, no consent, non marketing contact, not marketable, "
        "non marketable, expired, lapsed, not asked, never asked, not set, not specified, not provided, "
        "not applicable, unspecified, unasked, no answer, no response, missing, incomplete, awaiting, "
        "waiting, not interested, disallowed, not eligible"
    ),
    unsubscribed=(
        "withdrawn, unsubscribed, unsubscribe, opted out, opt out, optout, blocklisted, blacklisted, "
        "unsub, unsubbed"
    ),
    ended=(
        "suppressed, global suppressed, globalsuppressed, manual suppression, manualsuppression, revoked, "
        "complained, isp complained, complaint, complaints, spam complaint, spamcomplaint, spam, "
        "marked as spam, reported as spam, reported spam, junk, abuse, abused, unsubscribed from all, "
        "opted out of all, cancelled, canceled, removed, declined, denied, refused, rejected, objected, "
        "blocked, banned, do not contact, do not email, do not mail, do not send, do not market, dnc, "
        "stopped, stop, excluded"
    ),
    bounced=(
        "cleaned, bounce, bounced, bouncing, hard, hard bounce, hard bounced, hardbounce, hardbounced, "
        "undeliverable, undelivered, invalid, invalid email, unreachable"
    ),
    negations="not, never, no, non, isn't, not yet",
    ordinary=(
        "active, enabled, registered, verified, valid, deliverable, reachable, available, new, customer, "
        "buyer, guest, lead, prospect, contact, marketing contact, member, user, free, paid, regular, "
        "premium, subscriber, invited, archived, express, explicit, implied, implicit, sent, delivered, "
        "opened, clicked, email, emails, all"
    ),
    consent="opt in, opts in, opted in, optin*, *consent*, permission",
    newsletter="*newsletter*, news letter, news letters, ezine, enews, e news",
    subscribed_name="subscribed, subscribe, subscribes, subscription, is subscriber",
    marketing=(
        "marketing, promo, promos, promotion, promotions, promotional, advert*, ads, offers, news, "
        "updates, campaigns, mailing list, mailinglist, mail list"
    ),
    mail="*mail*, email address, email addresses",
    subscribing="*subscri*",
    reaching="contact, contacted, contacting, send, sending, sends, market",
    permitting=(
        "accept, accepts, accepted, allow, allows, allowed, agree, agrees, agreed, receive, receives, "
        "receiving, want, wants, wishe*, ok, okay, can, may, permit, permits, permitted, approve*, "
        "authori*, enabled, interested, eligible"
    ),
    active="active",
    standing=(
        "confirmed, deliverable, contactable, mailable, emailable, marketable, valid, gdpr, permission, "
        "permissions"
    ),
    negating="no, not, non, never, without, no longer, no more",
    refusing=(
        "declin*, refus*, reject*, denied, deny, denies, object to, objects, objects to, objected, "
        "objecting, objection*, oppos*, revok*, withdr*, complain*, spam, dont, do not, does not, "
        "did not agree, did not consent"
    ),
    barring=(
        "off, stop, stopped, stopping, exclude*, exclusion, excluding, block, blocks, blocked, blocking, "
        "ban, banned, spam, abuse, complaint, complaints, invalid, disabled, deactivated, inactive, "
        "unconfirmed, uncontactable, unreachable, unmarketable, dnc, removed, cancelled, canceled, "
        "cancellation, uninterested, disallow*, barred, pending, prohibit*, forbid*, objection*, objected, "
        "declined, refused"
    ),
    leaving=(
        "opt out, opts out, opted out, opting out, *optout*, *optedout*, unsubscri*, unsub, unsubs, "
        "unsubbed, do not email*, does not email*, dont email*, email disabled, emails disabled, "
        "left list, left mailing list, left the list, list left"
    ),
    ending=(
        "*suppress*, *blacklist*, *blaclist*, black list, *blocklist*, block list, withdrawn, "
        "withdrew consent, consent withdraw*, revoked, complained, spam complain*, email complain*, "
        "abuse complain*, complaint at, complaint date, complaint time, marked spam, marked as junk, "
        "marked as spam, reported spam, reported as spam, flagged spam, flagged as spam, "
        "marked email as spam, marked emails as spam, spam report*, do not contact*, does not contact, "
        "dont contact, do not send, robinson list"
    ),
    bouncing=(
        "*bounce, *bounced, *undeliverable*, invalid *mail, invalid email address, email is invalid, "
        "email invalid"
    ),
    status="*status*, state",
    reason=(
        "reason, reasons, why, feedback, comment, comments, source, campaign, method, message, category, "
        "title, details, type, by, via"
    ),
    channel=(
        "sms, mms, fax, phone, call, calls, text, texts, whatsapp, viber, push, mobile, postal, post, "
        "telephone, notification, notifications"
    ),
    thing=(
        "note, notes, comment, comments, remark, remarks, description, name, company, organisation, "
        "organization, city, town, address, street, region, province, county, country, zip, tag, tags, "
        "label, labels, title, subject, message, product, products, item, items, order, orders, payment, "
        "payments, card, shipping, delivery, shipment, fulfilment, fulfillment, invoice, billing, plan, "
        "lead, deal, ticket, task, project, job, event, appointment, booking, reservation, application, "
        "loan, loyalty, marital, tax, vip, quote, return, returns, refund, website, url, language, gender, "
        "birthday, account, login, kyc, warranty, claim, insurance, visa, membership, trial, stripe, "
        "purchase, contract, source, medium, utm, segment, stage, lifecycle, pipeline, opportunity, risk, "
        "fraud, credit, licence, license"
    ),
    small=(
        "is, has, have, was, are, be, been, the, a, an, of, to, from, for, in, on, my, our, us, their, "
        "and, or, by, with, me, date, time, at, flag, value, custom, customer, contact, user, person, "
        "people, member, recipient, account, profile, client, subscriber, subscribers, field, yes, more, "
        "via, future, any, all, marked, as, has, hs, special, doi, art, article, artikel, other, primary, "
        "home, work, global, this, list, lists, information"
    ),
    unclear=(
        "inactive, paused, on hold, held, hold, sleeping, dormant, deleted, unverified, to be confirmed, "
        "disabled, deactivated, suspended, quit, former, churned, ex subscriber, blacklist, locked"
    ),
)
FRENCH = Language(
    yes="oui, vrai",
    no="non, faux",
    subscribed="abonné, abonnée, inscrit, inscrite",
    confirmed="confirmé, confirmée, accepté, acceptée, accordé, d'accord",
    not_subscribed=(
        "non abonné, non inscrit, non confirmé, en attente, en attente de confirmation, expiré, "
        "non demandé, non renseigné"
    ),
    unsubscribed="désabonné, désabonnée, désinscrit, désinscrite",
    ended=(
        "refusé, refusée, bloqué, bloquée, annulé, annulée, désinscription, désabonnement, résilié, "
        "résiliée, supprimé, supprimée, opposé, opposée, opposition, exclu, exclue, plainte, liste noire, "
        "retiré, révoqué, ne pas contacter"
    ),
    bounced="nettoyé, non distribuable, invalide, rebond, injoignable",
    negations="pas, jamais, non",
    ordinary="actif, active, client, cliente, valide, nouveau, membre",
    consent="consentement*, accord",
    newsletter="infolettre*, lettre d information*, lettre info, lettre infos, lettres d information",
    subscribed_name="abonne, abonnee, inscrit, inscrite",
    subscribing="*abonn*, *inscri*",
    marketing=(
        "publicit*, offres, promotions, actualites, prospection, demarchage, sollicitation*, commerciales, "
        "pub, pubs"
    ),
    mail="*courriel*",
    reaching="envoyer, contacter, ecrire, solliciter",
    permitting="accepte*, autoris*, recevoir, recoit, souhait*, veut, d accord",
    standing="confirme, confirmee, valide, joignable, rgpd",
    active="actif, active",
    negating="pas, ne pas, ne plus, sans, jamais, aucun, aucune, ne, plus de",
    refusing="refus*, oppos*, retrait, retir*, revoc*, revoqu*",
    barring=(
        "stop, refus*, opposition, oppose, opposee, bloque*, exclu, exclus, exclue, desactive*, annule*, "
        "resilie*, plainte*, invalide"
    ),
    leaving="*desabonn*, *desinscri*",
    ending="liste noire, liste robinson",
    bouncing="non distribuable, rebond",
    status="*statut*, etat",
    reason="raison, motif, commentaire",
    channel="courrier, appel, appels, appeler, telephonique",
    thing=(
        "remarque, remarques, commentaire, nom, prenom, ville, adresse, rue, societe, entreprise, "
        "commande, paiement, livraison, etiquettes"
    ),
    small=(
        "le, la, les, de, des, du, d, l, un, une, pour, aux, au, en, par, est, nos, vos, et, moi, e, "
        "client, adresse, speciales, mes"
    ),
    unclear="inactif, inactive, en pause, désactivé, désactivée, suspendu, parti, quitté",
)
GERMAN = Language(
    yes="ja, j, wahr",
    no="nein, falsch",
    subscribed="abonniert, angemeldet, eingetragen",
    confirmed="bestätigt, erteilt, zugestimmt, akzeptiert, eingewilligt, erlaubt",
    not_subscribed=(
        "nicht abonniert, nicht bestätigt, unbestätigt, ausstehend, nicht angemeldet, nicht erteilt, "
        "nicht gefragt, abgelaufen, offen, wartend, wartet"
    ),
    unsubscribed="abgemeldet, abbestellt, widerrufen",
    ended=(
        "ausgetragen, abgelehnt, gesperrt, gekündigt, widersprochen, widerspruch, gelöscht, storniert, "
        "blockiert, verweigert, zurückgezogen, beschwerde, nicht kontaktieren, keine werbung, "
        "ausgeschlossen"
    ),
    bounced="bereinigt, unzustellbar, ungültig, nicht zustellbar",
    negations="nicht, nie, noch nicht",
    ordinary="aktiv, kunde, kundin, gültig, neu, mitglied, zustellbar",
    consent="*einwilligung*, *zustimmung*, *einverstand*",
    newsletter="*rundbrief*, *rundmail*",
    subscribed_name="abonniert",
    subscribing="*anmelde*, angemeldet",
    marketing="werbung, werbe*, *werbung, angebote, aktionen, aktionsangebote",
    reaching="kontakt*, anschreiben, schreiben, senden, zusenden, versand",
    permitting=(
        "erlaub*, darf, erhalten, erhalt, empfang*, erwunscht, akzeptier*, zugestimmt, mochte, wunscht, will"
    ),
    standing="bestatigt, zustellbar, gultig, kontaktierbar, dsgvo",
    active="aktiv",
    negating="kein, keine, keinen, keiner, keinerlei, nicht, nie, ohne, nicht mehr",
    refusing=(
        "*widerspr*, *widerruf*, abgelehnt, ablehn*, lehnt, verweiger*, zuruckgezogen, *beschwerde*, "
        "unerwunscht"
    ),
    barring=(
        "*sperr*, gesperrt, *widerspr*, abgelehnt, stopp, blockiert, deaktiviert, gekundigt, ungultig, "
        "ausschluss, ausgeschlossen, unerwunscht, kundig*"
    ),
    leaving="abgemeldet*, *abmeld*, *abbestell*",
    ending="ausgetragen*, *austrag*, widerrufen*, *sperrliste*, *robinsonliste*",
    bouncing="*unzustellbar*, nicht zustellbar",
    status="*zustand*",
    reason="grund, begrundung",
    channel="brief, telefon, anruf, anrufe, telefonisch, briefpost",
    thing=(
        "notiz*, bemerkung*, anmerkung*, kommentar*, vorname, nachname, firma, stadt, ort, adresse, "
        "strasse, land, *bestell*, *auftrag*, zahlung*, versand*, liefer*, schlagworte, anrede"
    ),
    small=(
        "der, die, das, den, dem, von, fur, vom, am, zu, zum, zur, an, per, ist, ich, mir, mich, und, "
        "kunde, in, gegen, werden, wird, adresse"
    ),
    unclear="inaktiv, passiv, ruhend, pausiert, deaktiviert",
)
SPANISH = Language(
    yes="sí, verdadero",
    no="falso",
    subscribed="suscrito, suscrita, alta, de alta",
    confirmed="confirmado, confirmada, aceptado, aceptada, acepta, otorgado",
    not_subscribed=(
        "no suscrito, pendiente, pendiente de confirmación, sin confirmar, no confirmado, caducado, en espera"
    ),
    ended=(
        "baja, dado de baja, dada de baja, de baja, cancelado, cancelada, eliminado, eliminada, bloqueado, "
        "bloqueada, rechazado, rechazada, revocado, revocada, desuscrito, desuscrita, excluido, anulado, "
        "queja, no contactar"
    ),
    bounced="rebotado, rebotada, rebote, inválido, no válido, no entregable",
    negations="no, nunca",
    ordinary="activo, activa, cliente, válido, nuevo",
    consent="consentimiento*",
    newsletter="boletin*",
    subscribed_name="suscrito, suscrita",
    subscribing="*suscri*",
    marketing="publicidad, publicitari*, promocion*, ofertas, novedades, comerciales",
    mail="*correo*",
    reaching="contactar, contacto, enviar, envio, envios",
    permitting="acept*, permit*, autoriz*, recibir, recibe, desea, quiere, quiero",
    standing="confirmado, confirmada, valido, contactable",
    active="activo, activa",
    negating="no, nunca, sin, ningun*",
    refusing="rechaz*, revoc*, deneg*, deniega, opone, opuesto, oposicion, retirad*, niega",
    barring=(
        "baja, bajas, bloquead*, cancelad*, excluid*, excluir, exclusion, anulad*, queja, quejas, "
        "oposicion, rechazado, rechazada, desactivad*, cancelo, cancelacion, cancela"
    ),
    leaving="dado de baja, dada de baja, fecha de baja, fecha baja, darse de baja, baja de email, *desuscri*",
    ending="lista negra, lista robinson, robinson",
    bouncing="*rebotad*, *rebote*",
    status="estado",
    reason="motivo",
    channel="llamada, llamadas, llamar, telefono, movil",
    thing=(
        "nota, notas, observaciones, comentario, comentarios, nombre, apellido, ciudad, provincia, "
        "direccion, calle, empresa, pais, pedido, pedidos, pago, envio, etiquetas"
    ),
    small="el, los, las, del, por, y, de, la, un, una, en, al, cliente, electronico, que, e, mas, fecha",
    unclear="inactivo, inactiva, en pausa, suspendido, desactivado",
)
ITALIAN = Language(
    yes="sì, vero",
    no="falso",
    subscribed="iscritto, iscritta",
    confirmed="confermato, confermata, accettato, accettata, concesso, prestato",
    not_subscribed="non iscritto, in attesa, in attesa di conferma, non confermato, scaduto, da confermare",
    ended=(
        "disiscritto, disiscritta, cancellato, cancellata, rimosso, rimossa, bloccato, bloccata, "
        "rifiutato, rifiutata, revocato, revocata, negato, escluso, annullato, reclamo, non contattare"
    ),
    bounced="respinto, respinta, rimbalzato, non valido, non recapitabile",
    negations="non, mai",
    ordinary="attivo, attiva, cliente, valido, nuovo",
    consent="consenso, consensi",
    newsletter="notiziario, bollettino",
    subscribed_name="iscritto, iscritta",
    subscribing="*iscri*",
    marketing="pubblicit*, promozion*, offerte, novita, commerciali",
    mail="posta elettronica",
    reaching="contattare, contatto, inviare, invio",
    permitting="accett*, ricev*, autorizz*, desidera, vuole, acconsent*, permett*",
    standing="confermato, confermata, valido, contattabile",
    active="attivo, attiva",
    negating="non, mai, senza, nessun*, no",
    refusing="rifiut*, revoc*, nega, negato, oppon*, opposizione, ritirat*, ritiro",
    barring=(
        "cancellat*, cancellazione, bloccat*, disattivat*, esclus*, annullat*, rimoss*, reclamo, reclami, "
        "opposizione, rifiutato, rifiuto"
    ),
    leaving="*disiscri*, cancellazione iscrizione",
    ending="lista nera",
    bouncing="*rimbalz*",
    status="stato",
    channel="chiamata, chiamate, telefono, cellulare",
    thing=(
        "nota, note, commenti, nome, cognome, citta, provincia, indirizzo, via, azienda, paese, ordine, "
        "ordini, pagamento, spedizione, etichette"
    ),
    small=(
        "il, lo, i, gli, di, da, dal, del, della, dei, alle, alla, al, per, e, in, la, le, cliente, un, "
        "una, data"
    ),
    unclear="inattivo, inattiva, sospeso, in pausa, disattivato",
)
PORTUGUESE = Language(
    yes="sim, verdadeiro",
    no="não, falso",
    subscribed="inscrito, inscrita, subscrito",
    confirmed="confirmado, confirmada, aceito, aceite, concedido",
    not_subscribed="não inscrito, pendente, não confirmado, aguardando confirmação, aguardando, expirado",
    ended=(
        "descadastrado, descadastrada, cancelado, cancelada, removido, removida, bloqueado, bloqueada, "
        "recusado, recusada, revogado, revogada, desinscrito, desinscrita, excluído, rejeitado, "
        "reclamação, não contatar"
    ),
    bounced="devolvido, inválido, rejeitado pelo servidor",
    negations="não, nunca",
    ordinary="ativo, ativa, cliente, válido, novo",
    consent="consentimento*",
    newsletter="boletim*, boletins",
    subscribed_name="inscrito, inscrita",
    marketing="publicidade, promoc*, ofertas, novidades, comerciais",
    reaching="contatar, contactar, enviar, envio",
    permitting="aceit*, permit*, autoriz*, receber, recebe, deseja, quer, quero",
    standing="confirmado, confirmada, valido, lgpd",
    active="ativo, ativa",
    negating="nao, nunca, sem, nenhum*",
    refusing="recus*, revog*, neg*ou, opoe, oposicao, retirad*, rejeit*",
    barring=(
        "cancelad*, bloquead*, excluid*, removid*, desativad*, oposicao, recusado, reclamacao, "
        "reclamacoes, cancelou, cancelamento"
    ),
    leaving="*descadastr*, *desinscri*",
    ending="lista negra",
    bouncing="devolvid*",
    status="situacao, estado",
    channel="telefone, celular, ligacao, ligacoes",
    thing=(
        "nota, notas, observacoes, comentario, nome, sobrenome, cidade, endereco, rua, empresa, pais, "
        "pedido, pagamento, entrega, etiquetas"
    ),
    small="o, os, as, um, uma, do, da, dos, das, de, por, e, em, no, na, cliente, a, data",
    unclear="inativo, inativa, suspenso, em pausa, desativado",
)
DUTCH = Language(
    yes="ja, waar",
    no="nee, onwaar",
    subscribed="aangemeld, ingeschreven",
    confirmed="bevestigd, gegeven, akkoord, toegestaan, verleend",
    not_subscribed=(
        "niet aangemeld, niet ingeschreven, niet bevestigd, in afwachting, wachtend, verlopen, "
        "niet gevraagd, openstaand"
    ),
    ended=(
        "afgemeld, uitgeschreven, opgezegd, geblokkeerd, geweigerd, ingetrokken, verwijderd, geannuleerd, "
        "klacht, niet mailen, niet contacteren, bezwaar"
    ),
    bounced="onbestelbaar, ongeldig",
    negations="niet, nooit",
    ordinary="actief, klant, geldig, nieuw",
    consent="*toestemming*",
    newsletter="*nieuwsbrief*, *nieuwsbrieven*",
    subscribed_name="aangemeld, ingeschreven",
    marketing="reclame, aanbiedingen, acties, nieuws",
    reaching="contacteren, benaderen, versturen",
    permitting="accepteer*, ontvang*, wil, mag, akkoord, toegestaan, wenst",
    standing="bevestigd, geldig",
    active="actief",
    negating="geen, niet, nooit, zonder",
    refusing="weiger*, geweigerd, bezwaar*, ingetrokken, intrekk*, klacht*",
    barring=(
        "geblokkeerd, uitgesloten, opgezegd, stoppen, gestopt, geweigerd, bezwaar, klacht, klachten, "
        "gedeactiveerd, geannuleerd, verwijderd"
    ),
    leaving="afgemeld*, uitschrijf*, *afmeld*, uitgeschreven*",
    ending="zwarte lijst",
    bouncing="onbestelbaar",
    reason="reden",
    channel="bellen, telefoon, telefonisch",
    thing=(
        "notitie*, opmerking*, voornaam, achternaam, plaats, stad, adres, straat, bedrijf, bestelling*, "
        "betaling*, levering*"
    ),
    small="het, een, voor, van, op, per, is, en, klant, tegen, ik, aan, op",
    unclear="inactief, gestopt, gepauzeerd, gedeactiveerd",
)
POLISH = Language(
    yes="prawda, tak",
    no="fałsz, nie",
    subscribed="zapisany, zapisana, subskrybuje",
    confirmed="potwierdzony, potwierdzona, wyrażona, wyraził, udzielona",
    not_subscribed=(
        "niepotwierdzony, niepotwierdzona, oczekujący, oczekuje, niezapisany, nie wyrażona, wygasła"
    ),
    ended=(
        "wypisany, wypisana, zablokowany, zablokowana, usunięty, usunięta, anulowany, rezygnacja, "
        "zrezygnował, odmowa, odwołana, cofnięta, sprzeciw, skarga"
    ),
    bounced="odbity, odrzucony, niedostarczalny, nieprawidłowy",
    negations="nie",
    ordinary="aktywny, aktywna, klient, nowy, poprawny",
    consent="*zgod*",
    newsletter="biuletyn*",
    subscribed_name="zapisany, zapisana, subskrybuje",
    subscribing="*subskry*",
    marketing="reklam*, marketing*, ofert*, promocj*, handlow*",
    mail="*mejl*, poczt*",
    reaching="wysylac, wysylaj, kontakt*, wysylk*",
    permitting="zgadza*, otrzym*, akceptuj*, chce",
    standing="potwierdzony, rodo",
    active="aktywny, aktywna",
    negating="nie, bez, zadn*, brak",
    refusing="odmow*, odmaw*, sprzeciw*, cofni*, wycof*, odwola*, skarg*",
    barring="zablokowan*, usunie*, anulowan*, wyklucz*, nieaktywn*, sprzeciw, odmowa, skarga",
    leaving="*wypisa*, *rezygnac*, zrezygnow*",
    ending="czarna lista",
    bouncing="niedostarcz*",
    reason="powod",
    channel="telefoniczn*",
    thing="uwagi, notatk*, imie, nazwisko, miasto, adres, ulica, firma, zamowien*, platnosc*, dostaw*",
    small="na, do, od, w, z, i, przez, jest, dla",
    unclear="nieaktywny, nieaktywna, wstrzymany, zawieszony",
)
SWEDISH = Language(
    yes="sant, ja",
    no="falskt, nej",
    subscribed="prenumererar, anmäld",
    confirmed="bekräftad, godkänd, lämnat",
    not_subscribed="väntande, väntar, obekräftad, ej bekräftad, utgånget",
    ended=(
        "avregistrerad, avanmäld, avprenumererad, avslutad, borttagen, spärrad, blockerad, nekad, "
        "återkallat, återkallad, klagomål"
    ),
    bounced="studsad, studsade, ogiltig",
    negations="inte, ej",
    ordinary="aktiv, kund, giltig, ny",
    consent="*samtyck*",
    newsletter="*nyhetsbrev*",
    subscribed_name="prenumererar",
    subscribing="*prenumer*",
    marketing="reklam, *reklam, marknadsforing*, erbjudanden, *utskick*",
    mail="*epost*, mejl*",
    reaching="kontakt*, skicka, skickas",
    permitting="accepter*, ta emot, tar emot, vill, godkan*, far, onskar",
    standing="bekraftad, giltig, kontaktbar",
    active="aktiv",
    negating="nej, nej till, inga, ingen, inget, inte, ej, aldrig, utan",
    refusing="avboj*, nekat, nekar, nekad, aterkall*, vagra*, invand*, klagomal, tackat nej",
    barring="sparrad, *sparr*, blockera*, avslutad, nekad, borttagen, inaktiv, avbojt, tackat nej",
    leaving="avregistr*, avanmal*, avmeld*, avprenumer*",
    reason="orsak",
    channel="telefon, samtal, brev",
    thing=(
        "anteckning*, fornamn, efternamn, stad, ort, adress, gata, foretag, bestallning*, betalning*, "
        "leverans*"
    ),
    small="till, fran, av, och, att, for, via, om, pa, ar, vid, kund",
    unclear="inaktiv, pausad",
)
DANISH = Language(
    yes="sand, ja",
    no="falsk, nej",
    subscribed="tilmeldt, abonnerer",
    confirmed="bekræftet, accepteret, givet",
    not_subscribed="afventer, ubekræftet, ikke tilmeldt, ikke bekræftet, udløbet",
    ended="afmeldt, frameldt, opsagt, blokeret, afvist, trukket tilbage, tilbagekaldt, slettet, klage",
    bounced="ugyldig, afvist af server",
    negations="ikke",
    ordinary="aktiv, kunde, gyldig",
    consent="*samtykke*",
    newsletter="*nyhedsbrev*",
    subscribed_name="tilmeldt",
    subscribing="*tilmeld*",
    marketing="reklame*, markedsforing*, markedsføring*, tilbud, *udsendelse*",
    reaching="sende, send, kontakt*",
    permitting="accepter*, modtag*, onsker, ønsker, vil, tillad*",
    standing="bekraeftet, bekræftet, gyldig",
    negating="nej, ikke, ingen, intet, aldrig, uden",
    refusing="afvis*, afslå*, afslag, tilbagetr*, tilbagekald*, nægte*, klage*, indsigelse*",
    barring="blokeret, *spærre*, opsagt, afvist, inaktiv, slettet, indsigelse",
    leaving="afmeld*, *frameld*",
    small="til, fra, af, og, på, med",
    unclear="inaktiv, sat på pause",
)
NORWEGIAN = Language(
    yes="sann, ja",
    no="usann, nei, ikke",
    subscribed="påmeldt",
    confirmed="bekreftet, godtatt, gitt",
    not_subscribed="venter, ubekreftet, ikke påmeldt, ikke bekreftet, utløpt",
    ended="avmeldt, oppsagt, blokkert, avslått, trukket, trukket tilbake, slettet, klage, reservert",
    bounced="ugyldig",
    negations="ikke",
    ordinary="aktiv, kunde, gyldig",
    subscribed_name="pameldt",
    subscribing="*pameld*",
    marketing="markedsføring*",
    permitting="godta*, motta*, onsker, tillat*",
    standing="bekreftet",
    negating="ikke, uten, aldri, ingen",
    refusing="avsla*, trukket, reserver*, nekte*",
    barring="blokkert, reservert, oppsagt, avslatt, sperret",
    leaving="avmeld*",
    small="til, fra, av, og",
    unclear="inaktiv, satt på pause",
)
FINNISH = Language(
    yes="tosi, kyllä",
    no="epätosi, ei",
    subscribed="tilannut, tilaaja",
    confirmed="vahvistettu, annettu, hyväksytty",
    not_subscribed="odottaa, vahvistamaton, ei vahvistettu, vanhentunut",
    ended="peruutettu, peruttu, peruuttanut, poistettu, estetty, kieltänyt, kielletty, poistunut, evätty",
    bounced="palautunut, virheellinen",
    negations="ei",
    ordinary="aktiivinen, asiakas, kelvollinen",
    consent="*suostumus*",
    newsletter="*uutiskir*",
    subscribing="*tilaaja*, *tilau*",
    marketing="*mainon*, *mainos*, *mainoks*, *markkinoin*, tarjouks*",
    mail="*sahkopost*",
    reaching="lahet*, yhteydenot*",
    permitting="hyvaksy*, vastaanot*, haluaa, saa, saako, sallii, sallittu*",
    standing="vahvistettu",
    active="aktiivinen",
    negating="ei, eivat, ala, ilman, ei halua",
    refusing="kieltay*, kielta*, *kielto*, peruut*, perunut, vastusta*, evanny*",
    barring="*kielto*, *esto*, estetty, kielletty, poistettu, peruttu, peruutettu",
    leaving="perunut tilauksen, poistunut listalta",
    channel="puhelin*",
    small="on, ja",
    unclear="epäaktiivinen, tauolla",
)
ESTONIAN = Language(
    yes="tõene, jah",
    no="väär, ei",
    confirmed="kinnitatud, antud",
    not_subscribed="ootel, kinnitamata, aegunud",
    ended="loobunud, tühistatud, eemaldatud, blokeeritud, keeldunud",
    negations="ei",
    ordinary="aktiivne, klient",
    consent="*nousolek*",
    newsletter="*uudiskir*",
    marketing="reklaam*, turundus*, pakkumis*",
    permitting="soovi*, luba*",
    negating="ei, ara, ilma, mitte",
    refusing="keeldu*, *loobu*, vastuvai*",
    barring="blokeeri*, keelatud, loobunud, *keeld*",
    leaving="loobunud uudiskir*",
)
CZECH = Language(
    yes="pravda, ano, áno",
    no="nepravda, ne, nie",
    subscribed="přihlášen, přihlášena, prihlásený, odebírá, odoberá",
    confirmed="potvrzeno, potvrzen, potvrdené, udělen, udělil, udelený",
    not_subscribed=(
        "čeká na potvrzení, čekající, nepotvrzeno, nepotvrzen, nepotvrdený, nepřihlášen, čaká, vypršel, "
        "neudělen"
    ),
    ended=(
        "odhlášen, odhlášena, odhlásený, odhlášeno, zrušeno, zrušený, zablokován, blokován, odmítnuto, "
        "odmítl, odvolán, odvoláno, smazán, stížnost"
    ),
    bounced="nedoručitelný, nedoručitelné, neplatný",
    negations="ne, nie",
    ordinary="aktivní, aktívny, zákazník, platný",
    consent="*souhlas*, *suhlas*",
    newsletter="zpravodaj*, spravodaj*",
    subscribed_name="odebira, odobera, prihlasen",
    subscribing="*prihlas*, odber*",
    marketing="reklam*, obchodni*, obchodne*, marketing*, nabidk*, ponuk*",
    reaching="zasil*, zasla*, posil*, posla*, kontakt*",
    permitting="prijima*, chce, povol*, akceptuj*, dostav*",
    standing="potvrzen, potvrzeno",
    active="aktivni, aktivny",
    negating="ne, bez, zadn*, nie, nechce",
    refusing=(
        "odmit*, odmiet*, odvola*, nesouhlas*, nesuhlas*, *namitk*, *namietk*, stiznost*, nezasil*, "
        "neposil*, nekontakt*"
    ),
    barring=(
        "blokova*, zablokova*, zrusen*, neaktivn*, nezasil*, neposil*, nekontakt*, odmitnuto, nesouhlas, "
        "nesuhlas, zakaz*"
    ),
    leaving="*odhlas*",
    ending="cerna listina",
    small="k, ke, s, o, na, pro, z",
    unclear="neaktivní, neaktívny, pozastaven",
)
HUNGARIAN = Language(
    yes="igaz, igen",
    no="hamis, nem",
    subscribed="feliratkozott, feliratkozva",
    confirmed="megerősített, elfogadva, megadva, hozzájárult",
    not_subscribed="függőben, megerősítésre vár, nem megerősített, lejárt",
    ended=(
        "leiratkozott, leiratkozva, törölt, törölve, letiltva, letiltott, elutasított, elutasítva, "
        "visszavont, visszavonva, panasz"
    ),
    bounced="visszapattant, érvénytelen, kézbesíthetetlen",
    negations="nem",
    ordinary="aktív, ügyfél, vásárló, érvényes",
    consent="*hozzajarul*, *beleegyez*",
    newsletter="*hirlevel*",
    subscribed_name="feliratkozott",
    subscribing="*feliratkoz*",
    marketing="*reklam*, *hirdet*, ajanlat*, marketing*",
    reaching="kuld*, kapcsolat*",
    permitting="fogad*, kaphat, kap, kaphato, enged*, elfogad*, ker",
    standing="megerositett",
    active="aktiv",
    negating="nem, ne, soha, nelkul, nincs",
    refusing="elutas*, visszavon*, *tiltakoz*, panasz*",
    barring="letilt*, *tiltas*, tiltott, torolt, elutasitva, kizar*, nelkul, tiltakozik",
    leaving="*leiratkoz*",
    unclear="inaktív, szüneteltetve",
)
ROMANIAN = Language(
    yes="adevărat, da",
    no="fals, nu",
    subscribed="abonat, abonată, înscris",
    confirmed="confirmat, acceptat, acordat",
    not_subscribed="în așteptare, neconfirmat, nu e abonat, expirat",
    ended="dezabonat, dezabonată, anulat, blocat, refuzat, retras, respins, șters, plângere",
    bounced="invalid, nelivrabil",
    negations="nu",
    ordinary="activ, activă, client",
    consent="consimtamant*, acord, acordul",
    newsletter="buletin*",
    subscribed_name="abonat, abonata",
    marketing="publicit*, reclam*, oferte, promot*",
    reaching="contacta*, trimite*",
    permitting="accept*, primi, primesc, primeste, doreste, permite",
    standing="confirmat",
    active="activ",
    negating="nu, fara, niciun*, nicio",
    refusing="refuz*, retra*, opozitie, opune, revoc*, plangere*",
    barring="blocat*, anulat*, exclus, dezactivat, refuzat, interzis*, opozitie",
    leaving="*dezabon*",
    small="de, la, pe, pentru, si, cu",
    unclear="inactiv, suspendat",
)
SOUTH_SLAVIC = Language(  # Croatian, Serbian, Slovene
    yes="istina, da",
    no="neistina, laž, ne",
    subscribed="pretplaćen, prijavljen",
    confirmed="potvrđeno, potvrđen, prihvaćeno",
    not_subscribed="na čekanju, nepotvrđen, nepotvrđeno, isteklo",
    ended="odjavljen, odjavljena, otkazano, blokiran, odbijeno, odbio, povučeno, uklonjen, žalba",
    bounced="nevažeći, neisporučivo",
    negations="ne, nije",
    ordinary="aktivan, aktivna, kupac",
    consent="privol*, pristanak*, pristanka, saglasnost*, soglasj*, suglasnost*",
    newsletter="bilten*, novic*",
    subscribed_name="pretplacen, pretplaćen",
    subscribing="pretplat*, *prijav*, naroc*",
    marketing="oglas*, reklam*, ponud*, ponudb*, promidzb*, trzenj*, marketin*",
    reaching="slati, salji, saljite, slanje, kontakt*",
    permitting="prima*, prihvac*, zeli, dopust*, dozvol*, prejema*",
    standing="potvrden",
    active="aktivan",
    negating="ne, bez, nemoj, nije, brez",
    refusing="odbi*, povuc*, povuč*, prigovor*, zavrn*, ugovor, protiv*, zalb*",
    barring="blokiran*, otkazan*, iskljuc*, zabran*, prigovor, odbijeno",
    leaving="*odjav*",
    small="za, od, na, u, o",
    unclear="neaktivan, neaktivna, neaktiven",
)
TURKISH = Language(
    yes="doğru, evet",
    no="yanlış, YANLIŞ, hayır, HAYIR",
    subscribed="abone, abone oldu, kayıtlı",
    confirmed="onaylandı, onaylı, onay verdi, kabul edildi, kabul",
    not_subscribed="beklemede, bekliyor, onaylanmadı, onay bekliyor, onaysız, süresi doldu",
    ended=(
        "abonelikten çıktı, abonelikten ayrıldı, ayrıldı, çıktı, iptal, iptal edildi, engellendi, "
        "reddedildi, reddetti, ret, silindi, şikayet"
    ),
    bounced="geri döndü, geçersiz, ulaşılamaz",
    negations="değil",
    ordinary="aktif, müşteri, geçerli",
    consent="izin, izni, onay, onayı, rıza, rızası, *izni",
    newsletter="bulten*, *bultenı, *bulteni",
    subscribing="abone*",
    marketing="reklam*, kampanya*, tanitim*, tanıtım*, pazarlama*, ticari",
    mail="*eposta*",
    reaching="gonder*, gönder*, iletisim*, ileti, iletisi",
    permitting="kabul, alabilir, istiyor, almak, alir, alır",
    standing="onayli, onaylı, kvkk",
    active="aktif",
    negating="hicbir",
    refusing="reddet*, reddedi*, ret, red, sikayet*, itiraz*, geri cekil*, geri alind*",
    barring=(
        "istemiyor*, gondermeyin, engel*, iptal*, yasak*, ret, red, itiraz*, pasif, gonderme, almak istemiyor"
    ),
    leaving="abonelikten cik*, abonelikten çık*, abonelikten ayr*, abonelik iptal*",
    small="icin, ve, ile",
    unclear="pasif, askıda",
)
RUSSIAN = Language(  # and Bulgarian
    yes="истина, да",
    no="ложь, лъжа, нет, не",
    subscribed="подписан, подписана, подписался, абониран",
    confirmed="подтверждён, подтвержден, подтверждено, получено, дано, потвърден",
    not_subscribed=(
        "ожидает, ожидает подтверждения, не подтверждён, не подтвержден, неподтвержден, не подписан, "
        "истекло, чакащ"
    ),
    unsubscribed="отписан, отписана, отписался, отписалась, отписано, отписка",
    ended=(
        "заблокирован, заблокирована, удалён, удален, отказ, отказался, отказалась, отозвано, отозван, "
        "отменён, отменено, жалоба, спам, отписан от рассылки"
    ),
    bounced="недоступен, недействителен, недействительный, невалидный, не существует",
    negations="не",
    ordinary="активен, активный, активна, клиент, покупатель",
    consent="*согласи*, съгласи*, разрешение*",
    newsletter="*рассылк*, бюлетин*, новостн*",
    subscribed_name="подписан, подписана, абониран",
    subscribing="подпис*, абонамент*",
    marketing="*реклам*, маркетинг*, акции, предложени*, промо*, новост*",
    mail="*имейл*, почт*, мейл*",
    reaching="отправлять, присылать, писать, связыват*, контактировать, слать, изпращай*",
    permitting="получа*, разреша*, разрешен*, хочет, принимает, согласен*, может",
    standing="подтвержден, подтвержден*",
    active="активен",
    negating="не, нет, без, нельзя, запрет, запрет на, никак*",
    refusing="*отказ*, *отозва*, отзыв согласия, возраж*, жалоб*",
    barring=(
        "заблокир*, *блокир*, исключ*, стоп, спам, запрет*, запрещ*, отказ, отключ*, отменен*, жалоба, "
        "жалобы, удален"
    ),
    leaving="*отписа*, *отписк*",
    ending="*черный список*, черном списке, стоп лист",
    bouncing="недоставл*",
    status="*статус*, состояни*",
    channel="телефон*, звонк*, звонить, смс",
    thing=(
        "примечани*, заметк*, комментари*, имя, фамилия, город, адрес, улица, компания, *заказ*, оплат*, "
        "доставк*"
    ),
    small="на, от, в, и, для, к, по, с, о, об",
    unclear="неактивен, неактивный, приостановлен",
)
UKRAINIAN = Language(
    yes="істина, так",
    no="хибність, ні",
    subscribed="підписаний, підписана, підписано",
    confirmed="підтверджено, підтверджений, надано",
    not_subscribed="очікує, очікує підтвердження, не підтверджено, непідтверджений, не підписаний",
    ended=(
        "відписаний, відписана, відписано, відписався, відписалась, заблоковано, заблокований, видалено, "
        "відмова, відмовився, відкликано, скасовано, скарга"
    ),
    bounced="недійсний, недоступний",
    negations="не",
    ordinary="активний, активна, клієнт",
    consent="*згод*",
    newsletter="*розсилк*",
    subscribed_name="підписаний, підписана",
    subscribing="підпис*",
    marketing="пропозиці*",
    mail="пошт*",
    reaching="надсилати, писати",
    permitting="отриму*, дозвол*, хоче",
    standing="підтверджений",
    active="активний",
    negating="не, ні, без, жодн*",
    refusing="відмов*, відклик*, заперечен*, скарг*",
    barring="заблоков*, виключ*, заборон*, відмова",
    leaving="*відпис*",
    small="на, від, в, і, для, з",
    unclear="неактивний, призупинено",
)
GREEK = Language(
    yes="αληθής, αληθησ, ναι",  # capitals have another ς
    no="ψευδής, ψευδησ, όχι",
    subscribed="εγγεγραμμένος, εγγεγραμμένη",
    confirmed="επιβεβαιωμένος, επιβεβαιωμένη, δόθηκε, αποδεκτό",
    not_subscribed="εκκρεμεί, σε αναμονή, μη επιβεβαιωμένος",
    ended=(
        "διαγραμμένος, διαγράφηκε, διεγράφη, απεγγράφηκε, ακυρώθηκε, αποκλεισμένος, απορρίφθηκε, "
        "ανακλήθηκε, αρνήθηκε"
    ),
    bounced="μη έγκυρο, άκυρο",
    negations="δεν, μη, όχι",
    ordinary="ενεργός, ενεργή, πελάτης",
    consent="συγκαταθεσ*, συναινεσ*",
    newsletter="ενημερωτικ*",
    subscribed_name="εγγεγραμμεν*",
    subscribing="εγγραφ*, συνδρομ*",
    marketing="διαφημι*, προωθητικ*, μαρκετινγκ, προσφορ*",
    reaching="αποστολη, επικοινωνι*",
    permitting="αποδεχ*, λαμβαν*, επιτρεπ*, θελει, ληψη",
    standing="επιβεβαιωμενος",
    active="ενεργος",
    negating="οχι, δεν, μη, μην, χωρις, καμια",
    refusing="αρνη*, ανακλη*, αντιρρησ*, εναντιω*, απορρι*",
    barring="αποκλεισ*, ακυρω*, απαγορευ*, αρνηση, εναντιωση, διαγραφ*",
    leaving="*απεγγραφ*, διαγραφη απο*, *καταργηση εγγραφ*",
    status="κατασταση",
    small="για, απο, και, το, τα, η, της, του, σε",
    unclear="ανενεργός, ανενεργή",
)
JAPANESE = Language(
    yes="はい, 真",
    no="いいえ, 偽",
    subscribed="購読中, 購読, 登録済み, 配信中",
    confirmed="同意, 同意する, 同意済み, 許可, 承諾",
    not_subscribed="保留中, 保留, 未確認, 未登録, 未同意, 同意しない, 確認待ち, 仮登録",
    unsubscribed="配信停止, 購読解除, 配信解除",
    ended="退会, 解除, 解除済み, 拒否, 停止, ブロック, 撤回, 削除済み, 苦情",
    bounced="不達, 無効, エラー",
    ordinary="有効, アクティブ",
    consent="*同意*",
    newsletter="*ニュースレター*, *メルマガ*, *メールマガジン*, *配信*",
    subscribing="*購読*",
    marketing="*広告*, *マーケティング*, *宣伝*, *お知らせ*",
    mail="*メール*",
    permitting="*受信*, *許可*, *希望*, *受け取*",
    refusing="*拒否*, *撤回*, *希望しない*, *同意しない*, *不同意*, *苦情*",
    barring="*拒否*, *停止*, *ブロック*, *不要*, *除外*, *不可*, *希望しない*",
    leaving="*配信停止*, *購読解除*, *配信解除*",
    status="*ステータス*, *状態*",
    unclear="停止中, 休止",
)
CHINESE = Language(
    yes="是, 真",
    no="否, 假",
    subscribed="已订阅, 已訂閱, 订阅, 訂閱",
    confirmed="同意, 已同意, 已确认, 已確認, 允许",
    not_subscribed="待确认, 待確認, 未确认, 未確認, 未订阅, 未訂閱, 不同意, 未同意, 待处理",
    unsubscribed="退订, 退訂, 已退订, 已退訂, 取消订阅, 取消訂閱, 已取消订阅",
    ended="已取消, 已拒绝, 拒绝, 拒絕, 已屏蔽, 黑名单, 黑名單, 已删除, 投诉, 已撤回, 撤回",
    bounced="退信, 无效, 無效",
    ordinary="有效, 活跃, 客户",
    consent="*同意*",
    newsletter="*新闻通讯*, *电子报*, *電子報*, *邮件列表*",
    subscribed_name="订阅, 訂閱, 已订阅, 已訂閱",
    subscribing="*订阅*, *訂閱*",
    marketing="*营销*, *行銷*, *广告*, *廣告*, *推广*, *推廣*, *促销*",
    mail="*邮件*, *郵件*, *邮箱*",
    permitting="*接收*, *接受*, *允许*",
    refusing="*拒绝*, *拒絕*, *撤回*, *不同意*, *投诉*, *反对*",
    barring="*拒绝*, *拒絕*, *不接收*, *不接受*, *屏蔽*, *停止*, *勿*, *排除*, *禁止*, *不要*",
    leaving="*退订*, *退訂*, *取消订阅*, *取消訂閱*",
    ending="*黑名单*, *黑名單*",
    status="*状态*, *狀態*",
    unclear="已停用, 停用, 暂停, 暫停",
)
KOREAN = Language(
    yes="예, 참",
    no="아니요, 거짓",
    subscribed="구독, 구독중, 수신동의",
    confirmed="동의, 확인됨",
    not_subscribed="대기, 대기중, 미확인, 미동의",
    unsubscribed="수신거부, 구독취소, 구독해지",
    ended="거부, 차단, 취소, 해지, 철회, 탈퇴",
    bounced="반송, 무효",
    ordinary="활성",
    consent="*동의*",
    newsletter="*뉴스레터*, *소식지*",
    subscribing="*구독*",
    marketing="*광고*, *마케팅*, *홍보*",
    mail="*메일*",
    permitting="*수신*, *허용*",
    refusing="*거부*, *철회*, *미동의*",
    barring="*차단*, *거부*, *중지*, *제외*",
    leaving="*수신거부*, *수신 거부*, *구독취소*, *구독 취소*, *구독해지*",
    status="*상태*",
    unclear="비활성, 중지",
)
HEBREW = Language(
    yes="כן, אמת",
    no="לא, שקר",
    subscribed="רשום, רשומה, מנוי",
    confirmed="אושר, מאושר, אישר",
    not_subscribed="ממתין, לא מאושר, לא אישר",
    ended="הוסר, הוסרה, ביטל, בוטל, חסום, סירב, מסרב",
    negations="לא",
    ordinary="פעיל, לקוח",
    consent="הסכמה, הסכמת, אישור",
    newsletter="ניוזלטר, עלון",
    subscribing="מנוי, רישום",
    marketing="פרסום, פרסומי, פרסומות, שיווק, שיווקי, דיוור, מבצעים",
    mail="מייל, אימייל, דואר",
    reaching="לשלוח, ליצור",
    permitting="מאשר, מאשרת, לקבל, מעוניין",
    negating="לא, ללא, בלי, אין, אל",
    refusing="מסרב*, סירוב, סירב, התנגד*",
    barring="חסום, חסימה, הפסק, סירוב, הוסר, הוסרה",
    leaving="הסרה מרשימת*, הסרה מדיוור, הוסר מדיוור, הוסר מרשימת*, ביטול מנוי",
    status="סטטוס, מצב",
    unclear="לא פעיל, מושהה",
)
ARABIC = Language(
    yes="نعم",
    no="لا",
    subscribed="مشترك, مشتركة",
    confirmed="مؤكد, موافق, وافق",
    not_subscribed="معلق, قيد الانتظار, غير مؤكد, غير مشترك, غير موافق",
    unsubscribed="ملغى الاشتراك, ألغى الاشتراك, إلغاء الاشتراك",
    ended="ملغى, محظور, مرفوض, رفض, محذوف",
    negations="غير, لم",
    ordinary="نشط, عميل",
    consent="موافقة, الموافقة",
    newsletter="النشرة, نشرة",
    subscribing="اشتراك, الاشتراك, مشترك",
    marketing="تسويق, التسويق, التسويقية, اعلان*, الاعلان*, إعلان*, الإعلان*, ترويج*, عروض, العروض, دعاية",
    mail="بريد, البريد, الايميل, ايميل, رسائل, الرسائل",
    reaching="ارسال, إرسال",
    permitting="قبول, استلام, يوافق, يقبل, يرغب",
    negating="لا, بدون, عدم, غير, لم",
    refusing="رفض, يرفض, سحب, اعتراض",
    barring="حظر, محظور, ايقاف, إيقاف, رفض",
    leaving="الغاء الاشتراك, إلغاء الاشتراك, الغى الاشتراك",
    status="حالة, الحالة",
    unclear="غير نشط, موقوف",
)
LANGUAGES = (
    ENGLISH, FRENCH, GERMAN, SPANISH, ITALIAN, PORTUGUESE, DUTCH, POLISH, SWEDISH, DANISH, NORWEGIAN, FINNISH, ESTONIAN,
    CZECH, HUNGARIAN, ROMANIAN, SOUTH_SLAVIC, TURKISH, RUSSIAN, UKRAINIAN, GREEK, JAPANESE, CHINESE, KOREAN, HEBREW,
    ARABIC,
)  # fmt: skip

# How people tick a box in a spreadsheet, and the sign of one without a tick.
TICKS = "x, ✓, ✔, ☑, ✅"
NO_TICK = "☐"
CROSSES = "✗, ✘, ❌"
# What programs, spreadsheets and databases write for an empty cell. `plain_value` turns a lone dash into nothing.
NOTHING = (
    "null, (null), <null>, [null], nil, nan, n/a, n.a., n.d., na, nat, \\n, undefined, unknown, empty, (empty), blank, "
    "(blank), #n/a, #nv, #n/d, [], {}, (), —, –, ., .., ..., нет данных"
)
# Nothing where something may have happened; a no where people answered.
NEVER = (
    "none, never, nothing, jamais, aucun, aucune, nie, kein, keine, keiner, nunca, ninguno, ninguna, mai, nessuno, "
    "nessuna, nenhum, nenhuma, geen, nooit, brak, ingen, inga, aldrig, aldri, žádný, никогда, ніколи"
)
# What spreadsheets show for a formula that cannot be computed, in their user's language.
SPREADSHEET_ERRORS = (
    "#name?, #ref!, #value!, #div/0!, #num!, #null!, #spill!, #calc!, "
    "#nom?, #valeur!, #nombre!, #nul!, "  # French
    "#bezug!, #wert!, #zahl!, #überlauf!, "  # German
    "#¿nombre?, #¡ref!, #¡valor!, #¡div/0!, #¡num!, #¡nulo!, "  # Spanish
    "#nome?, #rif!, #valore!, #nullo!, #valor!, #núm!, #nulo!, "  # Italian, Portuguese
    "#naam?, #verw!, #waarde!, #deel/0!, #getal!, #leeg!, "  # Dutch
    "#nazwa?, #adr!, #arg!, #dziel/0!, #liczba!, #zero!, "  # Polish
    "#namn?, #referens!, #värdefel!, #ogiltigt!, #navn?, #værdi!, #verdi!, #nimi?, #arvo!, #viittaus!, "  # Nordic
    "#název?, #odkaz!, #hodnota!, #név?, #hiv!, #érték!, #имя?, #ссылка!, #знач!, #дел/0!, #число!, #ad?, #değer!"
)
# The names of months and their abbreviations, of each language that has its own.
MONTHS = (
    "january, jan, janvier, janv, januar, jänner, enero, ene, gennaio, gen, janeiro, januari",
    "february, feb, février, févr, fév, februar, febrero, febbraio, fevereiro, fev, februari",
    "march, mar, mars, märz, mär, mrz, marzo, março, maart, mrt",
    "april, apr, avril, avr, abril, abr, aprile",
    "may, mai, mayo, maggio, mag, maio, mei",
    "june, jun, juin, juni, junio, giugno, giu, junho",
    "july, jul, juillet, juil, juli, julio, luglio, lug, julho",
    "august, aug, août, agosto, ago, augustus",
    "september, sep, sept, septembre, septiembre, settembre, set, setembro",
    "october, oct, octobre, oktober, okt, octubre, ottobre, ott, outubro, out",
    "november, nov, novembre, noviembre, novembro",
    "december, dec, décembre, déc, dezember, dez, diciembre, dic, dicembre, dezembro",
)

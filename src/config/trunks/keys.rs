//! Every key of a trunk's file, once.

use super::super::Network;
use super::super::keys::{Key, Source, Written, bounds, keys};
use super::super::values::{Host, Setting};
use super::values::{Asked, Full, Kind, Password, Peers, Presented, Transports, UnknownNumber};
use crate::sdp::Codec;
use crate::trunk::number::{CalledSource, CallerSource};
use crate::trunk::{DialForm, FromUser, Redirect, Reliable};

keys! {
    name: String, "name" = "\"\"" [""]
        "Le nom court de ce raccordement, tel que le disent le journal et les mesures. Rien : le nom du fichier."
        "The short name of this trunk, as the log and the metrics say it. Nothing: the name of the file.";
    kind: Kind, "kind" = "\"peers\"" [""]
        "Comment l'opérateur nous trouve. `peers` : par notre adresse fixe, et lui par les siennes ; `register` : nous nous enregistrons chez lui avec un mot de passe."
        "How the operator finds us. `peers`: by our fixed address, and we by theirs; `register`: we register there with a password.";
    transport: Transports, "transport" = "\"udp\"" [""]
        "Le transport vers l'opérateur : udp, tcp ou tls ; auto : ce qu'en dit son DNS."
        "The transport towards the operator: udp, tcp or tls; auto: whatever its DNS says.";
    peers: Peers, "peers" = "[]" [""]
        "Les machines de l'opérateur, avec `kind = \"peers\"` : `\"nom\"`, `\"nom:port\"`, ou `{ host = \"nom:port\", transport = \"udp\", priority = 1, weight = 10 }`. La plus petite priorité d'abord, les autres quand elle manque ; à priorité égale, chacune reçoit sa part selon `weight`."
        "The operator's machines, with `kind = \"peers\"`: `\"name\"`, `\"name:port\"`, or `{ host = \"name:port\", transport = \"udp\", priority = 1, weight = 10 }`. The lowest priority first, the others when it fails; at the same priority each has its share by `weight`.";
    accept_from: Vec<Network>, "accept_from" = "[]" [""]
        "Les adresses d'où viennent ses appels, et elles seules. Rien : celles des machines ci-dessus."
        "The addresses its calls come from, and no others. Nothing: those of the machines above.";
    options_probe_s: u32, "options_probe_s" = "30" ["s"] (0..3600)
        "À quel rythme nous demandons à chaque machine si elle est là (OPTIONS). 0 : jamais. Aux siennes nous répondons toujours."
        "How often we ask each machine whether it is there (OPTIONS). 0: never. Theirs we always answer.";
    probes_missed: u32, "probes_missed" = "3" ["OPTIONS"] (1..20)
        "Après combien de demandes sans réponse une machine compte comme absente. Une seule réponse, ou un appel, la rappelle."
        "After how many questions without an answer a machine counts as down. One answer, or one call, brings it back.";
    channels_max: u32, "channels_max" = "0" ["appels / calls"] (0..10000)
        "Appels en même temps selon le contrat, les deux sens ensemble. 0 : pas de limite propre à ce raccordement."
        "Calls at a time by contract, both directions together. 0: no limit of this trunk's own.";
    reserved_for_outgoing: u32, "reserved_for_outgoing" = "0" ["appels / calls"] (0..10000)
        "Combien de ces canaux restent libres pour nos appels : un écoutant joint sur son téléphone ordinaire en prend un second."
        "How many of these channels are kept for calls of ours: a listener reached on an ordinary telephone takes a second one.";
    full_answer: Full, "full_answer" = "503" [""]
        "Ce qu'entend l'opérateur quand tous les canaux sont pris : 503 (qu'il essaie ailleurs) ou 486 (l'appelant entend « occupé »)."
        "What the operator is told when all channels are taken: 503 (try elsewhere) or 486 (the caller hears \"busy\").";

    register_registrar: Host, "register.registrar" = "\"\"" [""]
        "Où s'enregistrer, avec `kind = \"register\"` : un nom ou une adresse, avec ou sans port."
        "Where to register, with `kind = \"register\"`: a name or an address, with or without port.";
    register_user: String, "register.user" = "\"\"" [""]
        "Le compte, tel que l'opérateur l'a donné."
        "The account as the operator gave it.";
    register_auth_user: String, "register.auth_user" = "\"\"" [""]
        "Le nom qui va avec le mot de passe, s'il n'est pas celui du compte."
        "The name that goes with the password, if it is not the account's.";
    register_password: Password, "register.password" = "\"\"" [""]
        "Le mot de passe. Mieux vaut le mettre à part : `password_file`."
        "The password. Better kept apart: `password_file`.";
    register_password_file: String, "register.password_file" = "\"\"" [""]
        "Le fichier qui contient le mot de passe, sur sa première ligne. Un chemin relatif part du dossier de ce fichier."
        "The file that holds the password, on its first line. A relative path starts from this file's directory.";
    register_realm: String, "register.realm" = "\"\"" [""]
        "Le seul domaine (realm) auquel ce mot de passe est montré. Rien : celui que l'opérateur demande."
        "The only realm this password is shown to. Nothing: the one the operator asks for.";
    register_expires_s: u32, "register.expires_s" = "1800" ["s"] (60..86400)
        "Combien de temps l'enregistrement doit valoir ; beaucoup d'opérateurs n'acceptent pas moins de 1800."
        "How long the registration should last; many operators take no less than 1800.";
    register_outbound_proxy: Host, "register.outbound_proxy" = "\"\"" [""]
        "La machine par laquelle tout passe, si ce n'est pas celle où l'on s'enregistre."
        "The machine everything goes through, if it is not the one we register at.";

    called_from: Vec<CalledSource>, "numbers.called_from" = "[\"request_uri\", \"to\", \"p_called_party_id\", \"history_info\", \"diversion\"]" [""]
        "Où se trouve le numéro composé : le premier de ces endroits qui porte un numéro que nous servons."
        "Where the number dialled stands: the first of these places that holds a number we serve.";
    caller_from: Vec<CallerSource>, "numbers.caller_from" = "[\"p_asserted_identity\", \"from\"]" [""]
        "Où se trouve le numéro de l'appelant : le premier de ces endroits qui porte un numéro. Un numéro masqué le reste."
        "Where the caller's number stands: the first of these places that holds a number. A withheld number stays withheld.";
    country: String, "numbers.country" = "\"33\"" [""]
        "L'indicatif du pays de l'opérateur, sans `+`. 33 connaît aussi l'outre-mer."
        "The country code of the operator, without `+`. 33 knows the overseas departments as well.";
    national_prefix: String, "numbers.national_prefix" = "\"0\"" [""]
        "Ce qui précède un numéro dans le pays."
        "What stands before a number within the country.";
    international_prefix: String, "numbers.international_prefix" = "\"00\"" [""]
        "Ce qui précède un indicatif de pays."
        "What stands before a country code.";
    called_strip: String, "numbers.called_strip" = "\"\"" [""]
        "Ce qui est ôté devant le numéro composé, s'il y est."
        "What is taken off the front of the number dialled, if it is there.";
    called_add: String, "numbers.called_add" = "\"\"" [""]
        "Ce qui est mis devant."
        "What is put in front of it.";
    caller_strip: String, "numbers.caller_strip" = "\"\"" [""]
        "Ce qui est ôté devant le numéro de l'appelant, s'il y est."
        "What is taken off the front of the caller's number, if it is there.";
    caller_add: String, "numbers.caller_add" = "\"\"" [""]
        "Ce qui est mis devant."
        "What is put in front of it.";
    unknown: UnknownNumber, "numbers.unknown" = "\"answer\"" [""]
        "Un appel de cet opérateur pour un numéro qu'aucun plan ne sert : `answer`, il est accueilli quand même ; `refuse`, l'opérateur reçoit 404."
        "A call of this operator to a number that no plan serves: `answer`, it is welcomed all the same; `refuse`, the operator is told 404.";
    default_number: String, "numbers.default_number" = "\"\"" [""]
        "Le numéro dont le plan l'accueille alors. Rien : le premier plan."
        "The number whose plan welcomes it then. Nothing: the first plan.";

    outgoing_number: String, "outgoing.number" = "\"\"" [""]
        "Le numéro présenté quand nous appelons : l'un de ceux que l'opérateur vous a attribués, en `+33…`. Rien : ce raccordement ne fait que recevoir."
        "The number shown when we call: one the operator assigned to you, as `+33…`. Nothing: this trunk only receives.";
    outgoing_display: String, "outgoing.display" = "\"\"" [""]
        "Le nom présenté avec lui ; beaucoup d'opérateurs l'ôtent."
        "The name shown with it; many operators take it away.";
    outgoing_from: FromUser, "outgoing.from" = "\"number\"" [""]
        "Ce qui est dans From : `number`, le numéro ci-dessus ; `account`, le compte enregistré, et le numéro dans P-Asserted-Identity seulement."
        "What stands in From: `number`, the number above; `account`, the registered account, with the number in P-Asserted-Identity alone.";
    outgoing_from_domain: Host, "outgoing.from_domain" = "\"\"" [""]
        "La machine dans From. Rien : celle où l'on s'enregistre, ou la nôtre."
        "The host in From. Nothing: the one we register at, or our own.";
    outgoing_domain: Host, "outgoing.domain" = "\"\"" [""]
        "La machine dans l'adresse appelée. Rien : celle où l'on s'enregistre, ou celle de l'opérateur qui prend l'appel."
        "The host in the address called. Nothing: the one we register at, or the operator's that takes the call.";
    outgoing_dial: DialForm, "outgoing.dial" = "\"e164\"" [""]
        "La forme du numéro appelé : `e164` (+33…), `international` (0033…) ou `national` (0…)."
        "The form of the number called: `e164` (+33…), `international` (0033…) or `national` (0…).";
    outgoing_strip: String, "outgoing.strip" = "\"\"" [""]
        "Ce qui est ôté devant ce numéro, s'il y est."
        "What is taken off the front of that number, if it is there.";
    outgoing_add: String, "outgoing.add" = "\"\"" [""]
        "Ce qui est mis devant."
        "What is put in front of it.";
    outgoing_user_phone: bool, "outgoing.user_phone" = "false" [""]
        "Ajouter `;user=phone` à l'adresse appelée."
        "Add `;user=phone` to the address called.";
    outgoing_assert: bool, "outgoing.assert" = "true" [""]
        "Dire aussi notre numéro dans P-Asserted-Identity."
        "Say our number in P-Asserted-Identity as well.";
    outgoing_presented: Presented, "outgoing.presented" = "\"shown\"" [""]
        "Notre numéro chez la personne appelée : `shown` (affiché) ou `hidden` (masqué, demandé à l'opérateur par Privacy)."
        "Our number at the person called: `shown`, or `hidden` (asked of the operator by Privacy).";
    outgoing_barred: Vec<String>, "outgoing.barred" = "[\"+3389\"]" [""]
        "Les débuts de numéros qui ne sont jamais composés. Le 15, le 17, le 18, le 112 et tous les numéros courts ne le sont jamais, quoi qu'il soit écrit ici."
        "Beginnings of numbers that are never dialled. 15, 17, 18, 112 and all short numbers never are, whatever is written here.";
    outgoing_failover_s: u32, "outgoing.failover_s" = "6" ["s"] (1..32)
        "Combien de temps une machine de l'opérateur peut se taire après notre appel avant que la suivante soit essayée."
        "How long a machine of the operator may stay silent after our call before the next is tried.";
    outgoing_redirect: Redirect, "outgoing.redirect" = "\"refuse\"" [""]
        "Une réponse qui renvoie ailleurs (3xx) : `refuse`, la machine suivante est essayée ; `follow`, elle est suivie une fois, si elle mène à une machine de cet opérateur."
        "A response that points elsewhere (3xx): `refuse`, the next machine is tried; `follow`, it is followed once, if it leads to a machine of this operator.";

    codecs: Vec<Codec>, "media.codecs" = "[\"PCMA\", \"PCMU\"]" [""]
        "Les codecs, le préféré d'abord."
        "The codecs, the preferred one first.";
    srtp: Asked, "media.srtp" = "\"never\"" [""]
        "Le son chiffré (SRTP) : `never` ; `offered` et `required` viendront avec une version qui sait chiffrer."
        "Encrypted sound (SRTP): `never`; `offered` and `required` come with a version that can encrypt.";
    early_media: bool, "media.early_media" = "false" [""]
        "Faire entendre les annonces avant de décrocher (183) : viendra avec une autre version ; `false`, l'appel est d'abord décroché, les touches et la taxation commencent là."
        "Let prompts be heard before the call is answered (183): comes with another version; `false`, it is answered first, and keys and billing begin there.";
    session_timer_s: u32, "session.timer_s" = "1800" ["s"] (0..86400)
        "À quel rythme les deux côtés vérifient qu'un appel vit encore (RFC 4028). Dans cette version la durée est la même pour tous : `sip.session_timer.interval_s`."
        "How often both sides make sure that a call is still alive (RFC 4028). In this version the interval is the same for all: `sip.session_timer.interval_s`.";
    reliable: Reliable, "session.reliable_provisional" = "\"supported\"" [""]
        "Les réponses provisoires confirmées (100rel, PRACK) : `supported`, ou `required`, exigées quand nous appelons. `never` : seulement pour tous à la fois, `sip.offer_100rel`."
        "Confirmed provisional responses (100rel, PRACK): `supported`, or `required`, demanded when we call. `never`: for all at once only, `sip.offer_100rel`.";

    tls_verify: bool, "tls.verify" = "true" [""]
        "Refuser une machine dont le certificat n'est pas bon. `false` : seulement pour un essai."
        "Refuse a machine whose certificate is not sound. `false`: for a trial only.";
    tls_authority: String, "tls.authority" = "\"\"" [""]
        "Le fichier PEM de qui signe ses certificats. Rien : les autorités connues de cette machine."
        "The PEM file of whoever signs its certificates. Nothing: the authorities this machine knows.";
    tls_certificate: String, "tls.certificate" = "\"\"" [""]
        "Notre certificat (PEM), si l'opérateur en demande un."
        "Our certificate (PEM), if the operator asks for one.";
    tls_key: String, "tls.key" = "\"\"" [""]
        "La clé de ce certificat (PEM)."
        "The key of that certificate (PEM).";
    tls_server_name: String, "tls.server_name" = "\"\"" [""]
        "Le nom dans son certificat, si ce n'est pas celui de la machine."
        "The name in its certificate, if it is not the machine's.";
}

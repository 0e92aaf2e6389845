//! Every key of `ecoute.toml`, once: name, type, default, unit and words. The sample file, the reference page and the reader
//! all come from this table.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;

use super::listen::Listens;
use super::values::{Host, Setting};
use super::{LogFormat, Network};

/// What staff should know of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its name, with the sections before it (`sip.limits.calls_max`).
    pub name: &'static str,
    /// Its type, French and English.
    pub kind: (&'static str, &'static str),
    /// Its default, as it is written in the file.
    pub default: &'static str,
    /// Its unit; empty when it has none.
    pub unit: &'static str,
    /// The smallest and the largest number it may be.
    pub bounds: Option<(u32, u32)>,
    /// What it does, in French.
    pub fr: &'static str,
    /// What it does, in English.
    pub en: &'static str,
}

/// A value as it was written, or the default.
#[derive(Clone, Debug)]
pub(super) struct Written<T> {
    /// The value; the default when none was written, or none that can be read.
    pub value: T,
    /// Where it stands; `None`: it was not written.
    pub line: Option<u32>,
    /// It was written and cannot be read; that is said already.
    pub faulty: bool,
}

/// Hands out what was written under a key.
pub(super) trait Source {
    /// Reads the key, tells its faults, and falls back on the default.
    fn take<T: Setting>(&mut self, key: &Key) -> Written<T>;
}

/// The table: `field: type, "name" = "default" [unit] (smallest..largest) fr en`.
macro_rules! keys {
    ($($field:ident: $type:ty, $name:literal = $default:literal [$unit:literal] $(($min:literal..$max:literal))? $fr:literal $en:literal;)+) => {
        /// All keys, in the order of the table.
        pub const KEYS: &[Key] = &[$(
            Key {
                name: $name,
                kind: <$type as Setting>::TYPE,
                default: $default,
                unit: $unit,
                bounds: bounds!($($min..$max)?),
                fr: $fr,
                en: $en,
            },
        )+];

        /// What was written.
        pub(super) struct All { $(pub $field: Written<$type>,)+ }

        /// Reads all keys, in the order of the table.
        pub(super) fn take_all(source: &mut impl Source) -> All {
            let mut keys = KEYS.iter();
            let mut next = || keys.next().unwrap_or(&KEYS[0]);
            All { $($field: source.take::<$type>(next()),)+ }
        }
    };
}

macro_rules! bounds {
    () => {
        None
    };
    ($min:literal..$max:literal) => {
        Some(($min, $max))
    };
}

// A trunk's file has a table of its own ([`super::trunks`]).
pub(super) use {bounds, keys};

keys! {
    state_dir: String, "state_dir" = "\"var\"" [""]
        "Le dossier de ce qui doit survivre : la base des appels, les comptes. Un chemin relatif part du dossier de ce fichier."
        "The directory of what must survive: the record of calls, the accounts. A relative path starts from this file's directory.";
    dialplans: Vec<String>, "dialplans" = "[\"dialplans/3977.toml\"]" [""]
        "Les plans d'appel : ce que rencontre une personne qui appelle. Un fichier par service."
        "The dialplans: what a caller meets. One file per service.";
    prompts: String, "prompts" = "\"prompts\"" [""]
        "Le dossier des annonces enregistrées."
        "The directory of the recorded prompts.";
    listeners: String, "listeners" = "\"\"" [""]
        "Le fichier des centres et des écoutants. Rien : `listeners.toml` dans `state_dir`."
        "The file of centres and listeners. Nothing: `listeners.toml` in `state_dir`.";
    trunks: Vec<String>, "trunks" = "[]" [""]
        "Les opérateurs : un fichier par raccordement, par exemple `trunks/operateur.toml` ; les appels sortants prennent le premier qui peut. Des modèles se trouvent dans `deploy/trunks`. Ce que dit `sip.trusted_peers` vaut en plus, après eux."
        "The operators: one file per trunk, such as `trunks/operateur.toml`; outgoing calls take the first that can. Samples are in `deploy/trunks`. What `sip.trusted_peers` says holds besides, after them.";

    sip_listen: Listens, "sip.listen" = "\"127.0.0.1:5060\"" [""]
        "Les adresses de la signalisation : une seule (UDP et TCP), ou une liste, par exemple `[\"udp:192.0.2.10:5060\", \"tls:192.0.2.10:5061 as sip.exemple.org\", \"wss:192.0.2.10:8443\"]` (transports : udp, tcp, tls, ws, wss ; après `as`, ce que les autres écrivent pour joindre cette adresse). La valeur d'usine ne répond qu'à cette machine ; pour servir, écrivez l'adresse de la machine."
        "The addresses of the signalling: one (UDP and TCP), or a list, such as `[\"udp:192.0.2.10:5060\", \"tls:192.0.2.10:5061 as sip.example.org\", \"wss:192.0.2.10:8443\"]` (transports: udp, tcp, tls, ws, wss; after `as`, what others write to reach this address). The default answers this machine only; to serve, write the machine's address.";
    sip_advertised: Host, "sip.advertised" = "\"\"" [""]
        "Ce que les autres écrivent pour nous joindre, si ce n'est pas l'adresse ci-dessus : derrière un routeur, son adresse publique."
        "What others write to reach us, if it is not the address above: behind a router, its public address.";
    sip_realm: String, "sip.realm" = "\"ecoute\"" [""]
        "Le nom de domaine dans lequel valent les mots de passe des écoutants. Le changer rend invalides les empreintes déjà calculées."
        "The realm in which the listeners' passwords count. Changing it makes digests that were computed before invalid.";
    sip_domains: Vec<String>, "sip.domains" = "[]" [""]
        "Les noms pour lesquels nous répondons, en plus de nos adresses."
        "The names we answer for besides our own addresses.";
    sip_trusted_peers: Vec<Network>, "sip.trusted_peers" = "[\"127.0.0.0/8\"]" [""]
        "D'où les appels entrent sans mot de passe : les adresses de l'opérateur, et elles seules. Retirez `127.0.0.0/8` si un autre programme de cette machine relaie le trafic d'inconnus."
        "Where calls come in from without a password: the operator's addresses and no others. Take `127.0.0.0/8` out if another program on this machine relays strangers' traffic.";
    sip_registration_s: u32, "sip.registration_s" = "300" ["s"] (60..3600)
        "Combien de temps vaut l'enregistrement d'un téléphone qui ne demande rien."
        "How long the registration of a telephone lasts that asks for nothing.";
    sip_offer_100rel: bool, "sip.offer_100rel" = "true" [""]
        "Dire aux appareils que nous appelons qu'ils peuvent faire confirmer leur sonnerie (100rel). Qui l'exige de nous l'obtient de toute façon."
        "Tell the devices we call that they may have their ringing confirmed (100rel). Who requires it of us gets it in any case.";
    sip_transfer: bool, "sip.transfer" = "false" [""]
        "Permettre à une écoutante de continuer sa conversation sur un autre de ses appareils (Replaces, avec le mot de passe du même compte). Passer la personne à quelqu'un d'autre (REFER) reste refusé."
        "Let a listener go on with her conversation at another of her devices (Replaces, with the password of the same account). To hand the caller to somebody else (REFER) stays refused.";
    sip_calls_max: u32, "sip.limits.calls_max" = "1000" ["appels / calls"] (1..100000)
        "Appels en même temps. Au-delà, l'opérateur entend « occupé, réessayez »."
        "Calls at a time. Beyond that the operator is told to try again.";
    sip_transactions_max: u32, "sip.limits.transactions_max" = "50000" ["transactions"] (100..1000000)
        "Échanges de signalisation en même temps ; protège la mémoire d'un flot."
        "Signalling exchanges at a time; protects the memory from a flood.";

    sip_connections_max: u32, "sip.limits.connections_max" = "5000" ["connexions / connections"] (10..100000)
        "Connexions TCP, TLS et WebSocket en même temps. Au-delà, une nouvelle est fermée aussitôt."
        "TCP, TLS and WebSocket connections at a time. Beyond that a new one is closed at once.";
    sip_connections_per_source_max: u32, "sip.limits.connections_per_source_max" = "100" ["connexions / connections"] (1..100000)
        "Connexions en même temps depuis une seule adresse : les téléphones d'un centre partagent souvent celle de leur routeur."
        "Connections at a time from one address: the telephones of a centre often share their router's.";
    sip_tls_certificate: String, "sip.tls.certificate" = "\"\"" [""]
        "Le certificat des adresses `tls` et `wss`, suivi des certificats intermédiaires (fichier PEM). Relu sans arrêt quand les fichiers sont relus (SIGHUP)."
        "The certificate of the `tls` and `wss` addresses, followed by the intermediate ones (PEM file). Read again without a stop when the files are (SIGHUP).";
    sip_tls_key: String, "sip.tls.key" = "\"\"" [""]
        "La clé privée de ce certificat (fichier PEM)."
        "The private key of that certificate (PEM file).";
    sip_web_origins: Vec<String>, "sip.web.origins" = "[]" [""]
        "Les pages web qui peuvent ouvrir une connexion `ws` ou `wss`, par exemple `[\"https://ecoute.exemple.org\"]`. Rien : toutes."
        "The web pages that may open a `ws` or `wss` connection, such as `[\"https://ecoute.example.org\"]`. Nothing: all.";
    sip_session_timer_interval_s: u32, "sip.session_timer.interval_s" = "1800" ["s"] (0..86400)
        "Un appel établi que personne n'a confirmé depuis si longtemps est terminé : le correspondant a disparu. 0 : jamais."
        "An established call that nobody confirmed for so long is ended: the other side is gone. 0: never.";
    sip_session_timer_min_s: u32, "sip.session_timer.min_s" = "90" ["s"] (90..3600)
        "La plus courte de ces durées que nous acceptons d'un correspondant (422 en dessous)."
        "The shortest such time we accept from the other side (422 below it).";
    sip_names_servers: Vec<SocketAddr>, "sip.names.servers" = "[]" [""]
        "Les serveurs de noms (DNS) auxquels demander où sont les machines des opérateurs, par exemple `[\"192.0.2.53:53\"]`. Rien : ceux de cette machine."
        "The name servers (DNS) to ask where the operators' machines are, such as `[\"192.0.2.53:53\"]`. Nothing: those of this machine.";
    sip_names_within_ms: u32, "sip.names.within_ms" = "2000" ["ms"] (200..8000)
        "Le temps laissé à une telle recherche, toutes questions comprises. Aucun appel en cours ne l'attend."
        "The time such a search is given, all questions together. No call under way waits for it.";
    sip_push_providers: Vec<String>, "sip.push.providers" = "[]" [""]
        "Les services qui réveillent les téléphones portables endormis (`apns` pour Apple, `fcm` pour Google), si un programme à vous sait leur parler : il lit `/api/v1/wakes` chaque seconde et réveille qui y figure. Un téléphone endormi compte alors comme joignable tant que son enregistrement dure. Rien : un téléphone dont la connexion se ferme n'est plus joignable."
        "The services that wake sleeping mobile telephones (`apns` of Apple, `fcm` of Google), if a program of yours speaks to them: it reads `/api/v1/wakes` every second and wakes whoever is listed. A sleeping telephone then counts as reachable while its registration lasts. Nothing: a telephone whose connection closes can no longer be reached.";
    sip_shield_requests_per_second: u32, "sip.shield.requests_per_second" = "100" ["par seconde / per second"] (0..100000)
        "Ce qu'un inconnu peut demander par seconde (quatre secondes d'avance au plus) ; au-delà il n'est plus lu. Dix fois plus pour une adresse d'où un téléphone s'est enregistré dans la semaine, sans limite pour `sip.trusted_peers` et pour les communications en cours. 0 : pas de limite."
        "What a stranger may ask per second (four seconds' worth at once at most); beyond that he is not read. Ten times that for an address from which a telephone registered within the week, no limit for `sip.trusted_peers` and for calls under way. 0: no limit.";
    sip_shield_ban: bool, "sip.shield.ban" = "true" [""]
        "Ne plus répondre à qui essaie des mots de passe ou cherche des comptes : une minute d'abord, puis de plus en plus longtemps. Jamais une adresse d'où un téléphone s'est enregistré dans la semaine. Voir `ecoute ban list`."
        "Stop answering whoever tries passwords or looks for accounts: a minute at first, then longer and longer. Never an address from which a telephone registered within the week. See `ecoute ban list`.";
    sip_shield_ban_longest_s: u32, "sip.shield.ban_longest_s" = "3600" ["s"] (60..86400)
        "La durée qu'un tel silence ne dépasse pas. Les adresses changent de mains : mieux vaut court."
        "The time such a silence does not exceed. Addresses change hands: short is better.";

    media_address: IpAddr, "media.address" = "\"127.0.0.1\"" [""]
        "L'adresse par laquelle passe le son."
        "The address the sound goes through.";
    media_advertised: Option<IpAddr>, "media.advertised" = "\"\"" [""]
        "L'adresse à laquelle les autres envoient le son, si ce n'est pas celle ci-dessus."
        "The address others send sound to, if it is not the one above.";
    media_ports: RangeInclusive<u16>, "media.ports" = "\"20000-29999\"" [""]
        "Les ports UDP du son. Un appel en prend quatre : deux pour l'appelant, deux pour l'écoutant."
        "The UDP ports of the sound. A call takes four: two for the caller, two for the listener.";
    media_silence_s: u32, "media.silence_s" = "30" ["s"] (5..3600)
        "Après combien de silence un correspondant qui devrait parler compte comme perdu."
        "After how much silence a party that should be speaking counts as lost.";
    media_workers: u32, "media.workers" = "0" [""] (0..256)
        "Fils d'exécution du son. 0 : un par cœur, moins un."
        "Threads for the sound. 0: one per core, less one.";

    dispatch_waiting_max: u32, "dispatch.waiting_max" = "500" ["appels / calls"] (1..100000)
        "Personnes qui peuvent attendre en même temps ; au-delà, le plan d'appel passe à la suite."
        "Callers who may wait at once; beyond that the dialplan moves on.";
    dispatch_wrap_up_s: u32, "dispatch.wrap_up_s" = "30" ["s"] (0..3600)
        "Le temps laissé à l'écoutant pour ses notes après une conversation."
        "The time a listener is given for notes after a conversation.";
    dispatch_missed_rings: u32, "dispatch.missed_rings" = "3" ["appels / rings"] (0..100)
        "Après combien d'appels manqués de suite un écoutant est mis en pause. 0 : jamais."
        "After how many missed rings in a row a listener is paused. 0: never.";
    dispatch_timezone: String, "dispatch.timezone" = "\"Europe/Paris\"" [""]
        "Le fuseau dans lequel commence et finit la journée d'un écoutant."
        "The time zone in which a listener's day begins and ends.";

    ops_listen: SocketAddr, "ops.listen" = "\"127.0.0.1:9397\"" [""]
        "L'adresse et le port TCP des mesures, de l'état et de l'interface. L'interface ne répond jamais qu'à cette machine."
        "The address and TCP port of metrics, health and the API. The API answers this machine only, whatever is written here.";

    store_retention_h: u32, "store.retention_h" = "24" ["h"] (0..24)
        "Combien de temps le numéro de l'appelant est gardé après l'appel. La loi permet 24 heures au plus ; 0 : jamais écrit."
        "How long the caller's number is kept after the call. The law allows 24 hours at most; 0: never written.";
    store_records_d: u32, "store.records_d" = "1095" ["jours / days"] (0..36500)
        "Combien de temps le déroulement des appels, sans numéro, est gardé. 0 : toujours."
        "How long the course of calls, without numbers, is kept. 0: for ever.";
    store_size_mb_max: u32, "store.size_mb_max" = "0" ["Mo / MB"] (0..1000000)
        "La taille que la base ne dépasse pas. 0 : celle du disque."
        "The size the database does not exceed. 0: the disk's.";

    log_format: LogFormat, "log.format" = "\"human\"" [""]
        "La forme du journal : pour une personne, ou une ligne JSON par événement."
        "The form of the log: for a person, or one line of JSON per event.";
    log_level: String, "log.level" = "\"info\"" [""]
        "Ce que dit le journal : error, warn, info, debug ou trace, ou plus fin : `info,ecoute::sip=debug`. Aucun numéro n'y paraît."
        "What the log says: error, warn, info, debug or trace, or finer: `info,ecoute::sip=debug`. No number appears in it.";
}

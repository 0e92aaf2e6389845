//! What may be written in a plan: each key once, with its kind, its default and its words in two languages. The parser
//! (`fields`), the JSON schema (`schema`) and the staff's reference page (`reference`) all come from these tables.

use super::fields::Fields;
use super::plan::Verb;

/// One verb: everything there is to know about it.
pub(super) struct VerbDoc {
    pub name: &'static str,
    pub fr: &'static str,
    pub en: &'static str,
    /// The keys it takes. The first bears the verb's own name.
    pub keys: &'static [KeyDoc],
    /// A step as the staff would write it.
    pub example: &'static str,
    /// From the fields of a step to the verb. What is wrong was reported by the fields; the verb is then never used.
    pub build: fn(&mut Fields<'_, '_, '_>) -> Verb,
}

/// One key that may be written.
pub(super) struct KeyDoc {
    pub name: &'static str,
    pub kind: Kind,
    pub absent: Absent,
    pub fr: &'static str,
    pub en: &'static str,
}

/// What a key holds.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// Free words, not read by the program.
    Note,
    /// A word of the staff's own: letters, digits, `_`, `-`.
    Word,
    /// The name of a prompt.
    Prompt,
    /// The name of a step.
    Step,
    /// The name of opening hours.
    Hours,
    /// A language of the plan.
    Language,
    /// The code of a department.
    Department,
    /// Telephone numbers.
    Numbers,
    /// Several languages.
    Languages,
    /// An IANA time zone.
    Zone,
    /// A set of public holidays: `metropole`, `alsace-moselle`, or the code of an overseas department.
    HolidaySet,
    /// Opening hours of a day.
    Spans,
    /// Digits as keyed.
    Digits,
    /// How many digits: `5`, or `"2-5"`.
    DigitCount,
    /// A key of the telephone.
    Key,
    /// Keys of the telephone, and the step each leads to.
    Keys,
    /// yes or no
    Flag,
    /// Only `true`: the key is there or it is not.
    Mark,
    /// A whole number.
    Count { min: u8, max: u8 },
    /// A length of time, written `6s`, `4m`, `1m30s`, `500ms`.
    Time { min_ms: u64, max_ms: u64 },
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A table of its own.
    Table(&'static [KeyDoc]),
    /// A list of tables.
    Tables(&'static [KeyDoc]),
}

/// What holds when a key is not written.
#[derive(Clone, Copy)]
pub(super) enum Absent {
    /// It must be written.
    Required,
    /// This is taken, as if it were written.
    Default(&'static str),
    /// `no_input.after` or `no_input.tries` of the plan is taken.
    Plan(&'static str),
    /// The same as another key of the step.
    Like(&'static str),
    /// Nothing: the step does without.
    Nothing,
}

impl KeyDoc {
    pub const fn required(name: &'static str, kind: Kind, fr: &'static str, en: &'static str) -> KeyDoc {
        KeyDoc { name, kind, absent: Absent::Required, fr, en }
    }

    pub const fn optional(name: &'static str, kind: Kind, fr: &'static str, en: &'static str) -> KeyDoc {
        KeyDoc { name, kind, absent: Absent::Nothing, fr, en }
    }

    pub const fn with_default(
        name: &'static str,
        kind: Kind,
        default: &'static str,
        fr: &'static str,
        en: &'static str,
    ) -> KeyDoc {
        KeyDoc { name, kind, absent: Absent::Default(default), fr, en }
    }

    pub const fn like(
        name: &'static str,
        kind: Kind,
        other: &'static str,
        fr: &'static str,
        en: &'static str,
    ) -> KeyDoc {
        KeyDoc { name, kind, absent: Absent::Like(other), fr, en }
    }
}

/// The silence that is waited for; the same words in every verb that waits.
pub(super) const AFTER: KeyDoc = KeyDoc {
    name: "after",
    kind: Kind::Time { min_ms: 2_000, max_ms: 30_000 },
    absent: Absent::Plan("after"),
    fr: "Silence après le message, avant de le redire ou de continuer.",
    en: "Silence after the words, before they are said again or the call goes on.",
};

/// How often the words are said.
pub(super) const TRIES: KeyDoc = KeyDoc {
    name: "tries",
    kind: Kind::Count { min: 1, max: 5 },
    absent: Absent::Plan("tries"),
    fr: "Combien de fois le message est dit avant de continuer.",
    en: "How often the words are said before the call goes on.",
};

/// The silence that ends a number.
pub(super) const BETWEEN: KeyDoc = KeyDoc {
    name: "between",
    kind: Kind::Time { min_ms: 2_000, max_ms: 15_000 },
    absent: Absent::Default("5s"),
    fr: "Silence entre deux chiffres qui termine la réponse.",
    en: "Silence between two digits that ends the answer.",
};

/// Free words, allowed in every step.
pub(super) const NOTE: KeyDoc = KeyDoc::optional(
    "note",
    Kind::Note,
    "Un mot pour les collègues ; le programme ne le lit pas.",
    "A word for colleagues; the program does not read it.",
);

/// `[plan]`.
pub(super) const PLAN: &[KeyDoc] = &[
    KeyDoc::required(
        "numbers",
        Kind::Numbers,
        "Les numéros qui mènent à ce plan : un numéro court (« 3977 ») ou la forme internationale (« +33476000102 »).",
        "The numbers that reach this plan: a short code (\"3977\") or the international form (\"+33476000102\").",
    ),
    KeyDoc::required("start", Kind::Step, "L'étape où l'appel commence.", "The step where a call begins."),
    KeyDoc::with_default(
        "languages",
        Kind::Languages,
        "fr",
        "Les langues du plan. L'appel commence dans la première ; chaque message existe dans toutes.",
        "The languages of the plan. A call begins in the first; every prompt exists in all of them.",
    ),
    KeyDoc::with_default(
        "timezone",
        Kind::Zone,
        "Europe/Paris",
        "Le fuseau horaire des heures d'ouverture.",
        "The time zone of the opening hours.",
    ),
    KeyDoc::optional(
        "no_input",
        Kind::Table(NO_INPUT),
        "Ce qui vaut quand la personne ne tape rien, si l'étape ne dit rien d'autre.",
        "What holds when the caller keys nothing, where a step does not say otherwise.",
    ),
    KeyDoc::optional(
        "emergency",
        Kind::Step,
        "L'étape qui dit les numéros d'urgence. Une seule touche doit y mener dès le début de l'appel.",
        "The step that says the emergency numbers. One key must lead to it from the beginning of a call.",
    ),
    NOTE,
];

/// `no_input` of `[plan]`.
pub(super) const NO_INPUT: &[KeyDoc] = &[
    KeyDoc {
        name: "after",
        kind: Kind::Time { min_ms: 2_000, max_ms: 30_000 },
        absent: Absent::Default("6s"),
        fr: "Silence avant de redire le message ou de continuer.",
        en: "Silence before the words are said again or the call goes on.",
    },
    KeyDoc {
        name: "tries",
        kind: Kind::Count { min: 1, max: 5 },
        absent: Absent::Default("2"),
        fr: "Combien de fois le message est dit.",
        en: "How often the words are said.",
    },
];

/// `[hours.NAME]`.
pub(super) const HOURS: &[KeyDoc] = &[
    day("weekdays", "Du lundi au vendredi", "Monday to Friday"),
    day("weekend", "Samedi et dimanche", "Saturday and Sunday"),
    day("mon", "Le lundi", "Monday"),
    day("tue", "Le mardi", "Tuesday"),
    day("wed", "Le mercredi", "Wednesday"),
    day("thu", "Le jeudi", "Thursday"),
    day("fri", "Le vendredi", "Friday"),
    day("sat", "Le samedi", "Saturday"),
    day("sun", "Le dimanche", "Sunday"),
    KeyDoc::with_default(
        "holidays",
        Kind::Spans,
        "same",
        "Les jours fériés : des heures, « closed » (fermé), ou « same » (comme les autres jours).",
        "Public holidays: hours, \"closed\", or \"same\" (like any other day).",
    ),
    KeyDoc::with_default(
        "holiday_set",
        Kind::HolidaySet,
        "metropole",
        "Quels jours fériés : « metropole », « alsace-moselle », ou le code d'un département d'outre-mer.",
        "Which public holidays: \"metropole\", \"alsace-moselle\", or the code of an overseas department.",
    ),
    NOTE,
];

const fn day(name: &'static str, fr: &'static str, en: &'static str) -> KeyDoc {
    KeyDoc::optional(name, Kind::Spans, fr, en)
}

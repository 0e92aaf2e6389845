//! `dispatch`: finds a listener and joins the two voices.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::fault::said;
use super::super::fields::Fields;
use super::super::keys::{KeyDoc, Kind, NOTE, VerbDoc};
use super::super::plan::{Key, PromptName, StepId, Verb};
use super::Why;

/// Finds a listener and joins the two voices; a soft voice speaks while the caller waits.
#[derive(Clone, Debug, PartialEq)]
pub struct Dispatch {
    /// Does the department of the person concerned matter? `false`: whoever is on duty.
    pub department: bool,
    /// How long each listener's telephone rings before the next is tried.
    pub ring: Duration,
    /// What the waiting caller hears; between two times, music.
    pub hold: PromptName,
    /// From one time to the next.
    pub hold_every: Duration,
    /// Ever wider circles, each added to the one before; at least one.
    pub tiers: Vec<Tier>,
    /// 0 for ordinary callers; a higher one is served first.
    pub priority: u8,
    /// What keys do while the caller waits.
    pub keys: BTreeMap<Key, StepId>,
    /// Where the call goes after the conversation, if the caller is still there.
    pub answered: StepId,
    /// Where it goes when the last circle is over.
    pub overflow: StepId,
}

/// One circle of listeners, and for how long it is tried before the next is added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tier {
    /// Who is asked.
    pub reach: Reach,
    /// For how long.
    pub lasts: Duration,
}

/// How far from the person concerned a listener may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reach {
    /// Listeners who serve the department.
    Department,
    /// Also those of the departments around it.
    Neighbours,
    /// Also those of its region.
    Region,
    /// All of them.
    National,
}

impl Reach {
    /// As written in a plan.
    pub const fn as_str(self) -> &'static str {
        match self {
            Reach::Department => "department",
            Reach::Neighbours => "neighbours",
            Reach::Region => "region",
            Reach::National => "national",
        }
    }
}

impl Dispatch {
    /// Where keys, the end of the conversation and the end of patience lead.
    pub(in super::super) fn edges(&self) -> Vec<(Why, StepId)> {
        let keys = self.keys.iter().map(|(key, to)| (Why::Key(*key), *to));
        keys.chain([(Why::Answered, self.answered), (Why::Overflow, self.overflow)]).collect()
    }

    /// How long a caller waits at most.
    pub fn patience(&self) -> Duration {
        self.tiers.iter().map(|tier| tier.lasts).sum()
    }
}

pub(in super::super) const DOC: VerbDoc = VerbDoc {
    name: "dispatch",
    fr: "Cherche une écoutante ou un écoutant, cercle après cercle, et met les deux personnes en relation. Une voix douce \
         parle à la personne qui attend.",
    en: "Finds a listener, circle after circle, and joins the two voices. A soft voice speaks to the waiting caller.",
    keys: &[
        KeyDoc::required(
            "dispatch",
            Kind::Choice(&["department", "national"]),
            "« department » : d'abord près de la personne concernée ; « national » : qui est de permanence.",
            "\"department\": first near the person concerned; \"national\": whoever is on duty.",
        ),
        KeyDoc::with_default(
            "ring",
            Kind::Time { min_ms: 5_000, max_ms: 60_000 },
            "20s",
            "Combien de temps sonne le téléphone d'une écoutante avant d'essayer la suivante.",
            "How long a listener's telephone rings before the next is tried.",
        ),
        KeyDoc::required(
            "hold",
            Kind::Prompt,
            "Ce que la personne qui attend entend ; entre deux fois, de la musique.",
            "What the waiting caller hears; between two times, music.",
        ),
        KeyDoc::with_default(
            "hold_every",
            Kind::Time { min_ms: 5_000, max_ms: 120_000 },
            "20s",
            "D'une fois à la suivante.",
            "From one time to the next.",
        ),
        KeyDoc::required(
            "tiers",
            Kind::Tables(TIER),
            "Les cercles, du plus proche au plus large ; chacun s'ajoute au précédent.",
            "The circles, from the nearest to the widest; each is added to the one before.",
        ),
        KeyDoc::with_default(
            "priority",
            Kind::Count { min: 0, max: 9 },
            "0",
            "0 pour un appel ordinaire ; un nombre plus grand passe avant.",
            "0 for an ordinary call; a greater number goes first.",
        ),
        KeyDoc::optional(
            "keys",
            Kind::Keys,
            "L'étape où mène chaque touche pendant l'attente.",
            "The step each key leads to while the caller waits.",
        ),
        KeyDoc::required(
            "answered",
            Kind::Step,
            "L'étape suivante après la conversation, si la personne est encore là.",
            "Where the call goes after the conversation, if the caller is still there.",
        ),
        KeyDoc::required(
            "overflow",
            Kind::Step,
            "L'étape suivante quand le dernier cercle est épuisé.",
            "Where it goes when the last circle is over.",
        ),
        NOTE,
    ],
    example: "[step.listener]\ndispatch = \"department\"\nhold = \"please_wait\"\n\
              tiers = [ { reach = \"department\", for = \"30s\" }, { reach = \"national\", for = \"4m\" } ]\n\
              answered = \"goodbye\"\noverflow = \"busy\"\n",
    build: |fields| {
        let department = fields.choice("dispatch") == "department";
        let tiers = fields.tables("tiers", tier);
        judge_tiers(fields, department, &tiers);
        Verb::Dispatch(Dispatch {
            department,
            ring: fields.time("ring"),
            hold: fields.prompt("hold"),
            hold_every: fields.time("hold_every"),
            tiers,
            priority: fields.count("priority"),
            keys: fields.keys("keys"),
            answered: fields.step("answered"),
            overflow: fields.step("overflow"),
        })
    },
};

const TIER: &[KeyDoc] = &[
    KeyDoc::required(
        "reach",
        Kind::Choice(&["department", "neighbours", "region", "national"]),
        "Jusqu'où l'on cherche.",
        "How far one looks.",
    ),
    KeyDoc::required(
        "for",
        Kind::Time { min_ms: 5_000, max_ms: 1_800_000 },
        "Combien de temps, avant le cercle suivant.",
        "For how long, before the next circle.",
    ),
];

fn tier(fields: &mut Fields<'_, '_, '_>) -> Tier {
    let reach = match fields.choice("reach") {
        "neighbours" => Reach::Neighbours,
        "region" => Reach::Region,
        "national" => Reach::National,
        _ => Reach::Department,
    };
    Tier { reach, lasts: fields.time("for") }
}

fn judge_tiers(fields: &mut Fields<'_, '_, '_>, department: bool, tiers: &[Tier]) {
    if tiers.windows(2).any(|pair| pair[0].reach >= pair[1].reach) {
        let hint = said!(
            "du plus proche au plus loin : department, neighbours, region, national",
            "from near to far: department, neighbours, region, national"
        );
        let sentence = said!(
            "chaque cercle doit être plus large que le précédent",
            "each circle must be wider than the one before"
        );
        fields.fault("tiers", &sentence, Some(hint));
    }
    if !department && tiers.iter().any(|tier| tier.reach != Reach::National) {
        let hint = said!(
            "écrivez dispatch = \"department\", ou seulement reach = \"national\"",
            "write dispatch = \"department\", or only reach = \"national\""
        );
        let sentence = said!(
            "sans le département, on ne peut pas chercher autour de lui",
            "without the department, a circle around it cannot be asked"
        );
        fields.fault("tiers", &sentence, Some(hint));
    }
    let patience: Duration = tiers.iter().map(|tier| tier.lasts).sum();
    if patience > PATIENCE_MAX {
        let hint = said!("passez plus tôt à `overflow`", "go to `overflow` earlier");
        let sentence = said!("personne n'attend plus d'une heure", "nobody waits for longer than an hour");
        fields.fault("tiers", &sentence, Some(hint));
    }
}

const PATIENCE_MAX: Duration = Duration::from_secs(3_600);

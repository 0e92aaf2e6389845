//! `when`: chooses the next step by what is known. Takes no time and says nothing.

use crate::france::Department;

use super::super::fault::said;
use super::super::fields::Fields;
use super::super::keys::{KeyDoc, Kind, NOTE, VerbDoc};
use super::super::plan::{Language, StepId, Verb};

/// Chooses the next step by what is known: the first case that holds.
#[derive(Clone, Debug, PartialEq)]
pub struct When {
    /// The cases, in order.
    pub cases: Vec<(Condition, StepId)>,
    /// Where the call goes when none holds.
    pub otherwise: StepId,
}

/// What a case asks.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// The opening hours of this name are open now.
    Hours(Box<str>),
    /// The caller is spoken to in this language.
    Language(Language),
    /// The department of the person concerned is known.
    Located,
    /// The person concerned lives in this department.
    Department(Department),
    /// An `ask` was answered so.
    Fact {
        /// The name the answer was kept under.
        name: Box<str>,
        /// The digits keyed.
        equals: Box<str>,
    },
}

pub(in super::super) const DOC: VerbDoc = VerbDoc {
    name: "when",
    fr: "Choisit l'étape suivante d'après ce que l'on sait : le premier cas qui convient.",
    en: "Chooses the next step by what is known: the first case that holds.",
    keys: &[
        KeyDoc::required("when", Kind::Tables(CASE), "Les cas, dans l'ordre.", "The cases, in order."),
        KeyDoc::required(
            "otherwise",
            Kind::Step,
            "L'étape suivante si aucun cas ne convient.",
            "Where the call goes when none holds.",
        ),
        NOTE,
    ],
    example: "[step.open]\nwhen = [ { hours = \"listening\", next = \"listener\" } ]\notherwise = \"closed\"\n",
    build: |fields| {
        let cases = fields.tables("when", case).into_iter().flatten().collect();
        Verb::When(When { cases, otherwise: fields.step("otherwise") })
    },
};

const CASE: &[KeyDoc] = &[
    KeyDoc::optional(
        "hours",
        Kind::Hours,
        "Ces heures d'ouverture sont en cours.",
        "These opening hours are open now.",
    ),
    KeyDoc::optional("language", Kind::Language, "On parle cette langue.", "The caller is spoken to in this language."),
    KeyDoc::optional(
        "located",
        Kind::Mark,
        "Le département de la personne concernée est connu.",
        "The department of the person concerned is known.",
    ),
    KeyDoc::optional(
        "department",
        Kind::Department,
        "La personne concernée vit dans ce département.",
        "The person concerned lives in this department.",
    ),
    KeyDoc::optional("fact", Kind::Word, "Ce qui a été tapé à un `ask`…", "What was keyed at an `ask`…"),
    KeyDoc::optional("equals", Kind::Digits, "… est exactement ceci.", "… is exactly this."),
    KeyDoc::required("next", Kind::Step, "L'étape suivante dans ce cas.", "Where the call goes then."),
];

fn case(fields: &mut Fields<'_, '_, '_>) -> Option<(Condition, StepId)> {
    let next = fields.step("next");
    let asked: Vec<&str> =
        ["hours", "language", "located", "department", "fact"].into_iter().filter(|name| fields.has(name)).collect();
    let &[asked] = asked.as_slice() else {
        let one = said!(
            "un cas demande une seule chose : hours, language, located, department, ou fact avec equals",
            "a case asks one thing: hours, language, located, department, or fact with equals"
        );
        let hint = said!("celui-ci en demande {count}", "this one asks {count}", count = asked.len());
        fields.fault("", &one, Some(hint));
        return None;
    };
    if fields.has("equals") != (asked == "fact") {
        let sentence = said!("`fact` et `equals` vont ensemble", "`fact` and `equals` go together");
        fields.fault(asked, &sentence, None);
        return None;
    }
    let condition = match asked {
        "hours" => Condition::Hours(fields.hours("hours")?),
        "language" => Condition::Language(fields.language("language")?),
        "department" => Condition::Department(fields.department("department")?),
        "fact" => Condition::Fact { name: fields.text("fact")?, equals: fields.text("equals")? },
        _ => {
            fields.flag("located");
            Condition::Located
        }
    };
    Some((condition, next))
}

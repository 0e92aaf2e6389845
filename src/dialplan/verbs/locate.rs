//! `locate`: finds the department of the person concerned.

use std::time::Duration;

use super::super::keys::{AFTER, BETWEEN, KeyDoc, Kind, NOTE, TRIES, VerbDoc};
use super::super::plan::{PromptName, StepId, Verb};

/// Finds the department of the person concerned, and reads its name back.
#[derive(Clone, Debug, PartialEq)]
pub struct Locate {
    /// Asks for the five-digit postcode.
    pub ask: PromptName,
    /// May a department guessed from the caller's number be offered first, by name?
    pub hint: bool,
    /// Said before the name of the department (the prompt of [`super::super::department_prompt`]).
    pub confirm: PromptName,
    /// Said after the name: 1 = right, 2 = change.
    pub confirm_keys: PromptName,
    /// Asked after `20` alone: 1 = Corse-du-Sud, 2 = Haute-Corse.
    pub corsica: PromptName,
    /// Said when what was keyed is no postcode and no department.
    pub wrong: PromptName,
    /// The silence after a prompt.
    pub after: Duration,
    /// The silence between two digits that ends the answer.
    pub between: Duration,
    /// How many failures lead to `unknown`; at least 1.
    pub tries: u8,
    /// Where the call goes when the department is known.
    pub found: StepId,
    /// Where it goes after `tries` failures, silence, or the key `0`.
    pub unknown: StepId,
}

impl Locate {
    /// What it may say, apart from the names of departments.
    pub(in super::super) fn prompts(&self) -> Vec<PromptName> {
        [&self.ask, &self.confirm, &self.confirm_keys, &self.corsica, &self.wrong].map(Clone::clone).into()
    }
}

pub(in super::super) const DOC: VerbDoc = VerbDoc {
    name: "locate",
    fr: "Demande le code postal de la personne concernée (ou le numéro du département), redit le nom du département, \
         permet de corriger. Deux échecs, le silence ou la touche 0 mènent à une personne.",
    en: "Asks for the postcode of the person concerned (or the number of the department), reads the name of the \
         department back, allows correction. Two failures, silence or key 0 lead to a person.",
    keys: &[
        KeyDoc::required("locate", Kind::Prompt, "Demande le code postal.", "Asks for the postcode."),
        KeyDoc::with_default(
            "hint",
            Kind::Flag,
            "true",
            "Proposer d'abord, par son nom, le département deviné d'après le numéro de la personne qui appelle ?",
            "First offer, by name, the department guessed from the caller's number?",
        ),
        KeyDoc::required(
            "confirm",
            Kind::Prompt,
            "Dit avant le nom du département.",
            "Said before the name of the department.",
        ),
        KeyDoc::required(
            "confirm_keys",
            Kind::Prompt,
            "Dit après le nom : 1 pour confirmer, 2 pour changer.",
            "Said after the name: 1 to confirm, 2 to change.",
        ),
        KeyDoc::required(
            "corsica",
            Kind::Prompt,
            "Demandé après « 20 » seul : 1 pour la Corse-du-Sud, 2 pour la Haute-Corse.",
            "Asked after \"20\" alone: 1 for Corse-du-Sud, 2 for Haute-Corse.",
        ),
        KeyDoc::required(
            "wrong",
            Kind::Prompt,
            "Dit quand ce qui est tapé n'est ni un code postal ni un département.",
            "Said when what was keyed is neither a postcode nor a department.",
        ),
        AFTER,
        BETWEEN,
        TRIES,
        KeyDoc::required(
            "found",
            Kind::Step,
            "L'étape suivante, département connu.",
            "Where the call goes, place known.",
        ),
        KeyDoc::required(
            "unknown",
            Kind::Step,
            "L'étape suivante après `tries` échecs, un silence ou la touche 0 : une personne.",
            "Where it goes after `tries` failures, silence or key 0: a person.",
        ),
        NOTE,
    ],
    example: "[step.place]\nlocate = \"ask_postcode\"\nconfirm = \"place_is\"\nconfirm_keys = \"place_keys\"\n\
              corsica = \"ask_corsica\"\nwrong = \"place_wrong\"\nfound = \"listener\"\nunknown = \"listener\"\n",
    build: |fields| {
        Verb::Locate(Locate {
            ask: fields.prompt("locate"),
            hint: fields.flag("hint"),
            confirm: fields.prompt("confirm"),
            confirm_keys: fields.prompt("confirm_keys"),
            corsica: fields.prompt("corsica"),
            wrong: fields.prompt("wrong"),
            after: fields.time("after"),
            between: fields.time("between"),
            tries: fields.count("tries"),
            found: fields.step("found"),
            unknown: fields.step("unknown"),
        })
    },
};

//! `play`: says a prompt, then goes on.

use super::super::keys::{KeyDoc, Kind, NOTE, VerbDoc};
use super::super::plan::{Language, PromptName, StepId, Verb};

/// Says a prompt, then goes on.
#[derive(Clone, Debug, PartialEq)]
pub struct Play {
    /// What is said.
    pub prompt: PromptName,
    /// Where the call goes when it was said.
    pub next: StepId,
    /// May a key end it early? The key then counts for the next step.
    pub skip: bool,
    /// From this step on (its own words included), the caller is spoken to in this language.
    pub language: Option<Language>,
}

pub(in super::super) const DOC: VerbDoc = VerbDoc {
    name: "play",
    fr: "Dit un message, puis continue.",
    en: "Says a prompt, then goes on.",
    keys: &[
        KeyDoc::required("play", Kind::Prompt, "Le message à dire.", "The prompt to say."),
        KeyDoc::required("next", Kind::Step, "L'étape suivante.", "The step that follows."),
        KeyDoc::with_default(
            "skip",
            Kind::Flag,
            "true",
            "Une touche peut-elle interrompre le message ? Elle compte alors pour l'étape suivante.",
            "May a key end the words early? It then counts for the next step.",
        ),
        KeyDoc::optional(
            "language",
            Kind::Language,
            "À partir d'ici (ce message compris), on parle cette langue à la personne.",
            "From here on, these words included, the caller is spoken to in this language.",
        ),
        NOTE,
    ],
    example: "[step.welcome]\nplay = \"welcome\"\nnext = \"danger\"\n",
    build: |fields| {
        Verb::Play(Play {
            prompt: fields.prompt("play"),
            next: fields.step("next"),
            skip: fields.flag("skip"),
            language: fields.language("language"),
        })
    },
};

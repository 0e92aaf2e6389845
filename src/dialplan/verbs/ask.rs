//! `ask`: says a prompt and waits for several digits.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::super::keys::{AFTER, BETWEEN, KeyDoc, Kind, NOTE, TRIES, VerbDoc};
use super::super::plan::{Key, PromptName, StepId, Verb};

/// Says a prompt and waits for several digits.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// What is said.
    pub prompt: PromptName,
    /// The name under which the digits are kept for a later `when`.
    pub fact: Box<str>,
    /// How many digits are an answer.
    pub digits: RangeInclusive<u8>,
    /// The key that ends a short answer; it is not part of it.
    pub end: Option<Key>,
    /// The silence between two digits that ends the answer.
    pub between: Duration,
    /// Where a good answer leads (`next`).
    pub valid: StepId,
    /// Where silence leads, and the key `0` alone.
    pub no_input: StepId,
    /// Where an answer of the wrong length leads, when the prompt was said `tries` times.
    pub wrong: StepId,
    /// The silence after the prompt.
    pub after: Duration,
    /// How often the prompt is said; at least 1.
    pub tries: u8,
}

pub(in super::super) const DOC: VerbDoc = VerbDoc {
    name: "ask",
    fr: "Dit un message et attend plusieurs chiffres, gardés sous un nom pour un `when` plus loin.",
    en: "Says a prompt and waits for several digits, kept under a name for a later `when`.",
    keys: &[
        KeyDoc::required("ask", Kind::Prompt, "Le message à dire.", "The prompt to say."),
        KeyDoc::required(
            "fact",
            Kind::Word,
            "Le nom sous lequel la réponse est gardée.",
            "The name under which the answer is kept.",
        ),
        KeyDoc::required(
            "digits",
            Kind::DigitCount,
            "Combien de chiffres font une réponse : 5, ou \"2-5\".",
            "How many digits are an answer: 5, or \"2-5\".",
        ),
        KeyDoc::with_default(
            "end",
            Kind::Key,
            "#",
            "La touche qui termine une réponse courte.",
            "The key that ends a short answer.",
        ),
        BETWEEN,
        KeyDoc::required("next", Kind::Step, "L'étape où mène une bonne réponse.", "Where a good answer leads."),
        KeyDoc::required(
            "no_input",
            Kind::Step,
            "L'étape où mène le silence, et la touche 0 seule.",
            "Where silence leads, and key 0 alone.",
        ),
        KeyDoc::like(
            "wrong",
            Kind::Step,
            "no_input",
            "L'étape où mène une réponse trop courte, quand le message a été dit `tries` fois.",
            "Where too short an answer leads, when the words were said `tries` times.",
        ),
        AFTER,
        TRIES,
        NOTE,
    ],
    example: "[step.case]\nask = \"ask_case\"\nfact = \"case\"\ndigits = 4\nnext = \"listener\"\nno_input = \"listener\"\n",
    build: |fields| {
        let digits = fields.digit_count("digits");
        Verb::Ask(Ask {
            prompt: fields.prompt("ask"),
            fact: fields.text("fact").unwrap_or_default(),
            digits,
            end: fields.key("end"),
            between: fields.time("between"),
            valid: fields.step("next"),
            no_input: fields.step("no_input"),
            wrong: fields.step("wrong"),
            after: fields.time("after"),
            tries: fields.count("tries"),
        })
    },
};

//! `menu`: says a prompt and waits for one key.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::fault::said;
use super::super::keys::{AFTER, KeyDoc, Kind, NOTE, TRIES, VerbDoc};
use super::super::plan::{Key, PromptName, StepId, Verb};
use super::Why;

/// Says a prompt and waits for one key.
#[derive(Clone, Debug, PartialEq)]
pub struct Menu {
    /// What is said.
    pub prompt: PromptName,
    /// Where each key leads. `0` is always here: it leads to `no_input` where the plan does not say otherwise.
    pub keys: BTreeMap<Key, StepId>,
    /// Where silence leads, when the prompt was said `tries` times.
    pub no_input: StepId,
    /// Where keys lead that are not listed, when the prompt was said `tries` times.
    pub wrong: StepId,
    /// The key that says the prompt again (and does not count as a try).
    pub repeat: Option<Key>,
    /// The silence after the prompt.
    pub after: Duration,
    /// How often the prompt is said before `no_input` or `wrong` is followed; at least 1.
    pub tries: u8,
}

impl Menu {
    /// Where keys, silence and other keys lead.
    pub(in super::super) fn edges(&self) -> Vec<(Why, StepId)> {
        let keys = self.keys.iter().map(|(key, to)| (Why::Key(*key), *to));
        keys.chain([(Why::Silence, self.no_input), (Why::Wrong, self.wrong)]).collect()
    }
}

pub(in super::super) const DOC: VerbDoc = VerbDoc {
    name: "menu",
    fr: "Dit un message et attend une touche. La touche 0 mène toujours à une personne : si le plan ne dit rien de la \
         touche 0, elle suit `no_input`.",
    en: "Says a prompt and waits for one key. Key 0 always leads to a person: where the plan says nothing of key 0, it \
         follows `no_input`.",
    keys: &[
        KeyDoc::required("menu", Kind::Prompt, "Le message à dire.", "The prompt to say."),
        KeyDoc::required("keys", Kind::Keys, "L'étape où mène chaque touche.", "The step each key leads to."),
        KeyDoc::required(
            "no_input",
            Kind::Step,
            "L'étape où mène le silence, quand le message a été dit `tries` fois.",
            "Where silence leads, when the words were said `tries` times.",
        ),
        KeyDoc::like(
            "wrong",
            Kind::Step,
            "no_input",
            "L'étape où mène une autre touche, quand le message a été dit `tries` fois.",
            "Where any other key leads, when the words were said `tries` times.",
        ),
        KeyDoc::optional(
            "repeat",
            Kind::Key,
            "La touche qui fait redire le message.",
            "The key that has the words said again.",
        ),
        AFTER,
        TRIES,
        NOTE,
    ],
    example: "[step.danger]\nmenu = \"in_danger\"\nkeys.1 = \"emergency\"\nno_input = \"place\"\n",
    build: |fields| {
        let (mut keys, no_input) = (fields.keys("keys"), fields.step("no_input"));
        let repeat = fields.key("repeat");
        if let Some(key) = repeat.filter(|key| keys.contains_key(key)) {
            let sentence = said!(
                "la touche {key} ne peut pas à la fois mener plus loin et faire redire le message",
                "key {key} cannot both lead on and repeat the words"
            );
            fields.fault("repeat", &sentence, None);
        }
        if repeat != Some(Key::PERSON) {
            keys.entry(Key::PERSON).or_insert(no_input);
        }
        Verb::Menu(Menu {
            prompt: fields.prompt("menu"),
            keys,
            no_input,
            wrong: fields.step("wrong"),
            repeat,
            after: fields.time("after"),
            tries: fields.count("tries"),
        })
    },
};

//! The verbs: one file each, with its type, its table of keys (from which parser, schema and reference page come) and its
//! way of being read. A verb also says where it leads (`edges`) and what it may say (`prompts`).

pub(super) mod ask;
pub(super) mod dispatch;
pub(super) mod hangup;
pub(super) mod locate;
pub(super) mod menu;
pub(super) mod play;
pub(super) mod when;

pub use ask::Ask;
pub use dispatch::{Dispatch, Reach, Tier};
pub use hangup::Hangup;
pub use locate::Locate;
pub use menu::Menu;
pub use play::Play;
pub use when::{Condition, When};

use super::keys::VerbDoc;
use super::plan::{Key, PromptName, StepId, Verb};

/// Every verb, in the order in which a person should learn them.
pub(super) const VERBS: &[VerbDoc] =
    &[play::DOC, menu::DOC, ask::DOC, when::DOC, locate::DOC, dispatch::DOC, hangup::DOC];

/// Why a call takes a way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// The step is over.
    Next,
    /// The caller pressed a key.
    Key(Key),
    /// The caller gave a good answer.
    Answer,
    /// The caller was silent.
    Silence,
    /// The caller pressed something else.
    Wrong,
    /// What is known decided.
    Case,
    /// The conversation is over.
    Answered,
    /// No listener was found.
    Overflow,
}

impl Why {
    /// Did the caller do something of use? All other ways are taken by a caller who can do nothing.
    pub fn is_callers_act(self) -> bool {
        matches!(self, Why::Key(_) | Why::Answer)
    }
}

impl Verb {
    /// The verb as it is written.
    pub fn name(&self) -> &'static str {
        match self {
            Verb::Play(_) => play::DOC.name,
            Verb::Menu(_) => menu::DOC.name,
            Verb::Ask(_) => ask::DOC.name,
            Verb::When(_) => when::DOC.name,
            Verb::Locate(_) => locate::DOC.name,
            Verb::Dispatch(_) => dispatch::DOC.name,
            Verb::Hangup(_) => hangup::DOC.name,
        }
    }

    /// What it may say. The names of departments, said by `locate`, are not among them.
    pub fn prompts(&self) -> Vec<PromptName> {
        match self {
            Verb::Play(play) => vec![play.prompt.clone()],
            Verb::Menu(menu) => vec![menu.prompt.clone()],
            Verb::Ask(ask) => vec![ask.prompt.clone()],
            Verb::Locate(locate) => locate.prompts(),
            Verb::Dispatch(dispatch) => vec![dispatch.hold.clone()],
            Verb::When(_) | Verb::Hangup(_) => Vec::new(),
        }
    }

    /// Where it may lead, and why.
    pub(super) fn edges(&self) -> Vec<(Why, StepId)> {
        match self {
            Verb::Play(play) => vec![(Why::Next, play.next)],
            Verb::Menu(menu) => menu.edges(),
            Verb::Ask(ask) => vec![(Why::Answer, ask.valid), (Why::Silence, ask.no_input), (Why::Wrong, ask.wrong)],
            Verb::When(when) => {
                when.cases.iter().map(|(_, to)| *to).chain([when.otherwise]).map(|to| (Why::Case, to)).collect()
            }
            Verb::Locate(locate) => vec![(Why::Answer, locate.found), (Why::Silence, locate.unknown)],
            Verb::Dispatch(dispatch) => dispatch.edges(),
            Verb::Hangup(_) => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::keys::{Absent, KeyDoc, Kind};
    use super::super::{PromptIndex, read};
    use super::VERBS;

    /// The example of every verb is read without a fault of its own.
    #[test]
    fn examples_are_sound() {
        for verb in VERBS {
            let own = verb.example.split(['.', ']']).nth(1).expect("an example begins with its step");
            let mut text = format!(
                "[plan]\nnumbers = [\"3977\"]\nstart = \"{own}\"\n[hours.listening]\nmon = \"09:00-12:00\"\n{}",
                verb.example
            );
            for other in ["danger", "place", "listener", "goodbye", "emergency", "closed", "busy", "end"] {
                if other != own {
                    text.push_str(&format!("[step.{other}]\nhangup = true\n"));
                }
            }
            // The rest of the graph is not of the example's making.
            let title = format!("({})", verb.name);
            let faults = read("example.toml", &text, &PromptIndex::unchecked()).err().unwrap_or_default();
            let own: Vec<String> =
                faults.iter().map(ToString::to_string).filter(|fault| fault.contains(&title)).collect();
            assert!(own.is_empty(), "{own:?}");
        }
    }

    /// Every key has words in both languages; the first key of a verb bears its name; a default stands within its bounds.
    #[test]
    fn tables_are_whole() {
        for verb in VERBS {
            assert_eq!(verb.keys[0].name, verb.name);
            assert!(!verb.fr.is_empty() && !verb.en.is_empty());
            tables_are_whole_below(verb.keys);
        }
        tables_are_whole_below(super::super::keys::PLAN);
        tables_are_whole_below(super::super::keys::HOURS);
    }

    fn tables_are_whole_below(keys: &[KeyDoc]) {
        for (place, doc) in keys.iter().enumerate() {
            assert!(!doc.fr.is_empty() && !doc.en.is_empty(), "{}", doc.name);
            assert!(keys[..place].iter().all(|other| other.name != doc.name), "{} twice", doc.name);
            match (doc.kind, doc.absent) {
                (Kind::Time { min_ms, max_ms }, Absent::Default(text)) => {
                    let time = super::super::values::time(text).expect("a default is a value");
                    assert!((u128::from(min_ms)..=u128::from(max_ms)).contains(&time.as_millis()), "{}", doc.name);
                }
                (Kind::Count { min, max }, Absent::Default(text)) => {
                    assert!((min..=max).contains(&text.parse().expect("a default is a number")), "{}", doc.name);
                }
                (Kind::Table(keys) | Kind::Tables(keys), _) => tables_are_whole_below(keys),
                _ => {}
            }
        }
    }
}

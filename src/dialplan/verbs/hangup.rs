//! `hangup`: ends the call.

use super::super::keys::{KeyDoc, Kind, NOTE, VerbDoc};
use super::super::plan::Verb;

/// Ends the call. There is nothing to say about it: whatever was to be said was said by the step before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hangup {}

pub(in super::super) const DOC: VerbDoc = VerbDoc {
    name: "hangup",
    fr: "Termine l'appel. L'étape d'avant doit avoir dit quelque chose, ou quelqu'un avoir répondu.",
    en: "Ends the call. The step before must have said something, or somebody must have answered.",
    keys: &[KeyDoc::required("hangup", Kind::Mark, "Toujours `true`.", "Always `true`."), NOTE],
    example: "[step.end]\nhangup = true\n",
    build: |fields| {
        fields.flag("hangup");
        Verb::Hangup(Hangup {})
    },
};

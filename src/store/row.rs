//! An entry as it is written down: without the caller's number, so that no row can carry one into the spool.

use serde::{Deserialize, Serialize};

use crate::call::record::Record;
use crate::clock::Civil;
use crate::dispatch::{Decision, Wish};
use crate::ids::{CallId, ListenerId, PhoneNumber};

use super::Entry;

/// One line of the spool, one row of the database.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case")]
pub(super) enum Row {
    /// See [`Entry::Record`].
    Record { record: Box<Record> },
    /// See [`Entry::Decision`].
    Decision { decision: Box<Decision> },
    /// See [`Entry::Wish`].
    Wish { listener: ListenerId, wish: Wish, at: Civil },
}

impl Row {
    /// Parts an entry from the caller's number.
    pub fn part(entry: Entry) -> (Row, Option<(CallId, PhoneNumber)>) {
        match entry {
            Entry::Record(finished) => {
                let number = finished.caller.map(|number| (finished.record.call, number));
                (Row::Record { record: Box::new(finished.record) }, number)
            }
            Entry::Decision(decision) => (Row::Decision { decision }, None),
            Entry::Wish { listener, wish, at } => (Row::Wish { listener, wish, at }, None),
        }
    }

    /// A decision explains; a record or a wish is the fact itself and is given up last.
    pub fn is_explanation(&self) -> bool {
        matches!(self, Row::Decision { .. })
    }
}

//! The dialplan: what the staff wrote, and what it means.
//!
//! A plan is a flat graph of steps in TOML: one step, one verb, one next. [`read`] walks the spanned tree and collects every
//! fault with file, line and a sentence; then the graph is judged; only a sound [`Plan`] exists after that, and a call walks
//! along it without doubting it. Pure: text, the knowledge of prompts and a time are handed in.
//!
//! What this room does not do: it plays nothing, rings nobody and keeps no state of a call (that is `call`), and it reads no
//! file (that is `node` and `cli`).
//!
//! Each key a plan may hold is written down once (`keys`, and one file per verb in `verbs`), with its kind, bounds, default
//! and its words in French and English. The parser, [`schema`] and [`staff_reference`] all come from there.

mod check;
mod fault;
mod fields;
mod hours;
mod keys;
mod lists;
mod plan;
mod prompts;
mod read;
mod reference;
mod schema;
mod syntax;
mod values;
mod verbs;

pub use fault::{Fault, Said};
pub use hours::Hours;
pub use plan::{Key, Language, NoInput, Plan, PromptName, Step, StepId, Verb, department_prompt};
pub use prompts::{PromptIndex, PromptWords};
pub use read::read;
pub use reference::staff_reference;
pub use schema::schema;
pub use verbs::{Ask, Condition, Dispatch, Hangup, Locate, Menu, Play, Reach, Tier, When};

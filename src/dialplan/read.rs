//! Reading: from the text of a plan to a [`Plan`], or to every fault in it.
//!
//! The spanned TOML tree is walked by hand, because serde stops at the first fault and its untagged enums lose the place.
//! First the names are collected (steps, hours), then each table is read through its key table, then [`super::check`] judges
//! the graph. Nothing here reads a file: text and prompts are handed in.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::check;
use super::fault::{Fault, Faults, did_you_mean, said};
use super::fields::{Fields, NOWHERE, Reader, type_word, wants};
use super::hours::Hours;
use super::keys::{self, VerbDoc};
use super::plan::{Language, NoInput, Plan, Step, StepId};
use super::prompts::PromptIndex;
use super::syntax;
use super::values;
use super::verbs::VERBS;

/// Reads the plan in `text`. `file` is how the faults name it, and its stem is the plan's name.
pub fn read(file: &str, text: &str, prompts: &PromptIndex) -> Result<Plan, Vec<Fault>> {
    let mut faults = Faults::new(file, text);
    if text.len() > TEXT_MAX {
        let sentence = said!("le fichier dépasse {kb} ko", "the file is longer than {kb} kB", kb = TEXT_MAX / 1000);
        faults.on(1, sentence, None);
        return Err(faults.into_sorted());
    }
    let (tree, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        syntax::report(text, &errors, &mut faults);
        return Err(faults.into_sorted()); // what was recovered of a broken text would give false faults
    }
    let root = Root::new(tree.get_ref(), &mut faults);
    let mut reader = Reader {
        steps: root.steps.iter().enumerate().map(|(place, step)| (step.name, StepId(place as u16))).collect(),
        hours: root.hours.iter().map(|hours| hours.name).collect(),
        faults,
        prompts,
        languages: Vec::new(),
        no_input: NoInput::default(),
        lost: false,
    };
    let plan = assemble(&root, &mut reader, name_of(file));
    if let Some(plan) = &plan {
        check::judge(plan, &mut reader);
    }
    match plan {
        Some(plan) if reader.faults.is_empty() => Ok(plan),
        _ => Err(reader.faults.into_sorted()),
    }
}

/// A named table and where it stands.
struct Named<'t, 'i> {
    name: &'t str,
    line: u32,
    table: &'t DeTable<'i>,
}

/// The file's tables, before any is read.
struct Root<'t, 'i> {
    plan: Option<Named<'t, 'i>>,
    hours: Vec<Named<'t, 'i>>,
    steps: Vec<Named<'t, 'i>>,
}

impl<'t, 'i> Root<'t, 'i> {
    fn new(tree: &'t DeTable<'i>, faults: &mut Faults) -> Root<'t, 'i> {
        let mut root = Root { plan: None, hours: Vec::new(), steps: Vec::new() };
        for (key, value) in tree.iter() {
            match (&**key.get_ref(), value.get_ref()) {
                ("plan", DeValue::Table(table)) => {
                    root.plan = Some(Named { name: "plan", line: faults.line(key.span().start), table });
                }
                ("hours", DeValue::Table(table)) => root.hours = named(table, "hours", faults),
                ("step", DeValue::Table(table)) => root.steps = named(table, "step", faults),
                (name @ ("plan" | "hours" | "step"), other) => {
                    faults.at(&key.span(), wants(name, ("une table", "a table"), type_word(other)), None);
                }
                (name, _) => {
                    let hint = did_you_mean(name, ["plan", "hours", "step"]).unwrap_or(said!(
                        "un plan contient [plan], [hours.NOM] et [step.NOM]",
                        "a plan holds [plan], [hours.NAME] and [step.NAME]"
                    ));
                    let sentence = said!("un plan n'a pas de place pour `{name}`", "a plan has no place for `{name}`");
                    faults.at(&key.span(), sentence, Some(hint));
                }
            }
        }
        if root.steps.len() > STEPS_MAX {
            let sentence = said!("le plan a plus de {STEPS_MAX} étapes", "the plan has more than {STEPS_MAX} steps");
            faults.on(1, sentence, None);
            root.steps.truncate(STEPS_MAX);
        }
        root
    }
}

/// The tables below `[step]` or `[hours]`, in the order of the file.
fn named<'t, 'i>(table: &'t DeTable<'i>, kind: &str, faults: &mut Faults) -> Vec<Named<'t, 'i>> {
    let mut entries: Vec<(&Spanned<DeString<'i>>, &Spanned<DeValue<'i>>)> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    let mut all = Vec::new();
    for (key, value) in entries {
        let name: &str = key.get_ref();
        if let Err(sentence) = values::word(name) {
            faults.at(&key.span(), sentence, None);
        }
        match value.get_ref() {
            DeValue::Table(table) => all.push(Named { name, line: faults.line(key.span().start), table }),
            other => {
                let hint =
                    said!("écrivez [{kind}.{name}] sur une ligne à part", "write [{kind}.{name}] on a line of its own");
                faults.at(&key.span(), wants(name, ("une table", "a table"), type_word(other)), Some(hint));
            }
        }
    }
    all
}

/// Reads every table. `None` when there is too little to judge the graph.
fn assemble<'t>(root: &'t Root<'t, '_>, reader: &mut Reader<'t>, name: String) -> Option<Plan> {
    let Some(head) = &root.plan else {
        let hint = said!(
            "elle dit quels numéros mènent au plan, et où l'appel commence",
            "it says which numbers reach the plan and where a call begins"
        );
        reader.faults.on(1, said!("il n'y a pas de table [plan]", "there is no table [plan]"), Some(hint));
        return None;
    };
    let mut plan = read_head(head, reader, name);
    let zone = TimeZone::get(&plan.zone).unwrap_or(TimeZone::UTC);
    for hours in &root.hours {
        let title = said!("heures `{name}`", "hours `{name}`", name = hours.name);
        let mut fields = Fields::new(reader, hours.table, keys::HOURS, hours.line, title);
        let read = Hours::read(&mut fields, &zone);
        plan.hours.insert(hours.name.into(), read);
    }
    if root.steps.is_empty() {
        let hint = said!("écrivez [step.welcome] …", "write [step.welcome] …");
        reader.faults.on(head.line, said!("le plan n'a pas d'étape", "the plan has no step"), Some(hint));
        return None;
    }
    let mut whole = true;
    for step in &root.steps {
        match read_step(step, reader) {
            Some(step) => plan.steps.push(step),
            None => whole = false,
        }
    }
    whole.then_some(plan)
}

fn read_head<'t>(head: &Named<'t, '_>, reader: &mut Reader<'t>, name: String) -> Plan {
    let mut fields = Fields::new(reader, head.table, keys::PLAN, head.line, said!("[plan]", "[plan]"));
    let languages = languages(&mut fields);
    let no_input = match fields.table("no_input") {
        Some(mut fields) => NoInput { after: fields.time("after"), tries: fields.count("tries") },
        None => NoInput::default(),
    };
    fields.reader.languages.clone_from(&languages);
    fields.reader.no_input = no_input;
    Plan {
        name,
        numbers: numbers(&mut fields),
        start: fields.step("start"),
        languages,
        zone: zone(&mut fields),
        no_input,
        emergency: fields.step_if_any("emergency"),
        steps: Vec::new(),
        hours: BTreeMap::new(),
    }
}

fn read_step<'t>(step: &Named<'t, '_>, reader: &mut Reader<'t>) -> Option<Step> {
    let verbs: Vec<&VerbDoc> = VERBS.iter().filter(|verb| step.table.contains_key(verb.name)).collect();
    let &[verb] = verbs.as_slice() else {
        let title = said!("étape `{name}`", "step `{name}`", name = step.name);
        if verbs.is_empty() {
            let hint = step
                .table
                .keys()
                .find_map(|key| did_you_mean(key.get_ref(), VERBS.iter().map(|verb| verb.name)))
                .or_else(|| Some(said!("un de {all}", "one of {all}", all = verb_names(VERBS.iter()))));
            reader.faults.on(step.line, title.then(&said!("elle n'a pas de verbe", "it has no verb")), hint);
        } else {
            let hint = said!(
                "une étape fait une seule chose : faites-en deux",
                "one step does one thing: make two steps of it"
            );
            let sentence = said!(
                "elle a {count} verbes : {all}",
                "it has {count} verbs: {all}",
                count = verbs.len(),
                all = verb_names(verbs.into_iter())
            );
            reader.faults.on(step.line, title.then(&sentence), Some(hint));
        }
        return None;
    };
    let title = said!("étape `{name}` ({verb})", "step `{name}` ({verb})", name = step.name, verb = verb.name);
    let mut fields = Fields::new(reader, step.table, verb.keys, step.line, title);
    let verb = (verb.build)(&mut fields);
    Some(Step { name: step.name.into(), verb, line: step.line })
}

fn languages(fields: &mut Fields<'_, '_, '_>) -> Vec<Language> {
    let mut seen = BTreeSet::new();
    let mut languages = Vec::new();
    for (text, span) in fields.texts("languages") {
        match Language::new(text) {
            Some(language) if seen.insert(language.clone()) => languages.push(language),
            Some(language) => {
                let sentence = said!("`{language}` est nommée deux fois", "`{language}` is named twice");
                fields.reader.faults.at(&span, sentence, None);
            }
            None => {
                let hint = said!(
                    "écrivez deux lettres minuscules : \"fr\", \"en\"",
                    "write two small letters: \"fr\", \"en\""
                );
                let sentence = said!("`{text}` n'est pas une langue", "`{text}` is not a language");
                fields.reader.faults.at(&span, sentence, Some(hint));
            }
        }
    }
    if languages.is_empty() {
        fields.fault("languages", &said!("le plan ne parle aucune langue", "the plan speaks no language"), None);
    }
    languages
}

fn numbers(fields: &mut Fields<'_, '_, '_>) -> Vec<Box<str>> {
    let mut numbers: Vec<Box<str>> = Vec::new();
    for (text, span) in fields.texts("numbers") {
        match values::number(text) {
            Ok(()) if numbers.iter().any(|number| **number == *text) => {
                let sentence = said!("ce numéro est nommé deux fois", "this number is named twice");
                fields.reader.faults.at(&span, sentence, None);
            }
            Ok(()) => numbers.push(text.into()),
            Err(sentence) => {
                let sentence = said!("[plan] : `numbers`", "[plan]: `numbers`").then(&sentence);
                fields.reader.faults.at(&span, sentence, None);
            }
        }
    }
    if fields.has("numbers") && numbers.is_empty() {
        let hint = said!("numbers = [\"3977\"]", "numbers = [\"3977\"]");
        let sentence = said!("aucun numéro ne mène au plan", "no number reaches the plan");
        fields.fault("numbers", &sentence, Some(hint));
    }
    numbers
}

fn zone(fields: &mut Fields<'_, '_, '_>) -> String {
    let zone = fields.text("timezone").unwrap_or_default();
    if !zone.is_empty() && TimeZone::get(&zone).is_err() {
        let hint = said!(
            "écrivez par exemple \"Europe/Paris\" ou \"Indian/Reunion\"",
            "write for example \"Europe/Paris\" or \"Indian/Reunion\""
        );
        let sentence = said!("le fuseau horaire `{zone}` n'existe pas", "there is no time zone `{zone}`");
        fields.fault("timezone", &sentence, Some(hint));
    }
    zone.into()
}

fn verb_names<'v>(verbs: impl Iterator<Item = &'v VerbDoc>) -> String {
    verbs.map(|verb| verb.name).collect::<Vec<_>>().join(", ")
}

/// `dialplans/3977.toml` is the plan `3977`.
fn name_of(file: &str) -> String {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    name.strip_suffix(".toml").unwrap_or(name).to_owned()
}

impl StepId {
    /// Does it lead anywhere? `false` only while faults are being collected.
    pub(super) fn exists(self) -> bool {
        self != NOWHERE
    }
}

const TEXT_MAX: usize = 1_000_000;
const STEPS_MAX: usize = 1_000;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{Key, Reach, Verb};
    use super::*;

    const PLAN: &str = r#"
[plan]
numbers = ["3977", "+33476000102"]
start = "welcome"
emergency = "emergency"
no_input = { after = "7s", tries = 3 }

[step.welcome]
play = "welcome"
next = "danger"

[step.danger]
menu = "in_danger"
keys = { 1 = "emergency", "*" = "listener" }
repeat = "9"
no_input = "listener"

[step.emergency]
play = "emergency"
skip = false
next = "listener"

[step.listener]
dispatch = "department"
hold = "wait"
tiers = [ { reach = "neighbours", for = "30s" }, { reach = "national", for = "1m30s" } ]
keys.1 = "emergency"
answered = "goodbye"
overflow = "goodbye"

[step.goodbye]
play = "goodbye"
next = "end"

[step.end]
hangup = true
"#;

    /// A sound plan says what was written, with the defaults of the verbs and of the plan filled in.
    #[test]
    fn a_sound_plan() {
        let plan = read("some/where/3977.toml", PLAN, &PromptIndex::unchecked()).expect("sound");
        assert_eq!((plan.name.as_str(), plan.zone.as_str()), ("3977", "Europe/Paris"));
        assert_eq!(plan.first_language().as_str(), "fr");
        let step = |name: &str| plan.step_named(name).expect("a step");
        let Verb::Play(welcome) = &plan.step(plan.start).verb else { panic!("a play") };
        assert!(welcome.skip && welcome.next == step("danger") && &*welcome.prompt == "welcome");

        let Verb::Menu(danger) = &plan.step(welcome.next).verb else { panic!("a menu") };
        assert_eq!((danger.after, danger.tries), (Duration::from_secs(7), 3), "as [plan] says");
        assert_eq!(danger.wrong, danger.no_input);
        let keys: String = danger.keys.keys().map(|key| key.as_char()).collect();
        assert_eq!(keys, "*01", "0 leads to a person though nobody wrote it");
        assert_eq!(danger.keys.get(&Key::PERSON), Some(&step("listener")));

        let Verb::Dispatch(dispatch) = &plan.step(step("listener")).verb else { panic!("a dispatch") };
        assert_eq!((dispatch.ring, dispatch.hold_every), (Duration::from_secs(20), Duration::from_secs(20)));
        assert_eq!((dispatch.tiers[0].reach, dispatch.patience()), (Reach::Neighbours, Duration::from_secs(120)));
        assert_eq!(plan.prompts().len(), 5);
        let line = PLAN[..PLAN.find("[step.end]").expect("there")].lines().count() + 1;
        assert_eq!(plan.step(step("end")).line() as usize, line);
        assert_eq!(plan.step_named("nowhere"), None);
    }

    /// Any one line taken out of the plan is either not needed or missed with a sentence; nothing panics.
    #[test]
    fn each_line_counts() {
        let lines: Vec<&str> = PLAN.lines().collect();
        let mut sound = Vec::new();
        for out in 0..lines.len() {
            let text: Vec<&str> =
                lines.iter().enumerate().filter(|(at, _)| *at != out).map(|(_, line)| *line).collect();
            match read("f", &text.join("\n"), &PromptIndex::unchecked()) {
                Ok(_) => sound.extend(Some(lines[out]).filter(|line| !line.is_empty())),
                Err(faults) => assert!(faults.iter().all(|fault| !fault.sentence.fr.is_empty())),
            }
        }
        let not_needed =
            ["no_input = { after = \"7s\", tries = 3 }", "repeat = \"9\"", "skip = false", "keys.1 = \"emergency\""];
        assert_eq!(sound, not_needed);
    }

    /// A text that is too long, empty, or no plan at all is answered with faults.
    #[test]
    fn no_plan_at_all() {
        for text in
            ["", "\u{feff}", "#", "\0", "[plan", "plan = 3", "step = []", "hours.x = 1", &"#".repeat(TEXT_MAX + 1)]
        {
            assert!(read("f", text, &PromptIndex::unchecked()).is_err(), "{}", text.len());
        }
    }
}

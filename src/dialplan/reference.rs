//! The staff's reference page: every verb and every key in French or English, in Markdown. Made from the key tables.

use std::fmt::Write;

use super::keys::{Absent, HOURS, KeyDoc, Kind, NO_INPUT, PLAN};
use super::values::time_text;
use super::verbs::VERBS;

/// The reference in `language`: `fr`, or English for anything else.
pub fn staff_reference(language: &str) -> String {
    let page = Page { french: language == "fr" };
    let mut out = String::new();
    page.table(&mut out, 3, "`[plan]`", PLAN);
    page.table(&mut out, 4, "`no_input` de/of `[plan]`", NO_INPUT);
    page.table(&mut out, 3, "`[hours.NOM]`", HOURS);
    for verb in VERBS {
        page.heading(&mut out, 3, &format!("`{}`", verb.name));
        line(&mut out, page.say(verb.fr, verb.en));
        line(&mut out, "");
        line(&mut out, "```toml");
        out.push_str(verb.example);
        line(&mut out, "```");
        line(&mut out, "");
        page.rows(&mut out, verb.keys);
        for doc in verb.keys {
            if let Kind::Table(keys) | Kind::Tables(keys) = doc.kind {
                let title = format!("`{}` {} `{}`", doc.name, page.say("de", "of"), verb.name);
                page.table(&mut out, 4, &title, keys);
            }
        }
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

struct Page {
    french: bool,
}

impl Page {
    fn say<'w>(&self, french: &'w str, english: &'w str) -> &'w str {
        if self.french { french } else { english }
    }

    fn heading(&self, out: &mut String, depth: usize, title: &str) {
        line(out, &format!("{} {title}", "#".repeat(depth)));
        line(out, "");
    }

    fn table(&self, out: &mut String, depth: usize, title: &str, keys: &[KeyDoc]) {
        let title = title.replace("de/of", self.say("de", "of")).replace("NOM", self.say("NOM", "NAME"));
        self.heading(out, depth, &title);
        self.rows(out, keys);
    }

    fn rows(&self, out: &mut String, keys: &[KeyDoc]) {
        line(out, self.say("| clé | ce qu'on écrit | sinon | |", "| key | what is written | otherwise | |"));
        line(out, "|---|---|---|---|");
        for doc in keys {
            let (kind, absent) = (self.kind(doc.kind), self.absent(doc.absent));
            line(out, &format!("| `{}` | {kind} | {absent} | {} |", doc.name, self.say(doc.fr, doc.en)));
        }
        line(out, "");
    }

    fn absent(&self, absent: Absent) -> String {
        match absent {
            Absent::Required => self.say("**obligatoire**", "**required**").to_owned(),
            Absent::Default(text) => format!("`{text}`"),
            Absent::Plan(name) => format!("`no_input.{name}` {}", self.say("du plan", "of the plan")),
            Absent::Like(other) => self.say("comme `OTHER`", "same as `OTHER`").replace("OTHER", other),
            Absent::Nothing => "".to_owned(),
        }
    }

    fn kind(&self, kind: Kind) -> String {
        let words = match kind {
            Kind::Time { min_ms, max_ms } => {
                let (min, max) = (time_text(min_ms), time_text(max_ms));
                return format!("{} (`{min}` – `{max}`)", self.say("durée", "length of time"));
            }
            Kind::Count { min, max } => return format!("{} ({min} – {max})", self.say("nombre", "number")),
            Kind::Choice(words) => {
                return words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(self.say(" ou ", " or "));
            }
            Kind::Note => ("texte libre", "free words"),
            Kind::Word => ("un mot à vous", "a word of your own"),
            Kind::Prompt => ("nom d'un message", "name of a prompt"),
            Kind::Step => ("nom d'une étape", "name of a step"),
            Kind::Hours => ("nom d'heures d'ouverture", "name of opening hours"),
            Kind::Language => ("langue (`fr`)", "language (`fr`)"),
            Kind::Department => ("département (`38`)", "department (`38`)"),
            Kind::Numbers => ("liste de numéros", "list of numbers"),
            Kind::Languages => ("liste de langues", "list of languages"),
            Kind::Zone => ("fuseau horaire", "time zone"),
            Kind::HolidaySet => ("jours fériés", "public holidays"),
            Kind::Spans => ("`09:00-13:00, 14:00-19:00` ou `closed`", "`09:00-13:00, 14:00-19:00` or `closed`"),
            Kind::Digits => ("chiffres", "digits"),
            Kind::DigitCount => ("`5` ou `\"2-5\"`", "`5` or `\"2-5\"`"),
            Kind::Key => ("touche (`0` à `9`, `*`, `#`)", "key (`0` to `9`, `*`, `#`)"),
            Kind::Keys => ("`keys.1 = \"étape\"`", "`keys.1 = \"step\"`"),
            Kind::Flag => ("`true` ou `false`", "`true` or `false`"),
            Kind::Mark => ("`true`", "`true`"),
            Kind::Table(_) => ("une table", "a table"),
            Kind::Tables(_) => ("une liste de tables", "a list of tables"),
        };
        self.say(words.0, words.1).to_owned()
    }
}

fn line(out: &mut String, text: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{text}");
}

//! Opening hours: spans of local time for each day of the week and for public holidays, in one time zone. Local time is what
//! counts, so the two nights on which the clocks change need no rule of their own: an hour that comes twice is open twice,
//! an hour that does not come opens nothing.

use std::collections::BTreeMap;

use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;

use crate::clock::Civil;
use crate::france::{HolidaySet, is_public_holiday};

use super::fault::{Said, said};
use super::fields::Fields;

/// Opening hours, sound.
#[derive(Clone, Debug, PartialEq)]
pub struct Hours {
    zone: TimeZone,
    days: [Spans; 7],
    /// What holds on the public holidays of a set, where they are not like other days.
    holidays: Option<(HolidaySet, Spans)>,
}

/// Spans of one day, in minutes since midnight, in order, apart from each other; each ends before its second number.
type Spans = Vec<(u16, u16)>;

impl Hours {
    /// Open at `civil`?
    pub fn is_open(&self, civil: Civil) -> bool {
        let local = civil.timestamp().to_zoned_datetime(self.zone.clone());
        let minute = minute_of(local.time());
        self.spans_of(local.date()).iter().any(|(from, to)| (*from..*to).contains(&minute))
    }

    fn spans_of(&self, date: jiff::civil::Date) -> &Spans {
        match &self.holidays {
            Some((set, spans)) if is_public_holiday(date, *set) => spans,
            _ => &self.days[day_index(date.weekday())],
        }
    }

    /// From the fields of `[hours.NAME]`. A day that is not named is closed.
    pub(super) fn read(fields: &mut Fields<'_, '_, '_>, zone: &TimeZone) -> Hours {
        let mut days: [Option<Spans>; 7] = Default::default();
        for (name, places) in DAYS {
            if fields.has(name) {
                let spans = read_spans(fields, name).unwrap_or_default();
                for place in *places {
                    days[*place] = Some(spans.clone());
                }
            }
        }
        if days.iter().all(Option::is_none) {
            let hint = said!(
                "écrivez weekdays = \"09:00-19:00\", ou sat = \"09:00-13:00, 14:00-19:00\"",
                "write weekdays = \"09:00-19:00\", or sat = \"09:00-13:00, 14:00-19:00\""
            );
            fields.fault("", &said!("aucun jour n'est nommé", "no day is named"), Some(hint));
        }
        let set = holiday_set(fields);
        let holidays = match fields.text("holidays").as_deref() {
            Some("same") | None => None,
            Some(_) => set.zip(read_spans(fields, "holidays")),
        };
        Hours { zone: zone.clone(), days: days.map(Option::unwrap_or_default), holidays }
    }
}

fn holiday_set(fields: &mut Fields<'_, '_, '_>) -> Option<HolidaySet> {
    let name = fields.text("holiday_set")?;
    let set = HolidaySet::from_id(&name);
    if set.is_none() {
        let hint = said!(
            "metropole, alsace-moselle, ou le code d'un département d'outre-mer",
            "metropole, alsace-moselle, or the code of an overseas department"
        );
        let sentence = said!("aucuns jours fériés ne s'appellent `{name}`", "no public holidays are called `{name}`");
        fields.fault("holiday_set", &sentence, Some(hint));
    }
    set
}

fn read_spans(fields: &mut Fields<'_, '_, '_>, name: &'static str) -> Option<Spans> {
    let text = fields.text(name)?;
    match spans(&text) {
        Ok(spans) => Some(spans),
        Err(sentence) => {
            let hint = said!(
                "écrivez par exemple \"09:00-13:00, 14:00-19:00\", ou \"closed\" (fermé)",
                "write for example \"09:00-13:00, 14:00-19:00\", or \"closed\""
            );
            fields.fault(name, &said!("`{name}`", "`{name}`").then(&sentence), Some(hint));
            None
        }
    }
}

/// `09:00-13:00, 14:00-19:00`, or `closed`.
fn spans(text: &str) -> Result<Spans, Said> {
    if text.trim() == "closed" {
        return Ok(Spans::new());
    }
    let mut spans = BTreeMap::new();
    for part in text.split(',').map(str::trim) {
        let (from, to) =
            part.split_once('-').ok_or_else(|| said!("`{part}` ne dit pas de-à", "`{part}` is not from-to"))?;
        let (from, to) = (minute(from)?, minute(to)?);
        if from >= to {
            return Err(said!(
                "`{part}` finit avant de commencer ; une nuit s'écrit en deux, une part pour chaque jour",
                "`{part}` ends before it begins; a night is two spans, one on each day"
            ));
        }
        if spans.insert(from, to).is_some() {
            return Err(said!("`{part}` en recouvre une autre", "`{part}` overlaps another span"));
        }
    }
    let spans: Spans = spans.into_iter().collect();
    match spans.windows(2).find(|pair| pair[0].1 > pair[1].0) {
        Some(_) => Err(said!("deux plages se recouvrent", "two spans overlap")),
        None => Ok(spans),
    }
}

fn minute(text: &str) -> Result<u16, Said> {
    let text = text.trim();
    let wrong = || {
        said!(
            "`{text}` n'est pas une heure : écrivez 09:00, jusqu'à 24:00",
            "`{text}` is not a time of day: write 09:00, up to 24:00"
        )
    };
    let (hour, minute) = text.split_once(':').ok_or_else(wrong)?;
    let two_digits = |text: &str| {
        let sound = (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        sound.then(|| text.parse::<u16>().ok()).flatten()
    };
    match (two_digits(hour), two_digits(minute).filter(|_| minute.len() == 2)) {
        (Some(24), Some(0)) => Ok(24 * 60),
        (Some(hour @ 0..=23), Some(minute @ 0..=59)) => Ok(hour * 60 + minute),
        _ => Err(wrong()),
    }
}

fn minute_of(time: Time) -> u16 {
    u16::try_from(i32::from(time.hour()) * 60 + i32::from(time.minute())).unwrap_or(0)
}

fn day_index(day: Weekday) -> usize {
    usize::try_from(day.to_monday_zero_offset()).unwrap_or(0)
}

/// A single day is named after the group it belongs to, and so replaces it.
const DAYS: &[(&str, &[usize])] = &[
    ("weekdays", &[0, 1, 2, 3, 4]),
    ("weekend", &[5, 6]),
    ("mon", &[0]),
    ("tue", &[1]),
    ("wed", &[2]),
    ("thu", &[3]),
    ("fri", &[4]),
    ("sat", &[5]),
    ("sun", &[6]),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialplan::{Plan, PromptIndex, read};

    fn plan(zone: &str, hours: &str) -> Plan {
        let text = format!(
            "[plan]\nnumbers = [\"3977\"]\nstart = \"a\"\ntimezone = \"{zone}\"\n[hours.h]\n{hours}\n\
             [step.a]\nplay = \"p\"\nnext = \"b\"\n[step.b]\nhangup = true\n"
        );
        read("h.toml", &text, &PromptIndex::unchecked()).expect("a sound plan")
    }

    /// Is `plan` open at `utc` ("2026-03-29T00:30Z")?
    fn open(plan: &Plan, utc: &str) -> bool {
        let at: jiff::Timestamp = utc.replace('Z', ":00Z").parse().expect("a time");
        plan.is_open("h", Civil::from_unix_millis(at.as_millisecond()))
    }

    /// Spans include their beginning and not their end; days that are not named are closed; a single day replaces its group.
    #[test]
    fn weekly_hours() {
        let plan = plan(
            "Europe/Paris",
            "weekdays = \"09:00-19:00\"\nwed = \"14:00-17:00\"\nsat = \"09:00-13:00, 14:00-24:00\"",
        );
        for (utc, expected) in [
            ("2026-11-23T07:59Z", false), // Monday, 08:59 in Paris
            ("2026-11-23T08:00Z", true),
            ("2026-11-23T17:59Z", true),
            ("2026-11-23T18:00Z", false),
            ("2026-11-25T09:00Z", false), // Wednesday morning
            ("2026-11-25T13:00Z", true),
            ("2026-11-28T12:30Z", false), // Saturday at noon and a half past one
            ("2026-11-28T22:59Z", true),
            ("2026-11-28T23:00Z", false), // Sunday 00:00
        ] {
            assert_eq!(open(&plan, utc), expected, "{utc}");
        }
        assert!(plan.is_open("no such hours", Civil::default()));
    }

    /// A night is two spans, one on each day, and there is no hole between them, not for a minute, on any day of the week,
    /// Sunday to Monday included; written as one it is refused, with a word how to write it.
    #[test]
    fn p163_a_night_has_no_hole() {
        for (hours, from, to) in [
            ("00:00-06:00, 22:00-24:00", 22 * 60, 6 * 60),
            ("00:00-08:00, 18:00-24:00", 18 * 60, 8 * 60),
            ("00:00-24:00", 0, 0),
            ("00:00-12:00, 12:00-24:00", 0, 0),
        ] {
            let plan = plan("Europe/Paris", &format!("weekdays = \"{hours}\"\nweekend = \"{hours}\""));
            // Monday 2026-11-23, 00:00 in Paris.
            let start = "2026-11-22T23:00:00Z".parse::<jiff::Timestamp>().expect("a time").as_millisecond();
            for minute in 0..8 * 24 * 60 {
                let at = Civil::from_unix_millis(start + minute * 60_000);
                let of_day = minute % (24 * 60);
                assert_eq!(plan.is_open("h", at), from <= of_day || of_day < to, "{hours}: {minute}");
            }
        }
        for night in ["22:00-06:00", "18:00-08:00", "00:00-00:00"] {
            assert!(spans(night).is_err_and(|said| format!("{said:?}").contains("a night is two spans")), "{night}");
        }
    }

    /// In the night of spring there is no 02:00 to 03:00: hours within it never come, hours around it are one hour shorter.
    #[test]
    fn p174_the_night_of_spring() {
        let within = plan("Europe/Paris", "weekend = \"02:00-03:00\"");
        for minute in ["T00:00Z", "T00:59Z", "T01:00Z", "T01:30Z"] {
            assert!(!open(&within, &format!("2026-03-29{minute}")), "{minute}");
        }
        let around = plan("Europe/Paris", "weekend = \"01:30-03:30\"");
        for (utc, expected) in [("T00:29Z", false), ("T00:30Z", true), ("T01:29Z", true), ("T01:30Z", false)] {
            assert_eq!(open(&around, &format!("2026-03-29{utc}")), expected, "{utc}");
        }
        let late = plan("Europe/Paris", "weekend = \"02:30-04:00\"");
        for (utc, expected) in [("T00:59Z", false), ("T01:00Z", true), ("T01:59Z", true), ("T02:00Z", false)] {
            assert_eq!(open(&late, &format!("2026-03-29{utc}")), expected, "{utc}: a start that is missing");
        }
        let day = plan("Europe/Paris", "weekend = \"09:00-19:00\"");
        assert!(open(&day, "2026-03-28T08:00Z") && !open(&day, "2026-03-28T07:00Z"));
        assert!(open(&day, "2026-03-29T07:00Z") && !open(&day, "2026-03-29T06:59Z"));
    }

    /// In the night of autumn 02:00 to 03:00 comes twice, and is open twice.
    #[test]
    fn p174_the_night_of_autumn() {
        let plan = plan("Europe/Paris", "weekend = \"02:00-03:00\"");
        for (utc, expected) in [
            ("T23:59Z", false),
            ("T00:00Z", true),
            ("T00:59Z", true),
            ("T01:00Z", true),
            ("T01:59Z", true),
            ("T02:00Z", false),
        ] {
            let day = if utc.starts_with("T23") { "2026-10-24" } else { "2026-10-25" };
            assert_eq!(open(&plan, &format!("{day}{utc}")), expected, "{utc}");
        }
        let late = self::plan("Europe/Paris", "weekend = \"02:30-04:00, 14:00-18:00\"");
        for (utc, expected) in [
            ("T00:29Z", false),
            ("T00:30Z", true),
            ("T01:00Z", false),
            ("T01:29Z", false),
            ("T01:30Z", true),
            ("T02:59Z", true),
            ("T03:00Z", false),
            ("T12:59Z", false),
            ("T13:00Z", true),
            ("T17:00Z", false),
        ] {
            assert_eq!(open(&late, &format!("2026-10-25{utc}")), expected, "{utc}");
        }
    }

    /// Overseas the clocks do not change, and the plan's own zone counts.
    #[test]
    fn overseas() {
        let plan = plan("Indian/Reunion", "weekend = \"09:00-19:00\"");
        for day in ["2026-03-28", "2026-03-29", "2026-10-24", "2026-10-25"] {
            assert!(open(&plan, &format!("{day}T05:00Z")) && !open(&plan, &format!("{day}T04:59Z")), "{day}");
        }
    }

    /// On public holidays the hours of holidays hold, by local date; moving feasts and local sets included.
    #[test]
    fn public_holidays() {
        let closed = plan("Europe/Paris", "weekdays = \"00:00-24:00\"\nholidays = \"closed\"");
        assert!(!open(&closed, "2026-07-14T10:00Z"));
        assert!(open(&closed, "2026-07-13T21:59Z") && !open(&closed, "2026-07-13T22:00Z"), "by the date in Paris");
        assert!(!open(&closed, "2026-04-06T10:00Z"), "Easter Monday");
        assert!(open(&closed, "2026-04-03T10:00Z"), "Good Friday is no holiday here");
        let short = plan("Europe/Paris", "weekdays = \"09:00-19:00\"\nholidays = \"09:00-13:00\"");
        assert!(open(&short, "2026-07-14T08:00Z") && !open(&short, "2026-07-14T13:00Z"));
        let same = plan("Europe/Paris", "weekdays = \"09:00-19:00\"");
        assert!(open(&same, "2026-07-14T13:00Z"));
        let strasbourg =
            plan("Europe/Paris", "weekdays = \"00:00-24:00\"\nholidays = \"closed\"\nholiday_set = \"alsace-moselle\"");
        assert!(!open(&strasbourg, "2026-04-03T10:00Z"), "Good Friday");
        let fort_de_france =
            plan("America/Martinique", "weekdays = \"00:00-24:00\"\nholidays = \"closed\"\nholiday_set = \"972\"");
        assert!(!open(&fort_de_france, "2026-05-22T16:00Z"), "the abolition of slavery");
    }

    /// What is no time of day, and what overlaps, is refused with a sentence.
    #[test]
    fn spans_are_sound() {
        assert_eq!(spans("14:00-19:00, 9:00-13:00"), Ok(vec![(540, 780), (840, 1140)]));
        assert_eq!(spans("closed"), Ok(vec![]));
        for text in [
            "",
            "open",
            "9-12",
            "09:00-9:00",
            "09:00-25:00",
            "09:60-10:00",
            "24:01-24:02",
            "09:00-12:00, 09:00-11:00",
            "09:00-12:00, 11:59-13:00",
            "09:5-10:00",
        ] {
            assert!(spans(text).is_err(), "{text}");
        }
    }
}

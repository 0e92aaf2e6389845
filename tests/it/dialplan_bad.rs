//! Plans that are wrong, one way each, and what is said of them: `tests/data/bad/*.toml` and, beside each, the `.faults` that
//! it must give, to the letter. `ECOUTE_BLESS=1` writes them anew; read the difference before you keep it. Then the good
//! plan: that it is sound with the prompts as they are, and that its schema and reference page say what the parser does.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ecoute::dialplan::{Fault, Language, Plan, PromptIndex, PromptWords, Verb, read, schema, staff_reference};

/// Every bad plan gives exactly its faults, each with file, line and sentence, all at once.
#[test]
fn bad_plans_give_their_faults() {
    let prompts = test_prompts();
    let mut wrong = Vec::new();
    let mut cases = 0;
    for path in files(&root("tests/data/bad"), "toml") {
        let name = path.file_name().expect("a listed file has a name").to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).expect("readable");
        let faults = read(&name, &text, &prompts).expect_err(&name);
        let found: String = faults.iter().map(|fault| format!("{fault}\n")).collect();
        let golden = path.with_extension("faults");
        if bless() {
            fs::write(&golden, &found).expect("writable");
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        if found != expected {
            wrong.push(format!("{name}: expected\n{expected}found\n{found}"));
        }
        cases += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(cases >= 30, "{cases}");
}

/// The plan we ship is sound with the words and the sounds we ship, and the welcome is short.
#[test]
fn the_default_plan_is_sound() {
    let plan = sound_plan(&plan_text());
    assert_eq!(plan.name, "3977");
    assert_eq!(plan.numbers, ["3977".into()]);
    assert_eq!(plan.step(plan.start).verb.name(), "play");
    let lasts = sound_length(&root("prompts/fr/welcome.wav")).expect("a sound file");
    assert!(lasts < Duration::from_secs(12), "the welcome lasts {lasts:?}");
}

/// What stands in the default plan as a suggestion (lines that begin with `#>`) is sound when it is taken up.
#[test]
fn the_suggested_hours_are_sound() {
    let text = plan_text();
    let (head, tail) = text.split_once("[hours.listening]\n").expect("the plan has hours");
    let (_, tail) = tail.split_once("\n\n").expect("the hours end");
    let text = format!("{head}{}", tail.replace("#> ", ""));
    let plan = sound_plan(&text);
    let tuesday_evening = ecoute::clock::Civil::from_unix_millis(1_772_569_800_000); // 2026-03-03 21:30 in Paris
    assert!(!plan.is_open("listening", tuesday_evening));
}

/// Every key of the default plan is in the schema, and the schema in the repository is the one the program writes.
#[test]
fn the_schema_knows_the_plan() {
    let schema = schema();
    let written = format!("{}\n", serde_json::to_string_pretty(&schema).expect("serialises"));
    let path = root("dialplans/dialplan.schema.json");
    if bless() {
        fs::write(&path, &written).expect("writable");
    }
    assert_eq!(fs::read_to_string(path).unwrap_or_default(), written, "write it anew with ECOUTE_BLESS=1");

    let plan: toml::Table = plan_text().parse().expect("TOML");
    let properties = &schema["properties"];
    for key in plan["plan"].as_table().expect("a table").keys() {
        assert!(properties["plan"]["properties"].get(key).is_some(), "[plan] {key}");
    }
    let verbs = properties["step"]["additionalProperties"]["oneOf"].as_array().expect("a list of verbs");
    for (name, step) in plan["step"].as_table().expect("a table") {
        let step = step.as_table().expect("a table");
        let fits = verbs.iter().filter(|verb| {
            let known = step.keys().all(|key| verb["properties"].get(key).is_some());
            let whole = verb["required"]
                .as_array()
                .expect("a list")
                .iter()
                .all(|key| step.contains_key(key.as_str().expect("a word")));
            known && whole
        });
        assert_eq!(fits.count(), 1, "step {name} fits exactly one verb of the schema");
    }
}

/// The reference pages in dialplans/README.md are the ones the program writes.
#[test]
fn the_reference_page_is_current() {
    let path = root("dialplans/README.md");
    let text = fs::read_to_string(&path).expect("readable");
    let mut fresh = text.clone();
    for language in ["fr", "en"] {
        let (begin, end) = (format!("<!-- reference {language} -->\n"), format!("<!-- end {language} -->\n"));
        let (head, rest) = fresh.split_once(&begin).expect("the page has a place for the reference");
        let (_, tail) = rest.split_once(&end).expect("the place has an end");
        fresh = format!("{head}{begin}\n{}\n{end}{tail}", staff_reference(language));
    }
    if bless() {
        fs::write(&path, &fresh).expect("writable");
    }
    assert!(fresh == text || bless(), "dialplans/README.md is not current: write it anew with ECOUTE_BLESS=1");
}

/// Every prompt has words in both languages and a usable sound for each.
#[test]
fn every_prompt_can_be_heard() {
    let words = real_words();
    let mut wrong = Vec::new();
    for (name, spoken) in words.iter() {
        for language in ["fr", "en"] {
            if !spoken.contains_key(language) {
                wrong.push(format!("{name}: no words in {language}"));
            }
            if let Err(fault) = sound_length(&root(&format!("prompts/{language}/{name}.wav"))) {
                wrong.push(format!("{name} in {language}: {fault}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// However the good plan is mangled, reading it ends with a plan or with faults, never with a panic, and every fault names
/// a line of the file.
#[test]
fn mangled_plans_never_panic() {
    let (text, prompts) = (plan_text(), test_prompts());
    let pieces: Vec<&str> = text.split_inclusive(['\n', ' ', '"', '=']).collect();
    let mut chance = ecoute::ids::IdSource::from_number(3977);
    let strange = [
        "",
        "\"",
        "[",
        "]",
        "{",
        "}",
        "=",
        "\n",
        "é",
        "\u{0}",
        "99999999999999999999",
        "[[step]]",
        "'''",
        "true",
        "1979-05-27",
    ];
    let mut sound = 0;
    for _ in 0..1_500 {
        let mut mangled: Vec<&str> = pieces.clone();
        for _ in 0..=chance.below(3) {
            let at = chance.below(mangled.len() as u64) as usize;
            match chance.below(4) {
                0 => drop(mangled.remove(at)),
                1 => mangled.insert(at, strange[chance.below(strange.len() as u64) as usize]),
                2 => mangled[at] = pieces[chance.below(pieces.len() as u64) as usize],
                _ => mangled.swap(at, chance.below(pieces.len() as u64 - 4) as usize),
            }
        }
        let mangled = mangled.concat();
        let lines = mangled.matches('\n').count() as u32 + 1;
        match read("mangled.toml", &mangled, &prompts) {
            Ok(plan) => {
                sound += 1;
                for (_, step) in plan.steps() {
                    if let Verb::Play(play) = &step.verb {
                        assert!(!plan.step(play.next).name.is_empty());
                    }
                }
            }
            Err(faults) => {
                assert!(!faults.is_empty());
                assert!(faults.iter().all(|fault| (1..=lines).contains(&fault.line)), "{faults:?}");
            }
        }
    }
    assert!(sound > 0, "some changes touch only comments");
}

// ---- helpers ---------------------------------------------------------------------------------------------------------

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn bless() -> bool {
    std::env::var_os("ECOUTE_BLESS").is_some()
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut files: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|found| found == extension)).collect();
    files.sort();
    files
}

fn plan_text() -> String {
    fs::read_to_string(root("dialplans/3977.toml")).expect("the default plan")
}

fn sound_plan(text: &str) -> Plan {
    read("dialplans/3977.toml", text, &real_prompts()).map_err(|faults| list(&faults)).expect("sound")
}

fn list(faults: &[Fault]) -> String {
    faults.iter().map(|fault| format!("{fault}\n")).collect()
}

fn real_words() -> PromptWords {
    let text = fs::read_to_string(root("prompts/prompts.toml")).expect("the words");
    PromptWords::read("prompts/prompts.toml", &text).map_err(|faults| list(&faults)).expect("sound")
}

fn languages() -> BTreeMap<&'static str, Language> {
    ["fr", "en"].into_iter().map(|code| (code, Language::new(code).expect("a language"))).collect()
}

/// The words and sounds as they are in the repository.
fn real_prompts() -> PromptIndex {
    let words = real_words();
    let mut index = PromptIndex::new(&words);
    for (name, _) in words.iter() {
        for (code, language) in &languages() {
            let path = root(&format!("prompts/{code}/{name}.wav"));
            if path.exists() {
                index.sound(name, language, sound_length(&path));
            }
        }
    }
    index
}

/// The real words with sounds that are all well, and a few prompts that are not.
fn test_prompts() -> PromptIndex {
    let mut text = fs::read_to_string(root("prompts/prompts.toml")).expect("the words");
    for name in ["stereo", "sermon", "never_recorded", "ask_case"] {
        text.push_str(&format!("\n[prompt.{name}]\nfr = \"a\"\nen = \"a\"\n"));
    }
    text.push_str("\n[prompt.french_only]\nfr = \"a\"\n");
    let words = PromptWords::read("prompts.toml", &text).map_err(|faults| list(&faults)).expect("sound");
    let mut index = PromptIndex::new(&words);
    for (name, _) in words.iter().filter(|(name, _)| &***name != "never_recorded") {
        for language in languages().values() {
            let found = match &**name {
                "stereo" => Err("it is stereo, and one channel is wanted".to_owned()),
                "sermon" => Ok(Duration::from_secs(600)),
                _ => Ok(Duration::from_secs(3)),
            };
            index.sound(name, language, found);
        }
    }
    index
}

fn sound_length(path: &Path) -> Result<Duration, String> {
    let reader = hound::WavReader::open(path).map_err(|error| error.to_string())?;
    let form = reader.spec();
    if (form.channels, form.bits_per_sample, form.sample_rate) != (1, 16, 8_000) {
        return Err(format!("one channel of 16 bits at 8000 Hz is wanted, not {form:?}"));
    }
    Ok(Duration::from_millis(u64::from(reader.duration()) / 8))
}

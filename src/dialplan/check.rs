//! Judging the graph: what no single step can know. Every step is reachable; a caller who can do nothing comes to an end,
//! and meets a listener on the way; nobody is cut off without a word; one key reaches the emergency words.
//!
//! Ways are of two kinds. Those a caller takes by a key or an answer are her own. All others (the words are over, silence,
//! a wrong key, what is known, the conversation is over, nobody was found) are taken by a caller who can do nothing. On the
//! second kind alone there may be no circle: whoever cannot press a key must not turn in it for ever.

use std::collections::{BTreeMap, BTreeSet};

use crate::france::Department;

use super::fault::{Said, did_you_mean, said};
use super::fields::Reader;
use super::plan::{Plan, PromptName, Step, StepId, Verb};
use super::verbs::{Condition, Why};

/// Reports everything that is wrong with the graph of `plan`.
pub(super) fn judge(plan: &Plan, reader: &mut Reader<'_>) {
    let graph = Graph { plan };
    graph.circles(reader);
    graph.wordless_ends(reader);
    graph.facts(reader);
    graph.departments(reader);
    if !reader.lost && plan.start.exists() {
        graph.unreachable(reader);
        graph.emergency(reader);
        graph.silence_meets_a_person(reader);
    }
}

struct Graph<'p> {
    plan: &'p Plan,
}

impl<'p> Graph<'p> {
    fn step(&self, id: StepId) -> &'p Step {
        self.plan.step(id)
    }

    fn edges(&self, id: StepId) -> impl Iterator<Item = (Why, StepId)> + use<> {
        self.step(id).verb.edges().into_iter().filter(|(_, to)| to.exists())
    }

    /// Where a caller comes who does nothing.
    fn quiet(&self, id: StepId) -> impl Iterator<Item = StepId> + use<> {
        self.edges(id).filter(|(why, _)| !why.is_callers_act()).map(|(_, to)| to)
    }

    /// What can be reached from `start`, itself included, along the ways `ways` gives.
    fn closure<I: Iterator<Item = StepId>>(&self, start: StepId, ways: impl Fn(StepId) -> I) -> BTreeSet<StepId> {
        let (mut seen, mut todo) = (BTreeSet::from([start]), vec![start]);
        while let Some(id) = todo.pop() {
            todo.extend(ways(id).filter(|to| seen.insert(*to)));
        }
        seen
    }

    fn unreachable(&self, reader: &mut Reader<'_>) {
        let reached = self.closure(self.plan.start, |id| self.edges(id).map(|(_, to)| to));
        for (id, step) in self.plan.steps() {
            if !reached.contains(&id) {
                let hint = said!("menez-y d'une autre étape, ou enlevez-la", "let a step lead to it, or take it out");
                let sentence =
                    said!("rien ne mène à l'étape `{name}`", "no way leads to step `{name}`", name = &step.name);
                reader.faults.on(step.line, sentence, Some(hint));
            }
        }
    }

    /// Reports each circle that a caller who does nothing cannot leave, once, at its first step in the file.
    fn circles(&self, reader: &mut Reader<'_>) {
        let mut told = BTreeSet::new();
        for (id, step) in self.plan.steps() {
            let Some(circle) = self.circle_through(id) else { continue };
            if circle.iter().any(|on| told.contains(on)) {
                continue;
            }
            let names: Vec<&str> = circle.iter().chain([&id]).map(|on| &*self.step(*on).name).collect();
            let sentence = said!(
                "qui ne tape rien tourne en rond sans fin : {way}",
                "whoever presses no key turns in a circle for ever: {way}",
                way = names.join(" → ")
            );
            let hint = said!(
                "le silence doit mener à une écoutante, ou à des mots et à la fin de l'appel",
                "let silence lead on to a listener, or to words and a hangup"
            );
            reader.faults.on(step.line, sentence, Some(hint));
            told.extend(circle);
        }
    }

    /// The shortest quiet way from `id` back to itself.
    fn circle_through(&self, id: StepId) -> Option<Vec<StepId>> {
        let mut from: BTreeMap<StepId, StepId> = BTreeMap::new();
        let mut row = vec![id];
        while !row.is_empty() {
            let mut next = Vec::new();
            for at in row {
                for to in self.quiet(at) {
                    if to == id {
                        let mut way = vec![at];
                        while way.last() != Some(&id) {
                            way.push(*from.get(way.last()?)?);
                        }
                        way.reverse();
                        return Some(way);
                    }
                    from.entry(to).or_insert_with(|| {
                        next.push(to);
                        at
                    });
                }
            }
            row = next;
        }
        None
    }

    /// Every way into a hangup comes from words or from a conversation, perhaps through some `when`.
    fn wordless_ends(&self, reader: &mut Reader<'_>) {
        for (id, step) in self.plan.steps() {
            if matches!(step.verb, Verb::When(_) | Verb::Play(_)) {
                continue;
            }
            for (why, to) in self.edges(id) {
                if why == Why::Answered {
                    continue;
                }
                let cut = self.closure(to, |id| self.cases(id));
                if cut.iter().any(|id| matches!(self.step(*id).verb, Verb::Hangup(_))) {
                    let way = way_words(why);
                    let sentence = Said {
                        fr: format!("étape `{}` : {} termine l'appel sans un mot", step.name, way.fr),
                        en: format!("step `{}`: {} ends the call without a word", step.name, way.en),
                    };
                    let hint = said!(
                        "menez d'abord à un `play` : dites au revoir, ou qui appeler",
                        "lead to a `play` first: say goodbye, or where help is"
                    );
                    reader.faults.on(step.line, sentence, Some(hint));
                }
            }
        }
        let start = self.plan.start;
        let silent_start = start.exists()
            && self.closure(start, |id| self.cases(id)).iter().any(|id| matches!(self.step(*id).verb, Verb::Hangup(_)));
        if silent_start {
            let sentence =
                said!("un appel peut finir avant qu'un mot soit dit", "a call can end before a word was said");
            let hint = said!("commencez par un `play`", "begin with a `play`");
            reader.faults.on(self.step(start).line, sentence, Some(hint));
        }
    }

    /// The ways out of a `when`; none out of any other step.
    fn cases(&self, id: StepId) -> impl Iterator<Item = StepId> + use<> {
        let is_when = matches!(self.step(id).verb, Verb::When(_));
        self.edges(id).filter(move |_| is_when).map(|(_, to)| to)
    }

    /// A `when` asks only for facts that some `ask` keeps.
    fn facts(&self, reader: &mut Reader<'_>) {
        let kept: BTreeSet<&str> = self
            .plan
            .steps()
            .filter_map(|(_, step)| match &step.verb {
                Verb::Ask(ask) => Some(&*ask.fact),
                _ => None,
            })
            .collect();
        for (_, step) in self.plan.steps() {
            let Verb::When(when) = &step.verb else { continue };
            for (condition, _) in &when.cases {
                if let Condition::Fact { name, .. } = condition
                    && !kept.contains(&**name)
                {
                    let hint = did_you_mean(name, kept.iter().copied()).or_else(|| {
                        Some(said!("un `ask` doit avoir fact = \"{name}\"", "let an `ask` have fact = \"{name}\""))
                    });
                    let sentence = said!(
                        "étape `{step}` : aucun `ask` ne garde de réponse appelée `{name}`",
                        "step `{step}`: no `ask` keeps a fact called `{name}`",
                        step = &step.name
                    );
                    reader.faults.on(step.line, sentence, hint);
                }
            }
        }
    }

    /// A `locate` can say the name of every department.
    fn departments(&self, reader: &mut Reader<'_>) {
        let Some((_, step)) = self.plan.steps().find(|(_, step)| matches!(step.verb, Verb::Locate(_))) else { return };
        let unsaid: Vec<PromptName> = Department::all()
            .map(|department| super::department_prompt(department.code()))
            .filter(|prompt| !reader.prompts.judge(prompt, &reader.languages).is_empty())
            .collect();
        if let Some(first) = unsaid.first() {
            let sentence = said!(
                "étape `{name}` : {count} noms de départements ne peuvent pas être dits, d'abord `{first}`",
                "step `{name}`: {count} names of departments cannot be said, `{first}` first",
                name = &step.name,
                count = unsaid.len()
            );
            let hint = said!("voir prompts/README.md", "see prompts/README.md");
            reader.faults.on(step.line, sentence, Some(hint));
        }
    }

    /// From the start, wherever a key is first taken, one key leads to the emergency words.
    fn emergency(&self, reader: &mut Reader<'_>) {
        let firsts = self.first_questions();
        let Some(emergency) = self.plan.emergency else {
            if !firsts.is_empty() {
                let hint = said!(
                    "[plan] emergency = l'étape qui dit le 15, le 17, le 18, le 112, le 114",
                    "[plan] emergency = the step that says 15, 17, 18, 112, 114"
                );
                let sentence = said!("le plan ne nomme pas d'étape d'urgence", "the plan names no emergency step");
                reader.faults.on(self.step(self.plan.start).line, sentence, Some(hint));
            }
            return;
        };
        if !emergency.exists() {
            return;
        }
        let words = self.step(emergency);
        if !matches!(words.verb, Verb::Play(_)) {
            let sentence = said!(
                "étape `{name}` : c'est l'étape d'urgence, elle doit être un `play`",
                "step `{name}` is the emergency step: it must be a `play`",
                name = &words.name
            );
            reader.faults.on(words.line, sentence, None);
        }
        for id in firsts {
            let reached = self.edges(id).any(|(why, to)| matches!(why, Why::Key(_)) && to == emergency);
            if !reached {
                let step = self.step(id);
                let sentence = said!(
                    "étape `{name}` : c'est la première où l'on tape une touche, et aucune ne mène aux mots d'urgence",
                    "step `{name}` is the first to take a key, and none leads to the emergency words",
                    name = &step.name
                );
                let hint = said!("keys.1 = \"{name}\"", "keys.1 = \"{name}\"", name = &words.name);
                reader.faults.on(step.line, sentence, Some(hint));
            }
        }
    }

    /// The steps at which a caller first finds her keys taken.
    fn first_questions(&self) -> Vec<StepId> {
        let takes_keys = |id: StepId| !matches!(self.step(id).verb, Verb::Play(_) | Verb::When(_) | Verb::Hangup(_));
        let reached = self.closure(self.plan.start, |id| {
            let on = !takes_keys(id);
            self.edges(id).filter(move |_| on).map(|(_, to)| to)
        });
        reached.into_iter().filter(|id| takes_keys(*id)).collect()
    }

    /// If the plan has listeners at all, silence alone reaches them.
    fn silence_meets_a_person(&self, reader: &mut Reader<'_>) {
        let dispatches = |id: &StepId| matches!(self.step(*id).verb, Verb::Dispatch(_));
        let any = self.plan.steps().any(|(id, _)| dispatches(&id));
        let quiet = self.closure(self.plan.start, |id| self.quiet(id));
        if any && !quiet.iter().any(dispatches) {
            let hint = said!(
                "`no_input` et `unknown` doivent mener à un `dispatch`",
                "let `no_input` and `unknown` lead to a `dispatch`"
            );
            let sentence = said!(
                "qui ne tape rien n'arrive jamais à une écoutante",
                "whoever presses no key never reaches a listener"
            );
            reader.faults.on(self.step(self.plan.start).line, sentence, Some(hint));
        }
    }
}

fn way_words(why: Why) -> Said {
    match why {
        Why::Key(key) => said!("la touche {key}", "key {key}"),
        Why::Answer => said!("une bonne réponse", "a good answer"),
        Why::Silence => said!("le silence", "silence"),
        Why::Wrong => said!("une autre touche", "a wrong key"),
        Why::Overflow => said!("ne trouver personne (`overflow`)", "finding nobody (`overflow`)"),
        Why::Next | Why::Case | Why::Answered => said!("la suite", "going on"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{Language, PromptIndex, PromptWords, read};

    /// A plan that asks for the department can say the name of every one: what is missing is one fault, not a hundred.
    #[test]
    fn departments_have_names() {
        let plan = "[plan]\nnumbers = [\"3977\"]\nstart = \"place\"\n[step.place]\nlocate = \"p\"\nconfirm = \"p\"\n\
                    confirm_keys = \"p\"\ncorsica = \"p\"\nwrong = \"p\"\nfound = \"bye\"\nunknown = \"bye\"\n\
                    [step.bye]\nplay = \"p\"\nnext = \"end\"\n[step.end]\nhangup = true\n";
        let words =
            PromptWords::read("p", "[prompt.p]\nfr = \"a\"\n[prompt.\"dept.01\"]\nfr = \"l'Ain\"\n").expect("sound");
        let mut index = PromptIndex::new(&words);
        for name in ["p", "dept.01"] {
            index.sound(name, &Language::new("fr").expect("a language"), Ok(Duration::from_secs(1)));
        }
        let faults = read("f", plan, &index).expect_err("106 names are missing");
        let told: Vec<&str> = faults.iter().map(|fault| &*fault.sentence.en).collect();
        assert!(told[1].contains("106 names of departments cannot be said, `dept.02` first"), "{told:?}");
        assert_eq!(told.len(), 2, "the other is the missing emergency step: {told:?}");
    }
}

//! What there is to say about a plan and its changes, in the words that every form shows.

use serde_json::Value;

use crate::conversation::{Address, Kind};
use crate::plan::{Block, Change, ChangeNote, Deviation, Drift, Mark, Note, Plan, Renamed, Step};
use crate::render::escape::{cut, escape};
use crate::render::markdown::inline;
use crate::render::number::{counted, counted_kinds, grouped, named};
use crate::source::Source;

/// Items of one note that any form lists; the rest is counted.
pub(super) const LISTED_MAX: usize = 100;

/// Characters of a value that are shown in a sentence.
const VALUE_MAX: usize = 200;

/// A sentence in which names and what matters most stand out, in forms that can show it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sentence(pub(super) Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Words(String),
    Strong(String),
    /// A name, ours or a foreign one.
    Code(String),
}

impl Sentence {
    /// Words of ours, with code between backticks and what matters most between double asterisks.
    fn of(words: &str) -> Self {
        let mut parts = Vec::new();
        for (index, piece) in words.split("**").enumerate() {
            for (inner, text) in piece.split('`').enumerate().filter(|(_, text)| !text.is_empty()) {
                let text = text.to_owned();
                parts.push(match (index % 2, inner % 2) {
                    (_, 1) => Part::Code(text),
                    (1, _) => Part::Strong(text),
                    _ => Part::Words(text),
                });
            }
        }
        Sentence(parts)
    }

    /// With a foreign name behind it.
    fn code(mut self, text: String) -> Self {
        self.0.push(Part::Code(text));
        self
    }

    fn words(mut self, text: &str) -> Self {
        self.0.push(Part::Words(text.to_owned()));
        self
    }

    /// As it begins a paragraph.
    pub(super) fn capital(mut self) -> Self {
        if let Some(Part::Words(text) | Part::Strong(text)) = self.0.first_mut()
            && let Some(first) = text.get(..1)
        {
            *text = first.to_uppercase() + &text[1..];
        }
        self
    }

    /// The words alone, for a terminal or a log.
    pub(super) fn plain(&self) -> String {
        let shown = |part: &Part| match part {
            Part::Words(text) | Part::Strong(text) | Part::Code(text) => escape(text).into_owned(),
        };
        self.0.iter().map(shown).collect()
    }

    pub(super) fn markdown(&self) -> String {
        let shown = |part: &Part| match part {
            Part::Words(text) => text.clone(),
            Part::Strong(text) => format!("**{text}**"),
            Part::Code(text) => inline::code(text),
        };
        self.0.iter().map(shown).collect()
    }
}

/// How much a note matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Gravity {
    Danger,
    Warning,
    Quiet,
}

/// A note in words: what is so, whom it is about, and what follows.
#[derive(Clone, Debug)]
pub(super) struct Said<'p> {
    pub(super) note: Note<'p>,
    pub(super) gravity: Gravity,
    /// Without a full stop at its end.
    pub(super) lead: Sentence,
    /// What follows, a sentence or nothing.
    pub(super) end: Sentence,
    /// The first [`LISTED_MAX`] of what it is about.
    pub(super) about: Vec<Sentence>,
    /// How many there are.
    pub(super) count: usize,
    /// There is more to say of each than its name, so that each needs a line.
    pub(super) is_list: bool,
}

impl Said<'_> {
    /// The first names, and how many more there are.
    pub(super) fn names(&self, most: usize, form: impl Fn(&Sentence) -> String) -> String {
        let rest = std::iter::repeat_n(String::new(), self.count - self.about.len());
        named(self.about.iter().map(form).chain(rest), most)
    }
}

/// All notes of a plan.
pub(super) fn notes(plan: &Plan) -> Vec<Said<'_>> {
    plan.notes().into_iter().map(said).collect()
}

/// One note in words.
pub(super) fn said(note: Note<'_>) -> Said<'_> {
    let about = about(&note);
    let (gravity, lead, end, count) = words(&note);
    let is_list = matches!(note, Note::Gone(_) | Note::Drifted(_) | Note::NotInManifests(_) | Note::Renamed(_));
    Said { note, gravity, lead: Sentence::of(&lead), end: Sentence::of(end), about, count, is_list }
}

fn words(note: &Note<'_>) -> (Gravity, String, &'static str, usize) {
    let is = |count: usize, noun| format!("**{} {}", counted(count, noun), if count == 1 { "is" } else { "are" });
    match note {
        Note::Irreversible(changes) => {
            let count = changes.len();
            let has_end_users = changes.iter().any(|address| address.kind == Kind::EndUser);
            let what = if has_end_users { "what is made" } else { "a conversation" };
            let lead = format!("{} irreversible** (Dixa can't delete {what})", is(count, "change"));
            (Gravity::Warning, lead, "", count)
        }
        Note::ReachesCustomers(changes) => {
            let count = changes.len();
            let what = if count == 1 { "sends a message to a customer" } else { "send messages to customers" };
            (Gravity::Danger, format!("**{} {what}**", counted(count, "change")), "", count)
        }
        Note::Blocked { changes, flag_helps } => {
            let count = changes.len();
            let lead = format!("{} blocked**, and apply refuses the whole plan", is(count, "change"));
            let end = if *flag_helps { " `--allow-replace` allows replacements." } else { "" };
            (Gravity::Danger, lead, end, count)
        }
        Note::InDoubt(addresses) => {
            let count = addresses.len();
            let lead = format!("{} in doubt**, because an apply ended before the answer came", is(count, "change"));
            let end = " The next apply looks for what became of it; nothing is planned before that.";
            (Gravity::Danger, lead, end, count)
        }
        Note::Gone(gone) => {
            let count = gone.len();
            let things = counted_kinds(gone.iter().map(|gone| gone.address.kind));
            let gone = format!("**{things} {}", if count == 1 { "is" } else { "are" });
            let then = match count {
                1 => {
                    "is not made again by itself; `dixaform state forget` drops the record, and then it is planned again"
                }
                _ => {
                    "are not made again by themselves; `dixaform state forget` drops the records, and then they are planned again"
                }
            };
            let lead = format!("{gone} gone from the tenant**, and {then}");
            (Gravity::Danger, lead, "", count)
        }
        Note::Drifted(drift) => {
            let lead = drifted(drift);
            (Gravity::Warning, lead.to_owned(), "", drift.len())
        }
        Note::NotInManifests(orphans) => {
            let count = orphans.len();
            let (stay, them) = if count == 1 { ("stays as it is", "it") } else { ("stay as they are", "them") };
            let records = is(count, "record");
            let lead = format!("{records} not in the manifests** and {stay}; `--prune` forgets {them}");
            (Gravity::Quiet, lead, "", count)
        }
        Note::Renamed(all) => {
            let count = all.len();
            let (have, records, it_was) = match count {
                1 => ("has", "a record", "it was"),
                _ => ("have", "records", "they were"),
            };
            let manifests = counted(count, "new manifest");
            let what = format!("**{manifests} {have} the same content as {records} without a manifest**");
            let then = "add the annotation `dixaform/moved-from`, or a second conversation is made";
            (Gravity::Warning, format!("{what}; if {it_was} renamed, {then}"), "", count)
        }
        Note::LeftOut(count) => {
            let lead = format!("{} left out by a filter", grouped(*count as u64));
            (Gravity::Quiet, lead, "", 0)
        }
    }
}

/// What was changed outside of dixaform.
fn drifted(drift: &[Drift]) -> &'static str {
    let only_what_is_set = drift.iter().all(|one| one.content.is_empty());
    let has_members =
        |is_of: fn(Kind) -> bool| drift.iter().any(|one| is_of(one.address.kind) && !one.members.is_empty());
    let are_handled = has_members(|kind| kind != Kind::EndUser);
    match (only_what_is_set, are_handled) {
        (true, true) => "**Note:** conversations were changed outside of dixaform",
        (true, false) if has_members(|kind| kind == Kind::EndUser) => {
            "**Note:** end users or attributes were changed outside of dixaform"
        }
        (true, false) => "**Note:** attributes were changed outside of dixaform",
        (false, true) => {
            "**Note:** conversations differ from what was made or last set; their content is not changed back"
        }
        (false, false) => {
            "**Note:** conversations differ from what was made or last written; only attributes are changed back"
        }
    }
}

fn about(note: &Note<'_>) -> Vec<Sentence> {
    fn first<T>(all: impl IntoIterator<Item = T>, sentence: impl FnMut(T) -> Sentence) -> Vec<Sentence> {
        all.into_iter().take(LISTED_MAX).map(sentence).collect()
    }
    let name = |address: &Address| Sentence::of(&format!("`{address}`"));
    match note {
        Note::Irreversible(all) | Note::ReachesCustomers(all) | Note::Blocked { changes: all, .. } => {
            first(all, |address| name(address))
        }
        Note::InDoubt(all) => first(*all, name),
        Note::Gone(all) => first(*all, |gone| {
            let how = if gone.anonymized { "anonymized" } else { "not found" };
            name(&gone.address).words(&format!(" ({:#}, {how})", gone.id))
        }),
        Note::Drifted(all) => first(*all, |drift| name(&drift.address).words(&format!(" ({:#})", drift.id))),
        Note::NotInManifests(all) => first(*all, |orphan| {
            let named = name(&orphan.address).words(&format!(" ({:#}", orphan.id));
            match &orphan.source {
                None => named.words(")"),
                Some(Source { file, place }) => {
                    named.words(", last in ").code(format!("{file}:{}", place.line)).words(")")
                }
            }
        }),
        Note::Renamed(all) => {
            first(*all, |Renamed { from, to }| Sentence::of(&format!("`dixaform/moved-from: {from}` in `{to}`")))
        }
        Note::LeftOut(_) => Vec::new(),
    }
}

/// A value in a sentence, as JSON of a bearable length.
fn value(value: &Value) -> String {
    cut(&value.to_string(), VALUE_MAX).into_owned()
}

/// What the words about a plan without changes rest on.
pub fn compared(plan: &Plan) -> String {
    match plan.observed {
        _ if plan.compares_nothing() => String::new(),
        0 => "The manifests were compared with the state; use --refresh to read the tenant, too.".to_owned(),
        count => format!(
            "{} {} compared with the tenant: attributes, requester, channel, direction, subject and language, and also \
             tags, queue, assignee and state if the manifest has them. Messages were not read.",
            counted(count, "record"),
            if count == 1 { "was" } else { "were" }
        ),
    }
}

/// What a plan without changes means.
pub(super) fn no_changes(plan: &Plan) -> &'static str {
    if plan.compares_nothing() {
        "Nothing was compared."
    } else if plan.gone.is_empty() && plan.in_doubt.is_empty() && plan.drift.is_empty() {
        "The tenant matches the manifests."
    } else {
        "The rest matches the manifests."
    }
}

/// The words beside an address.
pub(super) fn mark(mark: Mark) -> &'static str {
    match mark {
        Mark::Blocked => "blocked",
        Mark::ReachesCustomer => "reaches a customer",
        Mark::Irreversible => "irreversible",
    }
}

/// All notes of one change, each without a full stop at its end.
pub(super) fn change_notes(change: &Change) -> impl Iterator<Item = (ChangeNote<'_>, Sentence)> {
    change.notes().map(|note| {
        let sentence = match note {
            ChangeNote::Moved { from, to } => moved(from, to),
            ChangeNote::OldStays(id) => Sentence::of(&format!("the old conversation `{id:#}` stays in Dixa")),
            ChangeNote::Stays(id) => Sentence::of(&format!("the {} `{id:#}` stays in Dixa", id.noun())),
            ChangeNote::AdoptedIfThere => Sentence::of(
                "if there is already an end user with this external id, e-mail address or phone number, it is adopted",
            ),
            ChangeNote::Left(ref members) => {
                let names: Vec<String> = members.iter().map(|name| format!("`{name}`")).collect();
                let they_are = if names.len() == 1 { "it is" } else { "they are" };
                let left = format!("left as {they_are} in Dixa, because {they_are} no longer in the manifest");
                Sentence::of(&format!("{left}: {}", names.join(", ")))
            }
            ChangeNote::WrittenWhereDifferent if change.address.kind == Kind::EndUser => {
                Sentence::of("only what differs in Dixa is written")
            }
            ChangeNote::WrittenWhereDifferent if change.steps.iter().any(|step| matches!(step, Step::Set(_))) => {
                Sentence::of("only what differs in Dixa is set")
            }
            ChangeNote::WrittenWhereDifferent => Sentence::of("an attribute is written only if Dixa has another value"),
            ChangeNote::NotCompared => Sentence::of(
                "requester, channel, subject and messages are not compared with the conversation in Dixa; `--refresh` \
                 does that",
            ),
            ChangeNote::Otherwise(Deviation { thing, described, found }) => {
                let described = described.as_ref().map_or("(not kept)".to_owned(), value);
                Sentence::of(&format!("**{thing}:** in Dixa "))
                    .code(value(found))
                    .words(", in the manifest ")
                    .code(described)
            }
            ChangeNote::Blocked(block) => {
                let mut sentence = Sentence::of("**blocked:** ");
                sentence.0.extend(blocked(block).0);
                sentence
            }
        };
        (note, sentence)
    })
}

/// That a record has another address from now on.
pub(super) fn moved(from: &Address, to: &Address) -> Sentence {
    Sentence::of(&format!("`{from}` has moved to `{to}`"))
}

/// What stands in the way of a change, and how to clear it.
pub(super) fn blocked(block: &Block) -> Sentence {
    Sentence::of(&block.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::Id;
    use crate::plan::{Gone, Orphan};
    use crate::render::palette::Palette;
    use crate::render::tests::{create, email, plan_of, replace, sms, source, update};
    use crate::render::text::TextOptions;
    use crate::render::{html, markdown, text};
    use serde_json::Value;

    /// A plan that there is everything to say about.
    fn noted() -> Plan {
        let mut adopt = update("conversation.adopt");
        adopt.action = crate::plan::Action::Adopt;
        adopt.steps =
            vec![Step::PatchDifferent([("a".to_owned(), crate::conversation::AttributeValue::Clear)].into())].into();
        let mut read = update("conversation.adopt-read");
        read.action = crate::plan::Action::Adopt;
        let (thing, found) = ("subject".to_owned(), Value::from("a `subject`"));
        read.found = Some([Deviation { thing, described: Some(Value::from("b")), found }].into());
        let mut forget = update("conversation.forget");
        forget.action = crate::plan::Action::Forget;
        let address = |name: &str| format!("import.{name}").parse().expect("an address");
        let mut plan = plan_of(vec![
            adopt,
            read,
            forget,
            replace("conversation.replace", &email("s", "t"), &email("s", "u")),
            create("conversation.sms", &sms("hello")),
            Change { moved_from: Some(address("old")), ..update("conversation.update") },
        ]);
        let id = Id::conversation(7);
        plan.in_doubt = vec![address("doubt")];
        plan.gone = vec![Gone { address: address("gone"), id, source: None, anonymized: true }];
        plan.drift = vec![Drift {
            address: address("drift"),
            id,
            attributes: vec![("a".to_owned(), Some(Value::Null), Value::from("x"))],
            members: vec![],
            content: Vec::new(),
        }];
        plan.not_in_manifests = vec![Orphan { address: address("orphan"), id, source: Some(source("old.yaml", 9)) }];
        plan.renamed = vec![Renamed { from: address("orphan"), to: address("new") }];
        plan.summary.left_out = 12;
        (plan.summary.in_doubt, plan.summary.gone, plan.summary.not_in_manifests) = (1, 1, 1);
        plan
    }

    /// A page without its markup, on one line.
    fn words(page: &str) -> String {
        let mut out = String::new();
        let mut rest = page;
        while let Some((before, after)) = rest.split_once('<') {
            out.push_str(before);
            rest = after.split_once('>').expect("a whole tag").1;
        }
        out.push_str(rest);
        let out = out.replace("&quot;", "\"").replace("**", "").replace(['`', '\n'], " ");
        out.split_whitespace().collect::<Vec<_>>().join(" ").replace(" .", ".").replace(" ,", ",").to_lowercase()
    }

    #[test]
    fn every_form_says_the_same_of_a_plan_and_of_its_changes() {
        let plan = noted();
        let options = TextOptions { palette: Palette::plain(), width: None, requests_sent: Some(0) };
        let forms = [
            ("text", text::plan(&plan, &options)),
            ("markdown", markdown::plan(&plan, markdown::BYTES_DEFAULT)),
            ("html", html::plan(&plan)),
        ]
        .map(|(form, page)| (form, words(&page)));
        let all = notes(&plan);
        assert_eq!(all.len(), 9, "a note is missing in this test");
        let of_plan = all.iter().flat_map(|said| {
            let names = said.about.iter().map(|about| about.plain().replace(", last in old.yaml:9", ""));
            [said.lead.plain(), said.end.plain()]
                .into_iter()
                .chain(names.map(|name| name.trim_end_matches(')').to_owned()))
        });
        let of_changes = plan.changes.iter().flat_map(|change| {
            let notes = change_notes(change).map(|(_, sentence)| sentence.plain());
            notes.chain(change.marks().map(|what| mark(what).to_owned())).collect::<Vec<_>>()
        });
        let (of_plan, of_changes): (Vec<String>, Vec<String>) = (of_plan.collect(), of_changes.collect());
        assert_eq!(of_changes.len(), 11, "{of_changes:?}");
        for said in of_plan.iter().chain(&of_changes) {
            for (form, page) in &forms {
                assert!(page.contains(&words(said)), "{form}: {said} in {page}");
            }
        }
    }

    #[test]
    fn names_and_what_matters_stand_out_in_a_sentence() {
        let sentence = Sentence::of("**2 are `odd`**, and `--x` helps").code("a\u{202e}`".to_owned());
        assert_eq!(sentence.plain(), "2 are odd, and --x helpsa\\u{202e}`");
        assert_eq!(sentence.markdown(), "**2 are **`odd`, and `--x` helps`` a\\u{202e}` ``");
    }
}

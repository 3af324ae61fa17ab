//! What holds for every valid manifest, whatever it says: manifests are made up from the tables of request bodies, and go
//! through the real pipeline, from text to plan to apply and to the plan after that.

pub mod bodies;
mod tenant;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use dixaform::access::RateLimit;
use dixaform::conversation::{Address, AttributeValue, CUSTOM_ATTRIBUTES, Kind};
use dixaform::desired::Desired;
use dixaform::digest::{Digest, canonical};
use dixaform::finding::Severity;
use dixaform::plan::{Action, Plan, PlanOptions, Step, Target, moves, plan};
use dixaform::render::palette::Palette;
use dixaform::render::text::TextOptions;
use dixaform::settings::LastApplied;
use dixaform::state::{Lineage, State, file_v1};
use dixaform::{json, manifest, render};
use proptest::prelude::*;
use serde_json::Value;

type Map = serde_json::Map<String, Value>;

/// A manifest as it was made up.
#[derive(Clone, Debug)]
struct Made {
    kind: Kind,
    name: String,
    content: Map,
    attributes: Map,
    /// The name that it had before.
    former: Option<String>,
}

impl Made {
    fn address(&self) -> Address {
        Address::new(self.kind, &self.name).expect("a good name")
    }

    /// The document as a JSON value.
    fn document(&self) -> Value {
        let mut spec = self.content.clone();
        if !self.attributes.is_empty() {
            spec.insert(CUSTOM_ATTRIBUTES.to_owned(), Value::Object(self.attributes.clone()));
        }
        let mut metadata = Map::from_iter([("name".to_owned(), Value::from(self.name.as_str()))]);
        if let Some(former) = &self.former {
            let former = format!("{}.{former}", self.kind.word());
            metadata.insert("annotations".to_owned(), serde_json::json!({"dixaform/moved-from": former}));
        }
        Value::Object(Map::from_iter([
            ("apiVersion".to_owned(), Value::from("dixaform/v1")),
            ("kind".to_owned(), Value::from(self.kind.manifest_word())),
            ("metadata".to_owned(), Value::Object(metadata)),
            ("spec".to_owned(), Value::Object(spec)),
        ]))
    }

    fn as_json(&self) -> String {
        let value = self.document();
        serde_json::to_string_pretty(&value).expect("it can be written")
    }

    /// As another writer writes it. That one is of YAML 1.1, where U+2028 and U+2029 end a line and are followed by an
    /// indent that YAML 1.2 takes for text; with them, it is JSON, which is YAML, too.
    fn as_yaml(&self) -> String {
        if self.as_json().contains(['\u{2028}', '\u{2029}']) {
            return self.as_json();
        }
        let value = self.document();
        serde_yaml::to_string(&value).expect("it can be written")
    }
}

fn made() -> impl Strategy<Value = Made> {
    let kind = prop::sample::select(vec![Kind::Conversation, Kind::Import]);
    let attributes = prop::collection::btree_map(bodies::uuid(), attribute(), 0..4);
    (kind, "[a-z][a-z0-9]{0,5}", attributes).prop_flat_map(|(kind, name, attributes)| {
        bodies::body(kind).prop_map(move |content| Made {
            kind,
            name: name.clone(),
            content,
            attributes: attributes.clone().into_iter().collect(),
            former: None,
        })
    })
}

fn attribute() -> impl Strategy<Value = Value> {
    prop_oneof![
        3 => bodies::odd_text().prop_map(Value::from),
        2 => prop::collection::vec("[a-z_]{1,6}".prop_map(Value::from), 1..4).prop_map(Value::Array),
        1 => Just(Value::Null),
    ]
}

/// Up to six manifests with different addresses.
fn several() -> impl Strategy<Value = Vec<Made>> {
    prop::collection::vec(made(), 1..6).prop_map(|all| {
        let unique: BTreeMap<_, _> = all.into_iter().map(|made| (made.address(), made)).collect();
        unique.into_values().collect()
    })
}

fn read(texts: &[(String, String)]) -> Desired {
    let readings = texts.iter().map(|(file, text)| {
        manifest::read(&Arc::from(file.as_str()), text.as_bytes(), manifest::Tenant::unknown(), &manifest::no_tables)
    });
    let (desired, findings) = manifest::resolve(readings);
    let errors: Vec<_> = findings.iter().filter(|finding| finding.severity == Severity::Error).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    desired
}

/// Each manifest in a file of its own, by turns as YAML and as JSON.
fn files(all: &[Made]) -> Vec<(String, String)> {
    let file = |(number, made): (usize, &Made)| match number % 2 {
        0 => (format!("{number}.yaml"), made.as_yaml()),
        _ => (format!("{number}.json"), made.as_json()),
    };
    all.iter().enumerate().map(file).collect()
}

fn nothing() -> State {
    State::new(Lineage(uuid::Uuid::nil()))
}

fn options() -> PlanOptions {
    let tenant = Target {
        name: "staging".into(),
        base_url: "https://dev.dixa.io".into(),
        organization_id: None,
        rate_limit: RateLimit::DIXA,
    };
    PlanOptions { allow_replace: true, prune: true, ..PlanOptions::new(tenant) }
}

fn plan_of(all: &[Made], state: &State) -> Plan {
    plan(&read(&files(all)), state, &options())
}

/// The same value with the members of every map turned round.
fn reversed(value: &Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.iter().map(reversed).collect()),
        Value::Object(map) => {
            Value::Object(map.iter().rev().map(|(name, member)| (name.to_owned(), reversed(member))).collect())
        }
        other => other.clone(),
    }
}

/// The plan as text of any width. As JSON it is data, and has to be JSON.
fn drawings(plan: &Plan) -> Vec<String> {
    let parsed: Result<Value, _> = serde_json::from_str(&render::json_v1::plan(plan));
    assert!(parsed.is_ok(), "{parsed:?}");
    let text =
        |width| render::text::plan(plan, &TextOptions { palette: Palette::plain(), width, requests_sent: Some(0) });
    vec![text(None), text(Some(40)), text(Some(80))]
}

fn assert_harmless(drawn: &str) {
    let harmful =
        |c: char| c != '\n' && (c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'));
    let found = drawn.chars().find(|c| harmful(*c));
    assert_eq!(found, None, "{drawn:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_spec_that_is_written_as_a_manifest_reads_back_as_the_same(all in several()) {
        let desired = read(&files(&all));
        for manifest in desired.iter() {
            let text = render::manifest::manifest(&manifest.address, &manifest.spec);
            let again = read(&[("again.yaml".to_owned(), text.clone())]);
            let [again] = again.iter().collect::<Vec<_>>()[..] else { panic!("{text}") };
            prop_assert_eq!((&again.address, again.digests), (&manifest.address, manifest.digests), "{}", text);
        }
    }

    #[test]
    fn the_canonical_form_is_a_fixed_point_and_blind_to_the_order_of_members(made in made()) {
        let document = made.document();
        let form = canonical(&document);
        let again = json::parse(&form).expect("the canonical form is JSON");
        prop_assert_eq!(&canonical(&again), &form);
        prop_assert_eq!(&canonical(&reversed(&document)), &form);
        prop_assert_eq!(json::parse(&document.to_string()).expect("it is JSON"), document);
    }

    #[test]
    fn yaml_and_json_of_other_writers_mean_the_same(made in made()) {
        let yaml = read(&[("m.yaml".to_owned(), made.as_yaml())]);
        let json = read(&[("m.json".to_owned(), made.as_json())]);
        let (yaml, json) = (yaml.iter().next().expect("one"), json.iter().next().expect("one"));
        prop_assert_eq!(yaml.digests, json.digests);
        prop_assert_eq!(yaml.digests.content, Digest::of_map(&made.content));
        prop_assert_eq!(yaml.digests.attributes, Digest::of_map(&made.attributes));
        prop_assert_eq!(yaml.spec.conversation().content, made.content);
    }

    #[test]
    fn after_an_apply_there_is_nothing_left_to_do(before in several(), after in several(), digests in any::<bool>()) {
        let keep = if digests { LastApplied::Digest } else { LastApplied::Full };
        let first = tenant::apply(&plan_of(&before, &nothing()), nothing(), keep);
        prop_assert!(plan_of(&before, &first).is_empty());
        let second = tenant::apply(&plan_of(&after, &first), first, keep);
        let again = plan_of(&after, &second);
        prop_assert!(again.is_empty(), "{:#?}", again.changes);
    }

    #[test]
    fn what_is_renamed_moves_without_a_call_and_stays_what_it_was(
        before in several(), renamed in any::<u8>(), with_changes in any::<bool>(), digests in any::<bool>()
    ) {
        let keep = if digests { LastApplied::Digest } else { LastApplied::Full };
        let state = tenant::apply(&plan_of(&before, &nothing()), nothing(), keep);
        let ids = |state: &State| state.records.values().map(|record| record.id).collect::<BTreeSet<_>>();
        let (id, mut after) = ("00000000-0000-4000-8000-000000000001", before.clone());
        for (_, made) in after.iter_mut().enumerate().filter(|(index, _)| renamed >> index & 1 == 1) {
            // No name that is made up is as long.
            let name = format!("renamed-{}", made.name);
            made.former = Some(std::mem::replace(&mut made.name, name));
            if with_changes {
                made.attributes.insert(id.to_owned(), Value::from("a value that is made up nowhere else"));
            }
        }
        let moves = after.iter().filter(|made| made.former.is_some()).count();
        let plan = plan_of(&after, &state);
        let action = if with_changes { Action::Update } else { Action::Move };
        prop_assert_eq!(plan.changes.len(), moves);
        prop_assert!(plan.changes.iter().all(|change| change.action == action && change.moved().is_some()));
        prop_assert_eq!((plan.summary.moves, plan.summary.unchanged), (moves, before.len() - moves));
        prop_assert_eq!(plan.price.calls == 0, moves == 0 || !with_changes);
        let saved = dixaform::plan::file_v1::read(&render::json_v1::plan(&plan)).expect("a plan");
        let mut moved = state.clone();
        prop_assert_eq!(moves::carry_out(&saved, &mut moved), Ok(moves));
        // A process that dies now leaves a plan without moves.
        prop_assert_eq!(plan_of(&after, &moved).summary.moves, 0);
        prop_assert_eq!(ids(&moved), ids(&state));
        let done = tenant::apply(&saved, moved, keep);
        prop_assert!(plan_of(&after, &done).is_empty());
        prop_assert_eq!(ids(&done), ids(&state));
    }

    #[test]
    fn the_order_of_files_changes_nothing(all in several(), seed in any::<usize>()) {
        let mut files = files(&all);
        let straight = plan(&read(&files), &nothing(), &options());
        let places = files.len();
        files.rotate_left(seed % places);
        files.swap(0, seed / 7 % places);
        prop_assert_eq!(plan(&read(&files), &nothing(), &options()), straight);
    }

    #[test]
    fn one_changed_attribute_is_one_patch_with_its_key_alone(all in several(), id in bodies::uuid(), pick in any::<usize>()) {
        let state = tenant::apply(&plan_of(&all, &nothing()), nothing(), LastApplied::Full);
        let mut changed = all.clone();
        let made = &mut changed[pick % all.len()];
        made.attributes.insert(id.clone(), Value::from("a value that is made up nowhere else"));
        let plan = plan_of(&changed, &state);
        prop_assert_eq!(plan.changes.len(), 1);
        let change = &plan.changes[0];
        prop_assert_eq!((change.action, &change.address), (Action::Update, &changed[pick % all.len()].address()));
        let [Step::Patch(patch)] = &*change.steps else { panic!("{:?}", change.steps) };
        let expected = AttributeValue::Text("a value that is made up nowhere else".into());
        prop_assert_eq!(patch.iter().collect::<Vec<_>>(), [(&id, &expected)]);
    }

    #[test]
    fn the_text_of_a_state_reads_as_the_same_state(all in several(), digests in any::<bool>()) {
        let keep = if digests { LastApplied::Digest } else { LastApplied::Full };
        let state = tenant::apply(&plan_of(&all, &nothing()), nothing(), keep);
        let text = file_v1::write(&state);
        let again = file_v1::read(&text).expect("our own text");
        prop_assert_eq!(&again, &state);
        prop_assert_eq!(file_v1::write(&again), text);
    }

    #[test]
    fn drawing_a_plan_never_panics_and_never_draws_a_control_character(
        before in several(), after in several(), digests in any::<bool>()
    ) {
        let keep = if digests { LastApplied::Digest } else { LastApplied::Full };
        let created = plan_of(&before, &nothing());
        drawings(&created).iter().for_each(|drawn| assert_harmless(drawn));
        // The same addresses with other bodies, so that there is something to replace and to patch.
        let renamed = after.into_iter().zip(before.iter().cycle());
        let renamed: BTreeMap<_, _> = renamed
            .map(|(made, old)| Made { name: old.name.clone(), ..made })
            .map(|made| (made.address(), made))
            .collect();
        let renamed: Vec<_> = renamed.into_values().collect();
        let state = tenant::apply(&created, nothing(), keep);
        drawings(&plan_of(&renamed, &state)).iter().for_each(|drawn| assert_harmless(drawn));
    }

    #[test]
    fn findings_about_any_text_are_harmless_to_draw(text in "\\PC{0,80}", odd in bodies::odd_text()) {
        let text = format!("apiVersion: dixaform/v1\nkind: {text}\n{odd}: {text}\n");
        let (_, findings) = manifest::resolve([manifest::read(&Arc::from("m.yaml"), text.as_bytes(), manifest::Tenant::unknown(), &manifest::no_tables)]);
        assert_harmless(&render::findings::findings(&findings, true, &Palette::plain()));
    }
}

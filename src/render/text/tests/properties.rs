//! What holds for any text that manifests may have.

use proptest::prelude::*;
use serde_json::{Map, Value};

use super::*;
use crate::conversation::{Attributes, Conversation};
use crate::handling::Handling;
use crate::render::text::plan;
use crate::spec::Spec;
use crate::state::Before;

fn any_value() -> impl Strategy<Value = Value> {
    let text = prop_oneof!["\\PC{0,10}", ".{0,80}", "(?s).{0,120}", "([a-z]{1,9}[ \n]){0,30}"];
    let leaf = prop_oneof![
        Just(Value::Null),
        Just(Value::Bool(true)),
        any::<i64>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            prop::collection::vec((any_name(), inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn any_name() -> impl Strategy<Value = String> {
    prop_oneof!["(?s).{0,12}", Just("message".to_owned()), Just("content".to_owned()), Just("_type".to_owned())]
}

fn any_map() -> impl Strategy<Value = Map<String, Value>> {
    prop::collection::vec((any_name(), any_value()), 0..5).prop_map(|members| members.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]
    #[test]
    fn no_manifest_can_break_a_plan_or_draw_on_the_terminal(
        before in any_map(),
        after in any_map(),
        withheld in any::<bool>(),
        file in "(?s).{0,40}",
        width in prop::option::of(0usize..200),
        action in prop::sample::select(Action::ALL.to_vec()),
    ) {
        let after = Spec::of(&Conversation { content: after, attributes: Attributes::new(), handling: Handling::default() });
        let mut change = change("conversation.a", action, None, None);
        let withheld = before.keys().filter(|_| withheld).map(|name| format!("/{name}")).collect();
        change.before = Some(Box::new(Before { spec: before, withheld }));
        change.after = Some(after);
        change.source = Some(source(&file, 1));
        let mut made = plan_of(vec![change]);
        made.tenant.name = file;
        let text = plan(&made, &TextOptions { width, ..PLAIN });
        prop_assert!(text.chars().all(|letter| letter == '\n' || !letter.is_control()), "{text:?}");
        let hidden = ['\u{202e}', '\u{2066}', '\u{200b}', '\u{feff}'];
        prop_assert!(!text.contains(hidden), "{text:?}");
    }
}

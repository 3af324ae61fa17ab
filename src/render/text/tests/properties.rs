//! What holds for any text that manifests may have.

use proptest::prelude::*;

use super::*;
use crate::conversation::{Attributes, Conversation};
use crate::render::text::{painted, plain_block, plan};
use crate::spec::Spec;
use crate::value::{Map, Value};

fn any_value() -> impl Strategy<Value = Value> {
    let text = prop_oneof!["\\PC{0,10}", ".{0,80}", "(?s).{0,120}", "([a-z]{1,9}[ \n]){0,30}"];
    let leaf = prop_oneof![
        Just(Value::Null),
        Just(Value::Bool(true)),
        Just(Value::Withheld),
        any::<i64>().prop_map(|number| Value::Number(crate::value::Number::Integer(number))),
        text.prop_map(Value::Text),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::List),
            prop::collection::vec((any_name(), inner), 0..5)
                .prop_map(|members| Value::Map(members.into_iter().collect())),
        ]
    })
}

fn any_name() -> impl Strategy<Value = String> {
    prop_oneof!["(?s).{0,12}", Just("message".to_owned()), Just("content".to_owned()), Just("_type".to_owned())]
}

fn any_map() -> impl Strategy<Value = Map> {
    prop::collection::vec((any_name(), any_value()), 0..5).prop_map(|members| members.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn a_new_block_is_the_same_on_either_way(
        content in any_map(),
        import in any::<bool>(),
        marked in any::<bool>(),
        known in any::<bool>(),
    ) {
        let action = if import { Action::Import } else { Action::Create };
        let mut change = change("conversation.a", action, None, None);
        let mut content = content;
        if known {
            // Members that the tables know, in another order than the documentation's.
            content.set("message", Value::Map(content.clone()));
            content.set("subject", Value::text("order #123"));
            content.set("_type", Value::text("Email"));
        }
        change.after = Some(Spec::of(&Conversation { content, attributes: Attributes::new() }));
        change.marked = marked;
        change.reaches_customer = marked;
        change.irreversible = known;
        change.block = (marked && known).then_some(Block::OnChangeBlock);
        change.source = change.source.filter(|_| !import || known);
        let canvas = PLAIN.canvas();
        let mut quick = String::new();
        if plain_block::append(&change, &canvas, &mut quick) {
            prop_assert_eq!(quick, painted(&canvas, &canvas.block(&change)));
        } else {
            prop_assert_eq!(quick, "");
        }
    }

    #[test]
    fn no_manifest_can_break_a_plan_or_draw_on_the_terminal(
        before in any_map(),
        after in any_map(),
        file in "(?s).{0,40}",
        width in prop::option::of(0usize..200),
        action in prop::sample::select(Action::ALL.to_vec()),
    ) {
        let after = Spec::of(&Conversation { content: after, attributes: Attributes::new() });
        let mut change = change("conversation.a", action, None, None);
        change.before = Some(Box::new(Value::Map(before)));
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

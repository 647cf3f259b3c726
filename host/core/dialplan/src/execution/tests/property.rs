//! Laws that hold for all values: expressions against an evaluator of their own, slices against a model, matching against a search
//! of all patterns.

use proptest::prelude::*;

use super::*;
use crate::pattern::{Pattern, Trie};

/// An expression as a tree: the evaluator below knows nothing of text, precedence or stacks.
#[derive(Clone, Debug)]
enum Tree {
    Number(i64),
    Variable(usize),
    Negate(Box<Self>),
    Not(Box<Self>),
    Binary(&'static str, Box<Self>, Box<Self>),
    Choice(Box<Self>, Box<Self>, Box<Self>),
}

const VALUES: [i64; 4] = [0, 1, -3, 250];

/// From loosest to tightest, as documented.
fn level(operator: &str) -> usize {
    let levels: [&[&str]; 5] = [&["|"], &["&"], &["=", "!=", "<", ">", "<=", ">="], &["+", "-"], &["*", "%"]];
    1 + levels.iter().position(|level| level.contains(&operator)).expect("it is one of them")
}

impl Tree {
    /// Nothing if a number on the way does not fit.
    fn value(&self) -> Option<i128> {
        let truth = |truth: bool| Some(i128::from(truth));
        match self {
            Self::Number(number) => Some((*number).into()),
            Self::Variable(nth) => Some(VALUES[*nth].into()),
            Self::Negate(tree) => tree.value()?.checked_neg(),
            Self::Not(tree) => truth(tree.value()? == 0),
            Self::Choice(condition, yes, no) => {
                let (condition, yes, no) = (condition.value()?, yes.value()?, no.value()?);
                Some(if condition == 0 { no } else { yes })
            }
            Self::Binary(operator, left, right) => {
                let (left, right) = (left.value()?, right.value()?);
                match *operator {
                    "|" => Some(if left == 0 { right } else { left }),
                    "&" => Some(if left == 0 || right == 0 { 0 } else { left }),
                    "=" => truth(left == right),
                    "!=" => truth(left != right),
                    "<" => truth(left < right),
                    ">" => truth(left > right),
                    "<=" => truth(left <= right),
                    ">=" => truth(left >= right),
                    "+" => left.checked_add(right),
                    "-" => left.checked_sub(right),
                    "*" => left.checked_mul(right),
                    "%" => Some(left.checked_rem(right).unwrap_or(0)),
                    other => unreachable!("{other}"),
                }
            }
        }
    }

    /// With only the brackets that precedence needs: `outer` is the level around it.
    fn text(&self, outer: usize) -> String {
        let (own, text) = match self {
            Self::Number(number) => return number.to_string(),
            Self::Variable(nth) => return format!("${{V{nth}}}"),
            Self::Negate(tree) => (6, format!("-{}", tree.text(6))),
            Self::Not(tree) => (6, format!("! {}", tree.text(6))),
            Self::Choice(condition, yes, no) => (0, format!("{}?{} : {}", condition.text(1), yes.text(1), no.text(1))),
            Self::Binary(operator, left, right) => {
                let own = level(operator);
                // They group to the left, so that the right side needs brackets on its own level.
                (own, format!("{}{operator} {}", left.text(own), right.text(own + 1)))
            }
        };
        if own < outer { format!("({text})") } else { text }
    }
}

fn trees() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![(0_i64..1000).prop_map(Tree::Number), (0_usize..4).prop_map(Tree::Variable)];
    leaf.prop_recursive(6, 96, 2, |inner| {
        let operator = prop::sample::select(vec!["|", "&", "=", "!=", "<", ">", "<=", ">=", "+", "-", "*", "%"]);
        prop_oneof![
            1 => inner.clone().prop_map(|tree| Tree::Negate(tree.into())),
            1 => inner.clone().prop_map(|tree| Tree::Not(tree.into())),
            8 => (operator, inner.clone(), inner.clone()).prop_map(|(op, l, r)| Tree::Binary(op, l.into(), r.into())),
            1 => (inner.clone(), inner.clone(), inner).prop_map(|(c, y, n)| Tree::Choice(c.into(), y.into(), n.into())),
        ]
    })
}

fn waiting() -> Execution {
    let plan = plan("[test]\nexten => _.,1,Wait(1)\n");
    let mut run = start(&plan, "test", "100");
    run.step(&noon(), Reply::Start);
    for (nth, value) in VALUES.iter().enumerate() {
        run.set_variable(&format!("V{nth}"), &value.to_string());
    }
    run
}

/// The model of slices: characters, counted from either end.
fn slice_model(value: &str, offset: i64, length: Option<i64>) -> String {
    let chars: Vec<char> = value.chars().collect();
    let count = chars.len() as i64;
    let begin = if offset < 0 { 0.max(count + offset) } else { offset };
    let end = match length {
        None => count,
        Some(length) if length < 0 => count + length,
        Some(length) => begin + length,
    };
    (0..count).filter(|at| (begin..end).contains(at)).map(|at| chars[at as usize]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn expressions_equal_their_tree(tree in trees()) {
        let text = format!("$[{}]", tree.text(0));
        let value = tree.value();
        prop_assume!(value.is_some());
        prop_assert_eq!(waiting().evaluate(&noon(), &text).ok(), value.map(|value| value.to_string()), "{}", text);
    }

    #[test]
    fn texts_compare_like_texts(left in "[ -~é]{0,6}", right in "[ -~é]{0,6}") {
        let mut run = waiting();
        run.set_variable("L", &left);
        run.set_variable("R", &right);
        let number = |text: &str| crate::value::Number::parse(text).is_some();
        prop_assume!(!number(&left) || !number(&right));
        let test = |operator: &str| run.evaluate(&noon(), &format!("$[\"${{L}}\" {operator} \"${{R}}\"]")).unwrap() == "1";
        prop_assert_eq!(test("="), left == right);
        prop_assert_eq!(test("!="), left != right);
        prop_assert_eq!(test("<"), left < right);
        prop_assert_eq!(test(">="), left >= right);
    }

    #[test]
    fn slices_equal_their_model(value in "[a-zé€]{0,12}", offset in -15_i64..15, length in prop::option::of(-15_i64..15)) {
        let mut run = waiting();
        run.set_variable("S", &value);
        let text = match length {
            Some(length) => format!("${{S:{offset}:{length}}}"),
            None => format!("${{S:{offset}}}"),
        };
        prop_assert_eq!(run.evaluate(&noon(), &text), Ok(slice_model(&value, offset, length)));
    }

    #[test]
    fn any_text_evaluates_or_is_refused(text in ".{0,60}", value in ".{0,20}") {
        let mut run = waiting();
        run.set_variable("V", &value);
        for text in [text.clone(), format!("${{{text}}}"), format!("$[{text}]"), format!("${{V:{text}}}"), format!("$[\"${{V}}\" =~ \"{text}\"]")] {
            drop(run.evaluate(&noon(), &text));
        }
        // A value comes out as it went in.
        prop_assert_eq!(run.evaluate(&noon(), "<${V}>").unwrap(), format!("<{value}>"));
        prop_assert_eq!(run.evaluate(&noon(), "$[\"${V}\" = \"${V}\"]").unwrap(), "1");
    }

    #[test]
    fn matching_equals_a_search_of_all(patterns in prop::collection::vec("[XZN1-4]{0,3}([.!]|\\[[1-3]{1,3}\\])?", 1..12), number in "[0-5]{0,5}") {
        let patterns: Vec<Pattern> = patterns.iter().filter_map(|text| Pattern::parse(text).ok()).collect();
        let mut trie = Trie::default();
        for (nth, pattern) in (0..).zip(&patterns) {
            trie.insert(pattern, nth);
        }
        let chars: Vec<char> = number.chars().collect();
        let mut found = Vec::new();
        trie.find(&chars, &mut |nth| { found.push(nth as usize); true });
        let mut expected: Vec<usize> = (0..patterns.len()).filter(|nth| patterns[*nth].matches(&number)).collect();
        expected.sort_by_key(|nth| patterns[*nth].order());
        prop_assert_eq!(&found, &expected);
        // More digits are wanted if and only if one or several more could match, `!` apart.
        let longer = |pattern: &&Pattern| !pattern.is_open_at(number.len()) && ["", "1", "11", "111", "1111"].iter().any(|more| {
            ["0", "1", "2", "3", "4", "5"].iter().any(|next| {
                let tails: Vec<String> = (0..6).map(|d| more.replace('1', &d.to_string())).collect();
                tails.iter().any(|tail| pattern.matches(&format!("{number}{next}{tail}")))
            })
        });
        if patterns.iter().any(|pattern| longer(&pattern)) {
            prop_assert!(trie.wants_more(&chars));
        }
    }
}

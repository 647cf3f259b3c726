//! What a server offers to plugins, and what of a component's wishes it lacks.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::LazyLock;

use serde::Serialize;
use wit_parser::{Interface, Resolve, SourceMap};

use super::signature::{Signature, named_types, same, text};
use crate::abi::{WIT_0_1, WIT_VERSION};
use crate::limit::MISSING;

/// The interfaces of a server, by which components are judged.
pub struct Offer {
    version: String,
    resolve: Resolve,
}

impl fmt::Debug for Offer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Offer(WIT {})", self.version)
    }
}

/// WIT texts that make no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("its WIT cannot be read: {0}")]
pub struct OfferError(String);

/// Something a component imports and a server does not have as the component wants it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// `jackfield:pbx/kv@0.1.0 get`, or an interface.
    pub import: String,
    /// The signature the component was built against, where the import is a function.
    pub wanted: Option<String>,
    /// The signature that is offered, where there is one.
    pub offered: Option<String>,
    /// The version of the WIT that has it, where that is not the server's.
    pub needs: Option<String>,
    /// One sentence that says all of this.
    pub why: String,
}

impl fmt::Display for Missing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.why)
    }
}

impl Missing {
    /// What has no signature.
    pub(crate) fn plain(import: &str, why: String) -> Self {
        Self { import: import.into(), wanted: None, offered: None, needs: None, why }
    }
}

impl Offer {
    /// What this host offers.
    pub fn own() -> &'static Self {
        static OWN: LazyLock<Offer> = LazyLock::new(|| {
            Offer::new(WIT_VERSION, WIT_0_1).unwrap_or_else(|error| panic!("our own WIT resolves: {error}"))
        });
        &OWN
    }

    /// What a server offers that has these WIT files, each by name and text.
    ///
    /// # Errors
    /// They are no package.
    pub fn new<'a>(version: &str, files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, OfferError> {
        let mut sources = SourceMap::new();
        for (name, text) in files {
            sources.push_str(name, text);
        }
        // As with components: the parser is not ours.
        let read = catch_unwind(AssertUnwindSafe(|| {
            let group = sources.parse().map_err(|(_, error)| OfferError(format!("{error:?}")))?;
            let mut resolve = Resolve::new();
            resolve.push_group(group).map_err(|error| OfferError(format!("{error:?}")))?;
            Ok(resolve)
        }));
        let resolve = read.unwrap_or_else(|_| Err(OfferError("the parser gave up".into())))?;
        Ok(Self { version: version.into(), resolve })
    }

    /// The version of its WIT.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What a component wants of our interface `own` and this offer lacks.
    pub(super) fn lacks(
        &self,
        own: &str,
        import: &str,
        version: &str,
        resolve: &Resolve,
        wanted: &Interface,
    ) -> Result<(), Vec<Missing>> {
        let this = &self.version;
        let needs = (version != this).then(|| version.to_owned());
        if major_minor(version) != major_minor(this) {
            let why = format!("it imports {import}: it needs WIT {version}, this server has {this}");
            return Err(vec![Missing { needs, ..Missing::plain(import, why) }]);
        }
        let known = self.resolve.interfaces.iter().find(|(_, one)| one.name.as_deref() == Some(own));
        let Some((_, known)) = known else {
            let why = format!("it imports {import}, an interface that WIT {this} of this server does not have");
            return Err(vec![Missing { needs, ..Missing::plain(import, why) }]);
        };
        let mut lacks = Vec::new();
        for (name, function) in &wanted.functions {
            if lacks.len() >= MISSING {
                break;
            }
            let wants = Signature { resolve, function };
            let has = known.functions.get(name).map(|function| Signature { resolve: &self.resolve, function });
            if has.is_some_and(|has| same(wants, has)) {
                continue;
            }
            let import = format!("{import} {name}");
            let (wanted, offered) = match has {
                None => (text(wants), None),
                Some(has) => {
                    let (wanted, offered) = told_apart(wants, has);
                    (wanted, Some(offered))
                }
            };
            let why = match &offered {
                None => format!("it imports {import}, which WIT {this} of this server does not have"),
                Some(offered) => {
                    format!("it imports {import} as `{wanted}`, but WIT {this} of this server has it as `{offered}`")
                }
            };
            lacks.push(Missing { import, wanted: Some(wanted), offered, needs: needs.clone(), why });
        }
        if lacks.is_empty() { Ok(()) } else { Err(lacks) }
    }
}

/// Two signatures as texts that differ: with the types whose cases or fields differ where the names alone say nothing.
fn told_apart(wanted: Signature<'_>, offered: Signature<'_>) -> (String, String) {
    let (mut one, mut other) = (text(wanted), text(offered));
    if one == other {
        let theirs = named_types(offered);
        for (name, definition) in named_types(wanted) {
            let same_name = theirs.iter().find(|(own, _)| *own == name);
            if let Some((_, own)) = same_name.filter(|(_, own)| *own != definition) {
                one.push_str(&format!(" where {name} is {definition}"));
                other.push_str(&format!(" where {name} is {own}"));
            }
        }
    }
    (one, other)
}

/// Versions that agree in this are compatible as far as they go: 0.1.0 and 0.1.7, not 0.2.0.
pub(super) fn major_minor(version: &str) -> Option<(&str, &str)> {
    let mut parts = version.split('.');
    Some((parts.next()?, parts.next()?))
}

#[cfg(test)]
mod tests {
    use super::super::World;
    use super::super::inspect::look;
    use super::*;
    use crate::limit::SIGNATURE_BYTES;

    const GET: &str = "get: func(key: string) -> result<option<list<u8>>, error>;";

    /// A server with another `get` in its `kv`.
    fn offer_with(get: &str) -> Offer {
        let changed = WIT_0_1.map(|(name, text)| (name, text.replace(GET, get)));
        assert!(changed.iter().any(|(_, text)| text.contains(get)), "kv has {GET}");
        Offer::new(WIT_VERSION, changed.iter().map(|(name, text)| (*name, text.as_str()))).unwrap()
    }

    /// A component that imports this of `kv`.
    fn wanting(functions: &str) -> Vec<u8> {
        let error = r#"(type $e' (variant (case "gone") (case "invalid" string)))"#;
        let text = format!(
            r#"(component (import "jackfield:pbx/kv@0.1.0" (instance {error} (export "error" (type $e (eq $e'))) {functions}))
               (instance $none) (export "jackfield:pbx/apps@0.1.0" (instance $none)))"#
        );
        wat::parse_str(text).unwrap()
    }

    fn missing(wasm: &[u8], offer: &Offer) -> Vec<Missing> {
        look(wasm, offer).unwrap().missing
    }

    /// Two builds of one source are the same to whoever reads of them.
    #[test]
    fn worlds_have_one_order_however_they_were_linked() {
        let exporting = |names: [&str; 2]| {
            let [first, second] =
                names.map(|name| format!(r#"(export "jackfield:pbx/{name}@0.1.0" (instance $none))"#));
            wat::parse_str(format!("(component (instance $none) {first} {second})")).unwrap()
        };
        for order in [["apps", "functions"], ["functions", "apps"]] {
            let offer = Offer::new(WIT_VERSION, WIT_0_1).unwrap();
            assert_eq!(look(&exporting(order), &offer).unwrap().worlds, [World::App, World::Function], "{order:?}");
        }
    }

    #[test]
    fn another_parameter_is_told_with_both_signatures() {
        let delete = r#"(export "delete" (func (param "key" u32)))"#;
        let found = missing(&wanting(delete), Offer::own());
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].import, "jackfield:pbx/kv@0.1.0 delete");
        assert_eq!(found[0].wanted.as_deref(), Some("func(key: u32)"));
        assert_eq!(found[0].offered.as_deref(), Some("func(key: string) -> result<_, error>"));
        assert_eq!(found[0].needs, None);
    }

    /// Two enums of one name: the names of the types agree, what they hold does not.
    #[test]
    fn types_of_the_same_name_are_compared_by_what_they_hold() {
        let delete = r#"(export "delete" (func (param "key" string) (result (result (error $e)))))"#;
        let found = missing(&wanting(delete), Offer::own());
        assert_eq!(found.len(), 1, "{found:?}");
        let (wanted, offered) = (found[0].wanted.as_deref().unwrap(), found[0].offered.as_deref().unwrap());
        assert!(wanted.ends_with("where error is variant { gone, invalid: string }"), "{wanted}");
        assert!(
            offered.starts_with("func(key: string) -> result<_, error> where error is record { code: string"),
            "{offered}"
        );
    }

    #[test]
    fn a_function_that_is_not_there_is_told_with_what_was_wanted() {
        let found = missing(&wanting(r#"(export "count" (func (result u32)))"#), Offer::own());
        assert_eq!((found[0].wanted.as_deref(), found[0].offered.as_deref()), (Some("func() -> u32"), None));
    }

    /// The same component against servers of other versions.
    #[test]
    fn the_version_that_has_it_is_told() {
        let offer = Offer { version: "0.2.0".into(), ..offer_with(GET) };
        let found = missing(&wanting(""), &offer);
        assert_eq!(found[0].needs.as_deref(), Some("0.1.0"));
        assert!(found[0].why.contains("it needs WIT 0.1.0, this server has 0.2.0"), "{}", found[0].why);
    }

    /// Types that use the one before twice: as a tree this one has 2^30 leaves.
    #[test]
    fn types_that_grow_without_end_are_neither_walked_nor_written_to_the_end() {
        let mut types = r#"(type $t0 (tuple u8 u8))"#.to_owned();
        for depth in 1..15 {
            types += &format!("(type $t{depth} (tuple $t{0} $t{0}))", depth - 1);
        }
        let delete = format!(r#"{types} (export "delete" (func (param "key" $t14)))"#);
        let found = missing(&wanting(&delete), Offer::own());
        let wanted = found[0].wanted.as_deref().unwrap();
        assert_eq!(wanted.len(), SIGNATURE_BYTES + '…'.len_utf8());
        assert!(wanted.ends_with('…'), "{wanted}");
    }

    #[test]
    fn no_more_is_told_to_be_missing_than_the_bound() {
        let functions: Vec<String> =
            (0..=MISSING).map(|number| format!("(export \"f{number}\" (func (result u32)))")).collect();
        assert_eq!(missing(&wanting(&functions[1..].concat()), Offer::own()).len(), MISSING);
        assert_eq!(missing(&wanting(&functions.concat()), Offer::own()).len(), MISSING);
    }

    #[test]
    fn what_is_no_wit_is_no_offer() {
        assert!(Offer::new("0.1.0", [("a.wit", "interface {")]).is_err());
    }
}

//! What functions take and return: whether two of them are the same, and how people read one.
//!
//! The component model compares types by their shape (names of fields and cases count, names of types do not); a resource is the
//! same as another of its name.

use wit_parser::{Function, Handle, Resolve, Type, TypeDefKind, TypeId};

use crate::limit::{SIGNATURE_BYTES, SIGNATURE_TYPES};

/// A function with the package it is from.
#[derive(Clone, Copy)]
pub(super) struct Signature<'a> {
    pub(super) resolve: &'a Resolve,
    pub(super) function: &'a Function,
}

/// Whether a plugin that was linked against `wanted` can call `offered`.
///
/// Both are walked at once, so that the walk is no longer than what we offer, whatever a stranger's types nest.
pub(super) fn same(wanted: Signature<'_>, offered: Signature<'_>) -> bool {
    let walk = Walk { ours: offered.resolve, theirs: wanted.resolve };
    let (ours, theirs) = (offered.function, wanted.function);
    ours.kind.is_async() == theirs.kind.is_async()
        && walk.all(&ours.params, &theirs.params, |ours, theirs| {
            ours.name == theirs.name && walk.same(&ours.ty, &theirs.ty)
        })
        && walk.same_optional(ours.result.as_ref(), theirs.result.as_ref())
}

/// Two types side by side.
#[derive(Clone, Copy)]
struct Walk<'a> {
    ours: &'a Resolve,
    theirs: &'a Resolve,
}

impl Walk<'_> {
    fn all<T>(self, ours: &[T], theirs: &[T], same: impl Fn(&T, &T) -> bool) -> bool {
        ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(ours, theirs)| same(ours, theirs))
    }

    fn same_optional(self, ours: Option<&Type>, theirs: Option<&Type>) -> bool {
        match (ours, theirs) {
            (None, None) => true,
            (Some(ours), Some(theirs)) => self.same(ours, theirs),
            _ => false,
        }
    }

    fn same(self, ours: &Type, theirs: &Type) -> bool {
        match (ours, theirs) {
            (Type::Id(ours), Type::Id(theirs)) => self.same_defined(*ours, *theirs),
            // An alias of a type without a name is that type.
            (Type::Id(id), plain) => {
                matches!(self.ours.types[behind(self.ours, *id)].kind, TypeDefKind::Type(ty) if ty == *plain)
            }
            (plain, Type::Id(id)) => {
                matches!(self.theirs.types[behind(self.theirs, *id)].kind, TypeDefKind::Type(ty) if ty == *plain)
            }
            (ours, theirs) => ours == theirs,
        }
    }

    fn same_defined(self, ours: TypeId, theirs: TypeId) -> bool {
        use TypeDefKind as Kind;
        let (ours, theirs) =
            (&self.ours.types[behind(self.ours, ours)], &self.theirs.types[behind(self.theirs, theirs)]);
        match (&ours.kind, &theirs.kind) {
            (Kind::Type(ours), Kind::Type(theirs)) => self.same(ours, theirs),
            (Kind::Resource, Kind::Resource) => ours.name == theirs.name,
            (Kind::Handle(Handle::Own(ours)), Kind::Handle(Handle::Own(theirs)))
            | (Kind::Handle(Handle::Borrow(ours)), Kind::Handle(Handle::Borrow(theirs))) => {
                self.same_defined(*ours, *theirs)
            }
            (Kind::Record(ours), Kind::Record(theirs)) => self.all(&ours.fields, &theirs.fields, |one, other| {
                one.name == other.name && self.same(&one.ty, &other.ty)
            }),
            (Kind::Flags(ours), Kind::Flags(theirs)) => {
                self.all(&ours.flags, &theirs.flags, |one, other| one.name == other.name)
            }
            (Kind::Tuple(ours), Kind::Tuple(theirs)) => {
                self.all(&ours.types, &theirs.types, |one, other| self.same(one, other))
            }
            (Kind::Variant(ours), Kind::Variant(theirs)) => self.all(&ours.cases, &theirs.cases, |one, other| {
                one.name == other.name && self.same_optional(one.ty.as_ref(), other.ty.as_ref())
            }),
            (Kind::Enum(ours), Kind::Enum(theirs)) => {
                self.all(&ours.cases, &theirs.cases, |one, other| one.name == other.name)
            }
            (Kind::Option(ours), Kind::Option(theirs)) | (Kind::List(ours), Kind::List(theirs)) => {
                self.same(ours, theirs)
            }
            (Kind::Result(ours), Kind::Result(theirs)) => {
                self.same_optional(ours.ok.as_ref(), theirs.ok.as_ref())
                    && self.same_optional(ours.err.as_ref(), theirs.err.as_ref())
            }
            // Our interfaces have no other kinds.
            _ => false,
        }
    }
}

/// What an alias of an alias stands for.
fn behind(resolve: &Resolve, mut id: TypeId) -> TypeId {
    while let TypeDefKind::Type(Type::Id(next)) = resolve.types[id].kind {
        id = next;
    }
    id
}

/// As WIT writes it, types by their names: `func(key: string) -> result<option<list<u8>>, error>`.
pub(super) fn text(signature: Signature<'_>) -> String {
    let Signature { resolve, function } = signature;
    let mut writer = Writer { resolve, text: if function.kind.is_async() { "async func(" } else { "func(" }.into() };
    for (index, parameter) in function.params.iter().enumerate().take_while(|(index, _)| *index < SIGNATURE_TYPES) {
        writer.text.push_str(if index == 0 { "" } else { ", " });
        writer.text.push_str(&parameter.name);
        writer.text.push_str(": ");
        writer.write(&parameter.ty);
    }
    writer.text.push(')');
    if let Some(result) = &function.result {
        writer.text.push_str(" -> ");
        writer.write(result);
    }
    writer.finish()
}

/// The types with a name that a signature uses, each with its cases or fields: where two signatures read the same, these differ.
pub(super) fn named_types(signature: Signature<'_>) -> Vec<(String, String)> {
    let mut found = Found { resolve: signature.resolve, seen: Vec::new(), named: Vec::new() };
    let all = signature.function.params.iter().map(|parameter| &parameter.ty).chain(&signature.function.result);
    all.for_each(|ty| found.collect(ty));
    found.named
}

/// Types that were looked at. Each is looked into once: a stranger's types may use each other very often.
struct Found<'a> {
    resolve: &'a Resolve,
    seen: Vec<TypeId>,
    named: Vec<(String, String)>,
}

impl Found<'_> {
    fn collect(&mut self, ty: &Type) {
        let Type::Id(id) = ty else { return };
        let id = behind(self.resolve, *id);
        if self.seen.contains(&id) || self.seen.len() >= SIGNATURE_TYPES {
            return;
        }
        self.seen.push(id);
        let resolve = self.resolve;
        let definition = &resolve.types[id];
        if let Some(name) = &definition.name {
            self.named.push((name.clone(), Writer::definition(resolve, &definition.kind)));
        }
        match &definition.kind {
            TypeDefKind::Option(inner) | TypeDefKind::List(inner) | TypeDefKind::Type(inner) => self.collect(inner),
            TypeDefKind::Tuple(tuple) => tuple.types.iter().for_each(|inner| self.collect(inner)),
            TypeDefKind::Result(result) => {
                result.ok.iter().chain(&result.err).for_each(|inner| self.collect(inner));
            }
            TypeDefKind::Record(record) => record.fields.iter().for_each(|field| self.collect(&field.ty)),
            TypeDefKind::Variant(variant) => {
                variant.cases.iter().filter_map(|case| case.ty.as_ref()).for_each(|inner| self.collect(inner));
            }
            _ => {}
        }
    }
}

/// Writes types, and stops where nobody would read on.
struct Writer<'a> {
    resolve: &'a Resolve,
    text: String,
}

impl<'a> Writer<'a> {
    fn definition(resolve: &'a Resolve, kind: &TypeDefKind) -> String {
        let mut writer = Writer { resolve, text: String::new() };
        writer.write_kind(kind);
        writer.finish()
    }

    /// What was written, no longer than it may be.
    fn finish(self) -> String {
        match self.text.char_indices().find(|(index, _)| *index >= SIGNATURE_BYTES) {
            Some((end, _)) => format!("{}…", &self.text[..end]),
            None => self.text,
        }
    }

    fn is_full(&self) -> bool {
        self.text.len() > SIGNATURE_BYTES
    }

    fn write(&mut self, ty: &Type) {
        if self.is_full() {
            return;
        }
        match ty {
            Type::Id(id) => match &self.resolve.types[*id] {
                named if named.name.is_some() => self.text.push_str(named.name.as_deref().unwrap_or_default()),
                plain => self.write_kind(&plain.kind),
            },
            Type::ErrorContext => self.text.push_str("error-context"),
            plain => self.text.push_str(&format!("{plain:?}").to_ascii_lowercase()),
        }
    }

    fn write_kind(&mut self, kind: &TypeDefKind) {
        match kind {
            TypeDefKind::Option(inner) => self.list("option<", [Some(inner)], ">"),
            TypeDefKind::List(inner) => self.list("list<", [Some(inner)], ">"),
            TypeDefKind::Tuple(tuple) => self.list("tuple<", tuple.types.iter().map(Some), ">"),
            TypeDefKind::Result(result) => match (&result.ok, &result.err) {
                (None, None) => self.text.push_str("result"),
                (ok, None) => self.list("result<", [ok.as_ref()], ">"),
                (ok, err) => self.list("result<", [ok.as_ref(), err.as_ref()], ">"),
            },
            TypeDefKind::Handle(Handle::Own(id)) => self.write(&Type::Id(*id)),
            TypeDefKind::Handle(Handle::Borrow(id)) => self.list("borrow<", [Some(&Type::Id(*id))], ">"),
            TypeDefKind::Type(inner) => self.write(inner),
            TypeDefKind::Record(record) => {
                self.cases("record", record.fields.iter().map(|field| (field.name.as_str(), Some(&field.ty))));
            }
            TypeDefKind::Variant(variant) => {
                self.cases("variant", variant.cases.iter().map(|case| (case.name.as_str(), case.ty.as_ref())));
            }
            TypeDefKind::Enum(own) => self.cases("enum", own.cases.iter().map(|case| (case.name.as_str(), None))),
            TypeDefKind::Flags(own) => self.cases("flags", own.flags.iter().map(|flag| (flag.name.as_str(), None))),
            other => self.text.push_str(other.as_str()),
        }
    }

    fn list<'t>(&mut self, before: &str, types: impl IntoIterator<Item = Option<&'t Type>>, after: &str) {
        self.text.push_str(before);
        for (index, ty) in types.into_iter().enumerate() {
            if self.is_full() {
                break;
            }
            self.text.push_str(if index == 0 { "" } else { ", " });
            match ty {
                Some(ty) => self.write(ty),
                None => self.text.push('_'),
            }
        }
        self.text.push_str(after);
    }

    fn cases<'t>(&mut self, word: &str, cases: impl Iterator<Item = (&'t str, Option<&'t Type>)>) {
        self.text.push_str(word);
        for (index, (name, ty)) in cases.enumerate() {
            if self.is_full() {
                break;
            }
            self.text.push_str(if index == 0 { " { " } else { ", " });
            self.text.push_str(name);
            if let Some(ty) = ty {
                self.text.push_str(": ");
                self.write(ty);
            }
        }
        self.text.push_str(" }");
    }
}

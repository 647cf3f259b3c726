//! The rules of the tree that a compiler does not know, as ordinary tests: `cargo xtask tidy`.
//!
//! Dependency walls (host/README.md), sizes, forbidden words and their reasons, the shape of a plugin, the names in the root,
//! and files that nothing compiles. Every failure prints all offenders with `file:line` and what to do instead.

mod root;
mod sizes;
mod source;
mod walls;
mod wit;
mod words;

use source::Tree;

/// Fails with every offender on a line of its own.
#[track_caller]
fn none(rule: &str, offenders: Vec<String>) {
    assert!(offenders.is_empty(), "{rule}:\n  {}\n", offenders.join("\n  "));
}

#[test]
fn crates_depend_only_inwards() {
    none("a crate may use only crates further in (host/README.md, Layers)", walls::inward(&source::metadata()));
}

#[test]
fn each_outside_thing_stays_in_its_crate() {
    none("a dependency stands outside its crate (host/README.md, Layers)", walls::outside_things(&source::metadata()));
}

#[test]
fn core_uses_only_what_was_agreed() {
    none(
        "host/core grew a dependency: is it pure? then list it in tests/tidy/walls.rs",
        walls::core(&source::metadata()),
    );
}

#[test]
fn words_stay_where_they_belong() {
    none("a word stands where it must not", words::misplaced(&Tree::read()));
}

#[test]
fn the_host_names_no_plugin() {
    // F1: whatever callers know as a feature is a plugin, so nothing below the binary may know one by name.
    none("the host knows a plugin by name", words::plugin_names(&Tree::read()));
}

#[test]
fn files_and_functions_fit_a_screen() {
    let tree = Tree::read();
    none("a file has too many lines outside its tests", sizes::files(&tree));
    none("a function is too long", sizes::functions(&tree));
}

#[test]
fn every_rust_file_is_compiled() {
    none("no module names this file", source::orphans(&Tree::read(), &source::metadata()));
}

#[test]
fn the_root_shows_only_its_names() {
    none("the root of the tree has a name that is not in the plan", root::unknown_names());
}

#[test]
fn every_plugin_is_whole() {
    none("a plugin lacks a part", root::incomplete_plugins());
}

#[test]
fn the_contract_with_plugins_changes_only_on_purpose() {
    none("a folder of the contract is not what its hash says", wit::changed());
}
